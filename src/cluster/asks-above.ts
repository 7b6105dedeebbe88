/** Asks above one that an envelope names, the innermost ones: circles over more nodes, or of more agents, aren't found. */
export const CHAIN_ASKS_MAX = 16;
/** Length of what an envelope says of one of them, UTF-16 code units; the rest is left out. */
const CHAIN_TEXT_MAX = 256;

/**
 * What an envelope says of an ask above its own: which node made it, and under which number. So the node can tell, when the circle
 * comes back to it, whether it still waits; nobody else needs to.
 *
 * @param node the life that made it, as `nodeRefKey` writes it
 * @param answerer who answers it, for people to read
 */
export function askAbove(node: string, correlation: number, answerer = ''): string {
  return `${node}/${correlation}${answerer && `>${answerer}`}`.slice(0, CHAIN_TEXT_MAX);
}

/** The chain of asks above one that is made for `own`. @param above those above `own` */
export function chainWith(above: readonly string[] | undefined, own: string): readonly string[] {
  return above === undefined ? [own] : [...above.slice(1 - CHAIN_ASKS_MAX), own];
}

/** The number of an ask above, where `node` made it. */
export function numberAt(node: string, above: string): number | undefined {
  return above.startsWith(node) && above[node.length] === '/'
    ? Number.parseInt(above.slice(node.length + 1), 10)
    : undefined;
}

/** Who answers it, as far as the envelope says so. */
export function answererOf(above: string): string {
  return above.slice(above.indexOf('>') + 1);
}
