import { SeededRandom } from '../../../src/core/index.ts';

/** What befalls nodes. */
export const FAULTS = ['kill', 'killVoters', 'stop', 'partition', 'notice', 'diskFull', 'clockJump'] as const;
export type FaultKind = (typeof FAULTS)[number];

/** How often each comes, against the others. */
const WEIGHTS: Readonly<Record<FaultKind, number>> = {
  kill: 6,
  killVoters: 1,
  stop: 5,
  partition: 5,
  notice: 4,
  diskFull: 2,
  clockJump: 3,
};
/** From the beginning of one fault to the next, ms. */
const PAUSE_MS = [1_000, 5_000] as const;
/** How long a fault lasts, or a node stays away, ms. */
const LASTS_MS = [200, 8_000] as const;
/** Farthest jump of a clock in either direction, ms. */
const JUMP_MS_MAX = 600_000;

/** One fault, at its time. */
export interface Fault {
  readonly kind: FaultKind;
  /** From the beginning of the soak, ms. */
  readonly atMs: number;
  readonly lastsMs: number;
  /** The nodes that it befalls. */
  readonly nodes: readonly string[];
  /** Clock jump: how far, ms. Notice: time that it leaves, ms. */
  readonly byMs: number;
  /** Partition: whether the nodes can't be heard, can't hear, or both. */
  readonly way: 'in' | 'out' | 'both';
}

/** Who may be befallen by what. */
export interface ScheduleParts {
  readonly seed: number;
  readonly forMs: number;
  readonly voters: readonly string[];
  readonly workers: readonly string[];
  /** The voter whose disk may be full. */
  readonly filled: string;
  readonly kinds: readonly FaultKind[];
}

/**
 * The faults of a soak, as its seed gives them. At most one voter at a time is troubled on purpose, but for `killVoters`: what is to be
 * found is loss, not that two of three can't decide alone.
 */
export function schedule({ seed, forMs, voters, workers, filled, kinds }: ScheduleParts): Fault[] {
  const random = new SeededRandom(seed);
  const between = ([min, max]: readonly [number, number]): number => random.int(min, max + 1);
  const one = <T>(list: readonly T[]): T => list[random.int(0, list.length)] as T;
  const urn = kinds.flatMap((kind) => Array.from({ length: WEIGHTS[kind] }, () => kind));
  const faults: Fault[] = [];
  let votersFreeAt = 0;
  for (let atMs = between(PAUSE_MS); atMs < forMs; atMs += between(PAUSE_MS)) {
    const kind = one(urn);
    const lastsMs = between(LASTS_MS);
    const any = one([...voters, ...workers]);
    const nodes =
      kind === 'killVoters' ? voters : kind === 'diskFull' ? [filled] : kind === 'notice' ? [one(workers)] : [any];
    const jump = Math.round(JUMP_MS_MAX ** random.next()) * one([-1, 1]);
    const way = one(['in', 'out', 'both'] as const);
    const byMs = kind === 'clockJump' ? jump : between([0, 10_000]);
    const troubles = kind !== 'clockJump' && nodes.some((node) => voters.includes(node));
    // Everything is drawn all the same, so that a shorter soak is the beginning of a longer one.
    if (troubles && atMs < votersFreeAt) continue;
    if (troubles) votersFreeAt = atMs + lastsMs + PAUSE_MS[1];
    faults.push({ kind, atMs, lastsMs, nodes, byMs, way });
  }
  return faults;
}
