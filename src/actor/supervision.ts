/** How a child ended: it chose to (`normal`, `shutdown`), its code failed (`crash`), or somebody killed it (`kill`). */
export type ExitKind = 'normal' | 'shutdown' | 'crash' | 'kill';

/** Which exits a child comes back from: all, only crashes and kills, or none. */
export type RestartType = 'permanent' | 'transient' | 'temporary';

/** Who restarts with a failed child: nobody else, all its siblings, or those that were started after it. */
export type Strategy = 'one-for-one' | 'one-for-all' | 'rest-for-one';

/** What a decider answers to an error. */
export type Directive = 'restart' | 'stop' | 'escalate' | 'resume';

/** At most `intensity` restarts in any `periodMs`. */
export interface RestartLimit {
  readonly intensity: number;
  readonly periodMs: number;
}

/** All that a supervision decision depends on. */
export interface ExitFacts {
  readonly exit: ExitKind;
  readonly restart: RestartType;
  readonly strategy: Strategy;
  /** The decider's answer; only crashes have one. */
  readonly directive: Directive;
  /** Whether the child's start hook had finished: state that never began can't be resumed. */
  readonly started: boolean;
  /** Times of earlier restarts under `limit`, ms, oldest first. */
  readonly failures: readonly number[];
  readonly limit: RestartLimit;
  /** Whose limit it is: an exceeded own limit stops the child, the supervisor's makes the supervisor fail. */
  readonly limitOf: 'child' | 'supervisor';
  /** ms, same origin as `failures`. */
  readonly now: number;
}

/** What the supervisor does. */
export type Decision =
  | { readonly action: 'resume' }
  | { readonly action: 'stop'; readonly because: 'exit' | 'directive' | 'intensity' }
  | { readonly action: 'escalate'; readonly because: 'directive' | 'intensity' }
  | { readonly action: 'restart'; readonly strategy: Strategy; readonly failures: readonly number[] };

/**
 * Decides about one exit. The rules are those of Erlang/OTP's supervisor; `resume` and per-error directives are added.
 * The limit counts restarts, not exits: a child that isn't to come back costs nothing.
 */
export function decide(facts: ExitFacts): Decision {
  const failed = facts.exit === 'crash' || facts.exit === 'kill';
  if (facts.exit === 'crash') {
    if (facts.directive === 'resume' && facts.started) return { action: 'resume' };
    if (facts.directive === 'escalate') return { action: 'escalate', because: 'directive' };
    if (facts.directive === 'stop') return { action: 'stop', because: 'directive' };
  }
  const comesBack = facts.restart === 'permanent' || (facts.restart === 'transient' && failed);
  if (!comesBack) return { action: 'stop', because: 'exit' };
  const { intensity, periodMs } = facts.limit;
  if (intensity === Number.POSITIVE_INFINITY) return { action: 'restart', strategy: facts.strategy, failures: [] };
  const failures = facts.failures.filter((at) => facts.now - at < periodMs);
  failures.push(facts.now);
  if (failures.length <= intensity) return { action: 'restart', strategy: facts.strategy, failures };
  return { action: facts.limitOf === 'child' ? 'stop' : 'escalate', because: 'intensity' };
}

/** What a group restart does to its members, as indices into the children in start order. */
export interface GroupPlan {
  /** Ended one after another, in this order. */
  readonly end: readonly number[];
  /** Started again in this order; the others are gone for good. */
  readonly begin: readonly number[];
}

/**
 * Which children a restart touches: ended in reverse order of start, begun in order. A temporary sibling never comes back.
 *
 * @param children restart types in start order
 * @param failed index of the child that caused it; it comes back in any case
 */
export function planRestart(strategy: Strategy, children: readonly RestartType[], failed: number): GroupPlan {
  const from = strategy === 'one-for-all' ? 0 : failed;
  const to = strategy === 'one-for-one' ? failed + 1 : children.length;
  const touched: number[] = [];
  for (let i = from; i < to; i++) touched.push(i);
  return {
    end: touched.toReversed(),
    begin: touched.filter((i) => i === failed || children[i] !== 'temporary'),
  };
}

/**
 * Number of the next restart in a row, for the backoff: 0 again after an incarnation ran for `stableMs`.
 *
 * @param attempt restarts in a row so far
 * @param ranMs how long the last incarnation ran, ms; 0 when it never finished starting
 */
export function nextAttempt(attempt: number, ranMs: number, stableMs: number): number {
  return ranMs >= stableMs ? 0 : attempt;
}
