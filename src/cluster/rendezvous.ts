/**
 * How strongly a node draws a shard: the one that draws it most gets it, so each node's part of all shards is as its weight, and a node
 * that comes or goes changes the order of the others nowhere. Rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to
 * increase hit rates", 1998) with weights by the logarithmic method (Schindelhauer and Schomaker, "Weighted distributed hash tables", 2005).
 *
 * @param weight over 0
 */
export function draw(shard: string, node: string, weight: number): number {
  return -weight / Math.log((hash(`${shard}|${node}`) + 0.5) / 2 ** 32);
}

/** FNV-1a, finished with murmur3's mixer: 32 bits. */
function hash(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
