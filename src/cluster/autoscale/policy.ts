/** Most samples that a policy remembers of one pool; with one a second that is the longest window. */
export const SAMPLES_MAX = 3_600;

/** What one worker bears. A worker at its target in any of these counts as full. */
export interface ScaleTarget {
  /** Messages that wait or run. */
  readonly open: number;
  /** Age of the oldest message that waits, ms. */
  readonly waitMs: number;
  /** How late the event loop is in the mean, ms. */
  readonly lagMs: number;
}

/** How fast a pool grows or shrinks. */
export interface ScalePace {
  /** More workers, or fewer, at once. */
  readonly stepMax: number;
  /** Time between two steps, ms. */
  readonly cooldownMs: number;
  /** Time for which all samples must ask for a step, ms: what passes sooner is a spike, or a lull. At most `SAMPLES_MAX` seconds. */
  readonly windowMs: number;
}

/** What a pool may become, and how. */
export interface ScaleLimits {
  readonly min: number;
  readonly max: number;
  readonly target: ScaleTarget;
  /** Part of what workers bear that must stay free when there are fewer of them, 0 to 1: the hysteresis. */
  readonly slack: number;
  readonly out: ScalePace;
  readonly in: ScalePace;
}

/** The load of a pool: sums over its workers. */
export interface PoolLoad extends ScaleTarget {
  /** Workers that have told their load. */
  readonly heard: number;
  /** Workers that are up and haven't. */
  readonly missing: number;
}

interface Sample {
  readonly atMs: number;
  /** Workers that would bear the load, for growing: who is silent has none. */
  readonly grow: number;
  /** And for shrinking: who is silent is full, and there is slack. */
  readonly shrink: number;
}

/** What a policy remembers of a pool between two decisions. */
export interface ScaleState {
  readonly wanted: number;
  /** Oldest first; the first one may be older than any window, so that it is covered. */
  readonly samples: readonly Sample[];
  /** Monotonic times of the last steps; -Infinity before the first. */
  readonly grewAtMs: number;
  readonly shrankAtMs: number;
  /** Why so many are wanted, for a person. */
  readonly why: string;
}

/** A pool that nobody has decided on yet. */
export function firstState(workers: number): ScaleState {
  const never = Number.NEGATIVE_INFINITY;
  return { wanted: workers, samples: [], grewAtMs: never, shrankAtMs: never, why: 'as it was found' };
}

/**
 * How many workers a pool should have now. As in Kubernetes' horizontal autoscaler a signal in proportion to its target says how many,
 * the signal that asks for most counts, and a window and a pace hold each direction back; what is unknown speaks against each change.
 * Loads that only go up and down between `slack` below and the brim change nothing.
 *
 * @param nowMs monotonic, not before that of `state`
 */
export function decide(limits: ScaleLimits, state: ScaleState, load: PoolLoad, nowMs: number): ScaleState {
  const { min, max, out, in: inward } = limits;
  const samples = load.heard === 0 ? state.samples : remember(limits, state.samples, sample(limits, load, nowMs));
  const to = (wanted: number, why: string, at: Partial<ScaleState> = {}): ScaleState => ({
    ...state,
    ...at,
    samples,
    wanted,
    why,
  });
  const { wanted } = state;
  if (wanted < min) return to(min, 'no fewer are allowed', { grewAtMs: nowMs });
  if (wanted > max) return to(max, 'no more are allowed', { shrankAtMs: nowMs });
  if (load.heard === 0) return to(wanted, 'nobody has told its load');
  const grow = atAnyTime(samples, nowMs, out.windowMs, 'grow', Math.min);
  if (grow > wanted) {
    if (wanted === max) return to(wanted, `${asked(limits, load)}, and no more are allowed`);
    if (nowMs - state.grewAtMs < out.cooldownMs) return to(wanted, `${asked(limits, load)}; it grew just now`);
    return to(Math.min(grow, max, wanted + out.stepMax), asked(limits, load), { grewAtMs: nowMs });
  }
  const shrink = Math.max(min, atAnyTime(samples, nowMs, inward.windowMs, 'shrink', Math.max));
  if (shrink < wanted) {
    const last = Math.max(state.grewAtMs, state.shrankAtMs);
    if (nowMs - last < inward.cooldownMs) return to(wanted, `fewer would do; it ${changed(state)} just now`);
    return to(Math.max(shrink, wanted - inward.stepMax), 'fewer do', { shrankAtMs: nowMs });
  }
  return to(wanted, 'enough, and none too many');
}

function changed({ grewAtMs, shrankAtMs }: ScaleState): string {
  return grewAtMs > shrankAtMs ? 'grew' : 'shrank';
}

function sample({ target, slack }: ScaleLimits, load: PoolLoad, atMs: number): Sample {
  const full = Math.max(...signals(target, load).map(([share]) => share));
  return { atMs, grow: Math.ceil(full), shrink: Math.ceil((full + load.missing) / (1 - slack)) };
}

/** Each signal as the number of workers that it would fill, and in words. */
function signals(target: ScaleTarget, load: PoolLoad): (readonly [number, string])[] {
  const each = (sum: number): number => Math.round(sum / Math.max(1, load.heard));
  return [
    [load.open / target.open, `${load.open} messages wait or run`],
    [load.waitMs / target.waitMs, `messages wait for ${each(load.waitMs)} ms`],
    [load.lagMs / target.lagMs, `event loops are ${each(load.lagMs)} ms late`],
  ];
}

/** What asks for most. */
function asked({ target }: ScaleLimits, load: PoolLoad): string {
  const [most] = signals(target, load).toSorted(([a], [b]) => b - a);
  return most?.[1] ?? '';
}

/** Adds a sample, and forgets what no window needs: of those before the longest one only the last stays. */
function remember({ out, in: inward }: ScaleLimits, samples: readonly Sample[], next: Sample): Sample[] {
  const from = next.atMs - Math.max(out.windowMs, inward.windowMs);
  const first = samples.findLastIndex(({ atMs }) => atMs <= from);
  return [...samples.slice(Math.max(0, first)), next].slice(-SAMPLES_MAX);
}

/** The mildest that was asked for in a window; NaN, which is neither more nor less, while samples don't cover it. */
function atAnyTime(
  samples: readonly Sample[],
  nowMs: number,
  windowMs: number,
  what: 'grow' | 'shrink',
  mildest: (...values: number[]) => number,
): number {
  const from = nowMs - windowMs;
  if (!samples.some(({ atMs }) => atMs <= from)) return Number.NaN;
  // What was asked last before the window was asked when it began.
  const first = samples.findLastIndex(({ atMs }) => atMs <= from);
  return mildest(...samples.slice(first).map((each) => each[what]));
}
