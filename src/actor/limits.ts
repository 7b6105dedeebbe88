/** Every bound of the kernel, with its unit. A mailbox's own bounds can also be set per actor. */
export interface KernelLimits {
  /** Messages that one mailbox holds; past it its overflow policy decides. */
  readonly mailboxMessages: number;
  /** Bytes that one mailbox holds. Counts only where a `sizeOf` is given. */
  readonly mailboxBytes: number;
  /** Senders that may wait in `offer` at one mailbox; the next one is refused with OVERLOADED. */
  readonly mailboxWaiters: number;
  /** Messages that one actor may set aside with `stash`, unless it sets its own bound. */
  readonly stashMessages: number;
  /** Bytes that one actor may set aside with `stash`. Counts only where a `sizeOf` is given. */
  readonly stashBytes: number;
  /** Timers that one actor may have set. */
  readonly timersPerActor: number;
  /** Promises that one actor may have piped to itself and not yet heard of. */
  readonly pipesPerActor: number;
  /** Children of one actor. */
  readonly childrenPerActor: number;
  /** Dead letters that are kept; older ones are forgotten but stay counted. */
  readonly deadLetters: number;
  /** Bytes of the dead letters that are kept, as far as their receivers have a `sizeOf`. */
  readonly deadLetterBytes: number;
  /** Asks that may be open at once in the system; the next one is refused with OVERLOADED. */
  readonly openAsks: number;
  /** Deadline of an ask that names none, ms. */
  readonly askTimeoutMs: number;
  /** How long an actor may take to stop (its handler, then its stop hook) before it is abandoned, ms. */
  readonly shutdownMs: number;
  /** Restarts of one top-level actor in `topLevelPeriodMs`, unless the system or the actor sets its own. */
  readonly topLevelIntensity: number;
  /** Period of `topLevelIntensity`, ms. */
  readonly topLevelPeriodMs: number;
  /** Time after which dispatch lets the event loop serve timers and I/O, ms. Sensible: 1 to 5. */
  readonly sliceMs: number;
  /** Messages after which dispatch lets the event loop serve timers and I/O, whatever the time. */
  readonly sliceMessages: number;
}

/** Limits that suit a node with tens of thousands of agents. */
export const DEFAULT_LIMITS: KernelLimits = {
  mailboxMessages: 10_000,
  mailboxBytes: 64 * 1024 * 1024,
  mailboxWaiters: 1_000,
  stashMessages: 1_000,
  stashBytes: 16 * 1024 * 1024,
  timersPerActor: 1_000,
  pipesPerActor: 1_000,
  childrenPerActor: 4_000_000,
  deadLetters: 1_000,
  deadLetterBytes: 16 * 1024 * 1024,
  openAsks: 1_000_000,
  askTimeoutMs: 30_000,
  shutdownMs: 5_000,
  topLevelIntensity: 3,
  topLevelPeriodMs: 10_000,
  sliceMs: 3,
  sliceMessages: 50_000,
};
