import type { Clock, Logger, Random, Tracer } from '../core/index.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Deadlines } from './deadlines.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { KernelLimits } from './limits.ts';
import type { SpareMailboxes } from './mailbox.ts';
import type { ActorSpec, SpawnOptions } from './options.ts';
import type { Ref } from './ref.ts';
import type { ExitKind } from './supervision.ts';

/** Told each time a supervisor decides to restart an actor. */
export interface RestartEvent {
  readonly ref: Ref<never>;
  readonly exit: ExitKind;
  readonly error: unknown;
  /** Restarts of this actor so far, this one included. */
  readonly restarts: number;
  /** Backoff before the new incarnation begins, ms. */
  readonly delayMs: number;
}

/** What every actor of a system shares. */
export interface Kernel {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly tracer: Tracer;
  readonly limits: KernelLimits;
  readonly dispatcher: Dispatcher;
  readonly deadLetters: DeadLetters;
  readonly deadlines: Deadlines;
  readonly spareMailboxes: SpareMailboxes;
  /** Spec of a child of an actor; one and the same for all that say nothing special. */
  specOf<M>(options: SpawnOptions<M> | undefined): ActorSpec<M>;
  /** Number of the next actor; never used twice. */
  nextId(): number;
  restarted(event: RestartEvent): void;
  /** The root itself failed. */
  fatal(error: unknown): void;
}
