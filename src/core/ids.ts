/** Name of a node, unique in its cluster and never reused for another machine, e.g. `node-1`. */
export type NodeId = string;

/**
 * Which life of a node: the index of the ledger entry that let it join. It grows with each life, so the
 * larger of two incarnations of one node is always the newer.
 */
export type Incarnation = number;

/** One life of one node: what a link connects and what owns a shard. */
export interface NodeRef {
  readonly node: NodeId;
  readonly incarnation: Incarnation;
}

/** Where an agent is to be found, whichever node it lives on now. */
export interface AgentAddress {
  readonly kind: string;
  readonly key: string;
}

/** One shard of a group. A group is named after the agent kind whose keys it holds. */
export interface ShardId {
  readonly group: string;
  readonly shard: number;
}

/** Number that grows with each new owner of a shard: the fencing token. 0 means never owned. */
export type Epoch = number;

/** Proof of ownership that a command carries when it acts for the owner of a shard. */
export interface Fence extends ShardId {
  readonly epoch: Epoch;
}

/** Text form of a node's life, usable as a map key: `node-1#42`. */
export function nodeRefKey(ref: NodeRef): string {
  return `${ref.node}#${ref.incarnation}`;
}

/** Text form of an agent's address, usable as a map key: `kind/key`. A kind never contains a slash. */
export function agentAddressKey(address: AgentAddress): string {
  return `${address.kind}/${address.key}`;
}

/** Text form of a shard, usable as a map key: `group:7`. */
export function shardKey(id: ShardId): string {
  return `${id.group}:${id.shard}`;
}

/**
 * The shard that holds a key: FNV-1a (32 bit) over the key's UTF-16 code units, modulo the number of shards.
 *
 * @param key the agent's key
 * @param shards how many shards the group has, 1 or more
 */
export function shardOf(key: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) {
    hash ^= key.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  // FNV's low bits are weak for short keys: mix them before the modulo (murmur3's finaliser).
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  return (hash >>> 0) % shards;
}
