import type { GroupSpec, NodeRecord } from '../coordinator/index.ts';
import type { NodeId } from '../core/index.ts';
import { weightOf } from './eligible.ts';
import { draw } from './rendezvous.ts';

/** Sums of floating-point parts are off by less than this many shards. */
const ROUNDING = 1e-6;

/** A node that may host a group, and what it has of it. */
export interface Seat {
  readonly node: NodeRecord;
  /** Its part of the group's shards by weight; seldom a whole number. */
  readonly fair: number;
  /** `fair` rounded down and up: it should have one of these. */
  readonly least: number;
  readonly most: number;
  /** Shards that are here, or on their way here. */
  load: number;
  /** Those of them that may be moved. */
  readonly movable: Set<number>;
}

/**
 * Where the shards of one group are while a plan is made. The bound of a host's load (Mirrokni, Thorup and Zadimoghaddam, "Consistent
 * hashing with bounded loads", 2018) is its fair part rounded up, with no slack: their slack keeps moves few where nothing remembers
 * the last layout, and here shards stay where they are unless their host is over its bound or another is below its part.
 */
export class Layout {
  readonly spec: GroupSpec;
  readonly seats: readonly Seat[];
  readonly #byNode: Map<NodeId, Seat>;

  /** @param shards how many are to be shared out among the hosts */
  constructor(spec: GroupSpec, hosts: readonly NodeRecord[], shards: number) {
    this.spec = spec;
    // In one order, so that the sum is the same to the last bit.
    const inOrder = hosts.toSorted((a, b) => (a.node < b.node ? -1 : 1));
    const weights = inOrder.reduce((sum, host) => sum + weightOf(host), 0);
    this.seats = inOrder.map((node) => {
      const fair = (shards * weightOf(node)) / weights;
      const [least, most] = [Math.floor(fair + ROUNDING), Math.ceil(fair - ROUNDING)];
      return { node, fair, least, most, load: 0, movable: new Set() };
    });
    this.#byNode = new Map(this.seats.map((seat) => [seat.node.node, seat]));
  }

  seat(node: NodeId): Seat | undefined {
    return this.#byNode.get(node);
  }

  /** Counts a shard at a host; what is no host of the group isn't counted. */
  put(shard: number, node: NodeId, movable: boolean): void {
    const seat = this.#byNode.get(node);
    if (seat === undefined) return;
    seat.load++;
    if (movable) seat.movable.add(shard);
  }

  /** The host that draws a shard most, of those below their part, else of those that aren't full. Undefined without hosts. */
  home(shard: number): Seat | undefined {
    return this.#drawn(shard, (seat) => seat.load < seat.least) ?? this.#drawn(shard, (seat) => seat.load < seat.most);
  }

  /** Takes a shard from one host to the other: of those that may be moved the one that the other draws most. */
  shift(from: Seat, to: Seat): number | undefined {
    let best: number | undefined;
    let bestDraw = 0;
    for (const shard of from.movable) {
      const drawn = this.#draw(shard, to);
      if (drawn > bestDraw) [best, bestDraw] = [shard, drawn];
    }
    if (best === undefined) return undefined;
    from.movable.delete(best);
    from.load--;
    to.load++;
    return best;
  }

  #drawn(shard: number, wanted: (seat: Seat) => boolean): Seat | undefined {
    let best: Seat | undefined;
    let bestDraw = 0;
    for (const seat of this.seats) {
      if (!wanted(seat)) continue;
      const drawn = this.#draw(shard, seat);
      if (drawn > bestDraw) [best, bestDraw] = [seat, drawn];
    }
    return best;
  }

  #draw(shard: number, { node }: Seat): number {
    return draw(`${this.spec.group}:${shard}`, node.node, weightOf(node));
  }
}
