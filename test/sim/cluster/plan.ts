import type { ClusterConfigInput } from '../../../src/node/index.ts';
import type { ClockDrift } from '../clocks.ts';
import { pick, stream } from '../plan.ts';
import type { Weather } from './network.ts';

/** Kinds of fault that a run of the cluster may hold. Each seed leaves some out. */
export const CLUSTER_FAULTS = [
  'crash',
  'blackout',
  'kill',
  'crash-at-append',
  'crash-at-effect',
  'pause',
  'cut-one',
  'cut-halves',
  'cut-one-way',
  'reset',
  'slow',
  'clock-jump',
  'stop',
  'lose-workers',
  'notice',
  'two-notices',
  'notice-to-workers',
  'false-alarm',
  'advice',
  'order',
  'kill-target',
  'late-append',
] as const;

/** A kind of fault. */
export type ClusterFault = (typeof CLUSTER_FAULTS)[number];

/** Faults after which nobody may have noticed anything but a pause: machines leave only when they are empty. */
const GENTLE: readonly ClusterFault[] = [
  'reset',
  'slow',
  'clock-jump',
  'notice',
  'two-notices',
  'false-alarm',
  'advice',
  'order',
];

/** What one seed runs. */
export interface ClusterPlan {
  /** Nothing dies, and every notice leaves time enough: then no message may be lost or overtake another. */
  readonly gentle: boolean;
  readonly voters: readonly string[];
  /** Spot capacity. */
  readonly workers: readonly string[];
  readonly timing: NonNullable<ClusterConfigInput['timing']>;
  readonly weather: Weather;
  readonly sectorBytes: number;
  /** Mean time of a sync, and of what the tool outside the cluster takes, ms. */
  readonly syncMs: number;
  readonly toolMs: number;
  /** Faults of this run, with the mean time between two of a kind, ms. */
  readonly faults: ReadonlyMap<ClusterFault, number>;
  readonly clients: number;
  /** Agents of each kind. */
  readonly keys: number;
  /** Idle time after which an agent leaves memory, ms. */
  readonly passivateAfterMs: number;
  /** Whether agents set timers: those go by their machines' clocks, which aren't so wrong then. */
  readonly timers: boolean;
  /** Whether sinks live on workers only: while there is none, what they are sent waits. */
  readonly spotOnly: boolean;
  /** Mean pause of a client between two operations, ms, and how many it has open at most. */
  readonly thinkMs: number;
  readonly openMax: number;
  /** Virtual time with faults, ms. */
  readonly activeMs: number;
  /** Draws how wrong the next clock is. */
  drift(): ClockDrift;
}

/** Mean time between two faults of a kind, before the seed's own factor, ms. */
const MEAN_MS: Readonly<Record<ClusterFault, number>> = {
  crash: 15_000,
  blackout: 60_000,
  kill: 12_000,
  'crash-at-append': 12_000,
  'crash-at-effect': 10_000,
  pause: 10_000,
  'cut-one': 15_000,
  'cut-halves': 25_000,
  'cut-one-way': 15_000,
  reset: 8_000,
  slow: 10_000,
  'clock-jump': 20_000,
  stop: 30_000,
  'lose-workers': 40_000,
  notice: 10_000,
  'two-notices': 25_000,
  'notice-to-workers': 40_000,
  'false-alarm': 12_000,
  advice: 12_000,
  order: 15_000,
  'kill-target': 8_000,
  'late-append': 8_000,
};

/** Draws the plan of a seed. */
export function clusterPlanOf(seed: number): ClusterPlan {
  const random = stream(seed, 'cluster plan');
  const chaos = pick(random, [1, 1.5, 2.5]);
  const gentle = random.next() < 0.4;
  const faults = new Map<ClusterFault, number>();
  for (const fault of CLUSTER_FAULTS) {
    const meanMs = MEAN_MS[fault] * chaos * (0.5 + random.next());
    const drawn = random.next() < (gentle ? 0.7 : 0.45);
    if (drawn && (!gentle || GENTLE.includes(fault))) faults.set(fault, gentle ? meanMs / 2 : meanMs);
  }
  const drift = pick(random, [0, 0, 0.02, 0.1]);
  const timers = stream(seed, 'timers').next() < 0.7;
  const offsetMs = timers ? 500 : 5_000;
  const names = (prefix: string, count: number): string[] =>
    Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);
  return {
    gentle,
    voters: names('n', pick(random, [1, 3, 3, 3])),
    workers: names('w', pick(random, [2, 2, 3])),
    timing: pick(random, [
      { raftTickMs: 50, keepAliveMs: 150, downAfterMs: 1_200 },
      { raftTickMs: 100, keepAliveMs: 300, downAfterMs: 2_000 },
    ]),
    weather: {
      delayMs: pick(random, [0.5, 2, 8]),
      jitterMs: pick(random, [1, 4, 16]),
      loss: gentle ? 0 : pick(random, [0, 0, 0.01, 0.05]),
    },
    sectorBytes: pick(random, [512, 512, 64]),
    syncMs: pick(random, [1, 4, 12]),
    toolMs: pick(random, gentle ? [5, 40, 120] : [5, 40, 200, 1_500]),
    faults,
    clients: pick(random, [2, 3]),
    keys: pick(random, gentle ? [1, 2, 3] : [2, 3, 4]),
    passivateAfterMs: pick(random, [1_500, 60_000]),
    timers,
    spotOnly: stream(seed, 'spot only').next() < 0.4,
    thinkMs: pick(random, gentle ? [100, 250] : [300, 600, 1_200]),
    openMax: pick(random, gentle ? [3, 6] : [1, 2, 4]),
    activeMs: pick(random, [10_000, 15_000, 25_000]),
    drift: () => ({ rate: 1 + drift * (2 * random.next() - 1), offsetMs: random.int(-offsetMs, offsetMs) }),
  };
}
