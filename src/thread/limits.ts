import { TroupeError } from '../core/index.ts';

/** What one thread may take, and what it is given. */
export interface ThreadLimits {
  /**
   * Memory, MB: heap, with what isn't collected yet, and buffers. Looked at every `LOOK_MS`, so a bomb may hold more for that
   * long. Default 256; give it several times what is live.
   */
  readonly heapMb: number;
  /** How long its event loop may stand still before it counts as stuck, ms. More than the longest computation. Default 30,000. */
  readonly stuckMs: number;
  /** How long it may take to stop, ms; then it is ended. Default 5,000. */
  readonly shutdownMs: number;
  /** Its `process.env`. Default: a copy of the process's own; `{}` withholds it. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Flags of Node's permission model for this thread, such as `['--permission', '--allow-fs-read=/app/*']`: without
   * `--permission` it may do all that the process may. It has to be able to read its own modules and those of Troupe.
   */
  readonly permissions?: readonly string[];
}

/** Limits of a thread that says nothing. */
export const DEFAULT_THREAD_LIMITS: ThreadLimits = { heapMb: 256, stuckMs: 30_000, shutdownMs: 5_000 };

/** All limits of a thread. @throws TroupeError INVALID_ARGUMENT naming the one that can't work */
export function resolveLimits(given: Partial<ThreadLimits>): ThreadLimits {
  const limits = { ...DEFAULT_THREAD_LIMITS, ...given };
  const least = { heapMb: 1, stuckMs: LOOK_MS, shutdownMs: 0 } as const;
  for (const name of ['heapMb', 'stuckMs', 'shutdownMs'] as const) {
    if (limits[name] >= least[name]) continue;
    throw new TroupeError('INVALID_ARGUMENT', `${name} must be ${least[name]} or more, not ${limits[name]}`);
  }
  return limits;
}

/** Threads at a time, unless told otherwise. Each takes about 10 MB and shares the cores with all others. */
export const THREADS_MAX = 8;
/** Who may wait for one; the next is refused with OVERLOADED. */
export const THREAD_WAITERS_MAX = 1_000;
/** How long one is waited for, ms; then OVERLOADED. */
export const THREAD_WAIT_MS = 10_000;

/** How often a thread is looked at: does it live, how much does it hold, ms. */
export const LOOK_MS = 100;
/** How often a thread says that its event loop turns, ms. Well below LOOK_MS. */
export const BEAT_MS = 25;
/** Least time that a thread has to load its modules, whatever `stuckMs`, ms. */
export const LOAD_MS = 10_000;
/**
 * What V8's own limit is above `heapMb`, MB. V8 ends a thread in good order only while it grows in small pieces: one
 * allocation that goes 16 MB beyond the limit aborts the whole process. With this much room the look comes first.
 */
export const HEADROOM_MB = 4_096;
/** Where a thread's priority is its own (Linux): how much nicer it is, so that main and control thread go first. */
export const NICE = 10;

/** Messages and calls on their way into one direction of a channel, not taken yet; then senders wait. */
export const FRAMES_MAX = 1_024;
/** Calls that one side of a channel may have open; the next is refused with OVERLOADED. */
export const CALLS_MAX = 10_000;
/** Frames of every sort that one turn of the event loop may bring, if the other end keeps to the two limits above. */
export const FRAMES_PER_TURN_MAX: number = FRAMES_MAX + 2 * CALLS_MAX;
/** One message across a channel, bytes. */
export const FRAME_BYTES_MAX: number = 64 * 1024 * 1024;
/** Refs, and places for answers, that one thread may hold of the other side or lend to it. */
export const CROSSED_MAX = 10_000;
