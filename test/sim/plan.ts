import { type Random, SeededRandom } from '../../src/core/index.ts';
import type { ClockDrift } from './clocks.ts';

/** Kinds of fault that a run may hold. Each seed leaves some out: rare mixtures are then found sooner. */
export const FAULTS = [
  'crash',
  'blackout',
  'kill',
  'kill-apply',
  'crash-at-sync',
  'crash-at-vote',
  'pause',
  'pause-at-heartbeat',
  'cut-one',
  'cut-halves',
  'cut-random',
  'cut-one-way',
  'cut-leader',
  'cut-at-transfer',
  'late-answers',
  'clog',
  'slow-disk',
  'failed-sync',
  'io-error',
  'full-disk',
  'flipped-bit',
  'wiped-disk',
  'transfer',
  'failed-transfer',
  'compact',
  'membership',
  'hasty-membership',
] as const;

/** A kind of fault. */
export type Fault = (typeof FAULTS)[number];

/** How links behave while faults last. */
export interface LinkPlan {
  /** Share of messages lost, 0 to 0.3. */
  readonly loss: number;
  /** Share of messages that arrive twice, 0 to 0.5; the second may be seconds late. */
  readonly replay: number;
  /** How late a copy may be, ms. */
  readonly replayMs: number;
  /** Least time under way, ms. */
  readonly delayMs: number;
  /** Mean of what is added to it, ms. */
  readonly jitterMs: number;
  /** Whether messages of one link may overtake each other. */
  readonly reorder: boolean;
}

/** What one seed runs. */
export interface Plan {
  readonly voters: readonly string[];
  /** Machines that may join later. */
  readonly spares: readonly string[];
  readonly tickMs: number;
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  readonly snapshotEveryEntries: number;
  readonly keepEntries: number;
  readonly segmentBytes: number;
  /** Bytes of entries that a log keeps in memory; small ones make it read the disk. */
  readonly cacheBytesMax: number;
  /** Bytes of entries that are sent, and applied, at once; small ones make a laggard's way long. */
  readonly appendBytesMax: number;
  readonly applyBytesMax: number;
  /** A small one makes members that are behind wait for some ticks. */
  readonly catchUpBytesPerSecond: number;
  readonly links: LinkPlan;
  /** What a disk writes whole or not at all. */
  readonly sectorBytes: number;
  /** Mean time of a sync, ms. */
  readonly syncMs: number;
  /** Faults of this run, with the mean time between two of a kind, ms. */
  readonly faults: ReadonlyMap<Fault, number>;
  readonly clients: number;
  readonly keys: number;
  /** Bytes that a value is filled up by, at most: large ones don't fit into one sector. */
  readonly fillerBytesMax: number;
  /** Mean pause of a client between two operations, ms. */
  readonly thinkMs: number;
  /** Whether leaders may answer reads under a lease. */
  readonly leaseReads: boolean;
  /** Virtual time with faults, ms. */
  readonly activeMs: number;
  /** Draws how wrong the next clock is; rates differ by less than a lease bears. */
  drift(): ClockDrift;
}

/** A source of randomness of its own for each concern: a draw more in one doesn't change the others. */
export function stream(seed: number, concern: string): Random {
  let mixed = seed ^ 0x5bd1e995;
  for (let i = 0; i < concern.length; i++) mixed = Math.imul(mixed ^ concern.charCodeAt(i), 0x01000193);
  return new SeededRandom(mixed ^ (mixed >>> 13));
}

/** One of these. */
export function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.int(0, items.length)] as T;
}

/** Time until the next of events that come by chance, `meanMs` apart. */
export function exponential(random: Random, meanMs: number): number {
  return -Math.log(1 - random.next()) * meanMs;
}

/** Draws the plan of a seed. @param voters how many, when the seed is not to choose */
export function planOf(seed: number, voters?: number): Plan {
  const random = stream(seed, 'plan');
  const size = pick(random, [1, 2, 3, 3, 3, 3, 4, 5, 5]);
  const tickMs = pick(random, [160, 160, 240]);
  const leaseReads = random.next() < 0.5;
  // Short leases are over before anything can go wrong with them.
  const electionTicks = pick(random, leaseReads ? [8, 10, 16] : [6, 8, 10]);
  const electionMs = tickMs * electionTicks;
  const chaos = pick(random, [1, 1.5, 2.5, 5]);
  const faults = new Map<Fault, number>();
  for (const fault of FAULTS) {
    const drawn = stream(seed, fault);
    const meanMs = electionMs * MEAN_ELECTIONS[fault] * chaos * (0.5 + drawn.next());
    if (drawn.next() < 0.55) faults.set(fault, meanMs);
  }
  const calm = random.next() < 0.3;
  const drift = pick(random, [0, 0, 0.02, 0.13]);
  return {
    voters: names('n', 1, voters ?? size),
    spares: names('n', (voters ?? size) + 1, pick(random, [1, 2, 3])),
    tickMs,
    electionTicks,
    heartbeatTicks: pick(random, [1, 2, 2]),
    snapshotEveryEntries: pick(random, [6, 20, 50, 200]),
    keepEntries: pick(random, [0, 2, 10, 50]),
    segmentBytes: pick(random, [4096, 4096, 16_384]),
    cacheBytesMax: pick(random, [0, 512, 65_536]),
    appendBytesMax: pick(random, [64, 300, 65_536]),
    applyBytesMax: pick(random, [64, 65_536]),
    catchUpBytesPerSecond: pick(stream(seed, 'catch-up'), [8_192, 65_536, 2 ** 24]) * (1_000 / tickMs),
    links: {
      loss: calm ? 0 : pick(random, [0, 0.02, 0.1, 0.3]),
      replay: calm ? 0 : pick(random, [0, 0.05, 0.2, 0.5]),
      replayMs: 8 * electionMs,
      delayMs: pick(random, [0.5, 8, 32]),
      jitterMs: pick(random, [2, 16, 128]),
      reorder: random.next() < 0.7,
    },
    sectorBytes: pick(random, [512, 512, 64]),
    syncMs: pick(random, [1, 8, 32]),
    faults,
    clients: pick(random, [2, 3, 4]),
    keys: pick(random, [1, 2, 4]),
    fillerBytesMax: pick(random, [0, 0, 0, 700]),
    thinkMs: pick(random, [1_600, 3_200, 8_000]),
    activeMs: pick(random, [96_000, 144_000, 192_000]),
    leaseReads,
    drift: () => ({ rate: 1 + drift * (2 * random.next() - 1), offsetMs: random.int(-5_000, 5_000) }),
  };
}

/** Mean election time-outs between two faults of a kind, before the seed's own factor. */
const MEAN_ELECTIONS: Readonly<Record<Fault, number>> = {
  crash: 12,
  blackout: 50,
  kill: 15,
  'kill-apply': 25,
  'crash-at-sync': 12,
  'crash-at-vote': 12,
  pause: 10,
  'pause-at-heartbeat': 20,
  'cut-one': 15,
  'cut-halves': 20,
  'cut-random': 20,
  'cut-one-way': 15,
  'cut-leader': 20,
  'cut-at-transfer': 20,
  'late-answers': 20,
  clog: 10,
  'slow-disk': 12,
  'failed-sync': 40,
  'io-error': 40,
  'full-disk': 40,
  'flipped-bit': 30,
  'wiped-disk': 60,
  transfer: 12,
  'failed-transfer': 25,
  compact: 12,
  membership: 8,
  'hasty-membership': 20,
};

function names(prefix: string, from: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${from + i}`);
}
