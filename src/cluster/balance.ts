import type { NodeId } from '../core/index.ts';
import type { Layout, Seat } from './layout.ts';

/** A node's sum over all groups is left alone while it is within this factor of its fair part. */
const TOTAL_SLACK = 1.25;

/** Moves a shard of a group, if it may; returns whether it did. */
export type Shift = (layout: Layout, from: Seat, to: Seat, why: string) => boolean;

interface Sum {
  readonly node: NodeId;
  load: number;
  fair: number;
}

/**
 * Evens a group out: shards go from hosts with too many to hosts with too few, one at a time. Neither comes to the other side of its
 * part by that, so no move is ever taken back.
 */
export function balanceShares(layout: Layout, shift: Shift): void {
  while (layout.seats.some(({ load, least, most }) => load > most || load < least) && shiftShare(layout, shift));
}

function shiftShare(layout: Layout, shift: Shift): boolean {
  const byExcess = layout.seats.toSorted(moreExcess);
  for (const from of byExcess) {
    if (from.load <= from.least) continue;
    for (const to of byExcess.toReversed()) {
      if (to.load >= to.most || (from.load <= from.most && to.load >= to.least)) continue;
      const why = `of ${layout.spec.group}, ${words(from.node.node, from)}, ${words(to.node.node, to)}`;
      if (shift(layout, from, to, why)) return true;
    }
  }
  return false;
}

/**
 * Evens the sums over all groups out, as far as each group stays even: kinds of a single shard would otherwise gather on the nodes that
 * have been up longest.
 */
export function balanceTotals(layouts: readonly Layout[], shift: Shift): void {
  while (shiftTotal(layouts, shift));
}

function shiftTotal(layouts: readonly Layout[], shift: Shift): boolean {
  const byExcess = sumsOf(layouts).toSorted(moreExcess);
  for (const donor of byExcess) {
    if (donor.load < donor.fair + 1) return false;
    for (const taker of byExcess.toReversed()) {
      if (taker.load > taker.fair - 1) break;
      if (donor.load <= donor.fair * TOTAL_SLACK && taker.load >= taker.fair / TOTAL_SLACK) continue;
      const why = `of all kinds, ${words(donor.node, donor)}, ${words(taker.node, taker)}`;
      for (const layout of layouts) {
        const [from, to] = [layout.seat(donor.node), layout.seat(taker.node)];
        if (from === undefined || to === undefined || from.load <= from.least || to.load >= to.most) continue;
        if (shift(layout, from, to, why)) return true;
      }
    }
  }
  return false;
}

function sumsOf(layouts: readonly Layout[]): Sum[] {
  const sums = new Map<NodeId, Sum>();
  for (const { node, load, fair } of layouts.flatMap(({ seats }) => seats)) {
    const sum = sums.get(node.node) ?? { node: node.node, load: 0, fair: 0 };
    sum.load += load;
    sum.fair += fair;
    sums.set(node.node, sum);
  }
  return [...sums.values()];
}

interface Part {
  readonly load: number;
  readonly fair: number;
}

function moreExcess(a: Part, b: Part): number {
  return b.load - b.fair - (a.load - a.fair);
}

function words(node: NodeId, { load, fair }: Part): string {
  return `${node} has ${load} for a fair ${fair.toFixed(1)}`;
}
