import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type BackoffPolicy, TroupeError } from '../core/index.ts';
import type { KernelLimits } from './limits.ts';
import type { MailboxBounds, OverflowPolicy } from './overflow.ts';
import { type MailPriority, PRIORITY_LEVELS_MAX } from './priority-mailbox.ts';
import type { Directive, RestartLimit, RestartType, Strategy } from './supervision.ts';

/** How an actor treats its children. */
export interface SupervisionOptions {
  /** Default one-for-one. */
  readonly strategy?: Strategy;
  /** Restarts of children allowed in `periodMs`, all children together; past it the actor itself fails. Default 3. */
  readonly intensity?: number;
  /** Default 10,000 ms. */
  readonly periodMs?: number;
  /** What to do about an error of a child; default: restart. If it throws, the child is restarted. */
  readonly decider?: (error: unknown) => Directive;
  /**
   * How children are stopped, always in reverse order of start: each after the one before has ended (default), or all
   * at once, for children that don't depend on each other.
   */
  readonly stopOrder?: 'one-by-one' | 'together';
}

/** How long to wait before a restart. */
export interface RestartBackoff extends BackoffPolicy {
  /** An incarnation that ran this long ends the row: the next delay is `minMs` again. */
  readonly stableMs: number;
}

/** What a message says about itself. Only accessors: the kernel never changes a message. */
export interface EnvelopeAccess<M> {
  /** W3C traceparent of a sampled message, else undefined: then the tracer isn't touched. */
  traceparent?(message: M): string | undefined;
  /** Who sent it, for dead letters. */
  sender?(message: M): string | undefined;
}

/** How an actor is kept. Everything has a default. */
export interface SpawnOptions<M> {
  /** Unique among its living siblings; without one the actor is named after its number. */
  readonly name?: string;
  readonly mailbox?: {
    /** Messages; default `mailboxMessages` of the limits. */
    readonly capacity?: number;
    /** Bytes; default `mailboxBytes`. Needs `sizeOf`. */
    readonly bytes?: number;
    /** Default `reject`. */
    readonly overflow?: OverflowPolicy;
    /** Size of a message in bytes; without it only messages count. Must not throw. */
    readonly sizeOf?: (message: M) => number;
    /** Lets urgent messages pass the others. Default: first come, first served. */
    readonly priority?: MailPriority<M>;
    /** What may be set aside with `stash`; default `stashMessages` and `stashBytes` of the limits. Bytes need `sizeOf`. */
    readonly stash?: Partial<MailboxBounds>;
  };
  /** Default `transient`: it comes back from crashes, and an actor that stops itself stays stopped. */
  readonly restart?: RestartType;
  /** Limit for this child alone: past it the child stops, and its supervisor lives on. Default: the supervisor's limit. */
  readonly restartLimit?: RestartLimit;
  /** Default: 100 ms doubling to 30 s, jitter 0.2, stable after 10 s. */
  readonly backoff?: Partial<RestartBackoff>;
  /** Time to stop, for its handler and again for its stop hook; default `shutdownMs` of the limits. */
  readonly shutdownMs?: number;
  /** How it treats its own children. */
  readonly supervision?: SupervisionOptions;
  readonly envelope?: EnvelopeAccess<M>;
  /**
   * What its messages are: a Standard Schema that answers at once. Those that come from other nodes are checked, and it gets what the schema makes of
   * them, which must be its messages; in one system the compiler has seen to that. Default: no check.
   */
  readonly schema?: StandardSchemaV1;
}

/** Spawn options with all defaults filled in; shared by actors that say nothing special. */
export interface ActorSpec<M> {
  readonly bounds: MailboxBounds;
  readonly overflow: OverflowPolicy;
  sizeOf?(message: M): number;
  readonly priority?: MailPriority<M>;
  readonly stash: MailboxBounds;
  readonly restart: RestartType;
  readonly restartLimit: RestartLimit | undefined;
  readonly backoff: RestartBackoff;
  readonly shutdownMs: number;
  readonly supervision: Required<Omit<SupervisionOptions, 'decider'>> & Pick<SupervisionOptions, 'decider'>;
  /** Set only when spans are recorded at all. */
  traceparent?(message: M): string | undefined;
  sender?(message: M): string | undefined;
  readonly schema?: StandardSchemaV1;
}

const DEFAULT_BACKOFF: RestartBackoff = { minMs: 100, maxMs: 30_000, jitter: 0.2, stableMs: 10_000 };
const DEFAULT_SUPERVISION: ActorSpec<never>['supervision'] = {
  strategy: 'one-for-one',
  intensity: 3,
  periodMs: 10_000,
  stopOrder: 'one-by-one',
};

/** Whether nothing but a name is given, so that a shared spec will do. */
export function isPlain<M>(options: SpawnOptions<M>): boolean {
  for (const key in options) {
    if (key !== 'name' && options[key as keyof SpawnOptions<M>] !== undefined) return false;
  }
  return true;
}

/**
 * Fills in the defaults.
 *
 * @throws TroupeError INVALID_ARGUMENT naming the option that can't work
 */
export function resolveSpec<M>(options: SpawnOptions<M>, limits: KernelLimits, tracing: boolean): ActorSpec<M> {
  const { mailbox = {}, envelope = {} } = options;
  const spec: ActorSpec<M> = {
    bounds: { messages: mailbox.capacity ?? limits.mailboxMessages, bytes: mailbox.bytes ?? limits.mailboxBytes },
    overflow: mailbox.overflow ?? 'reject',
    ...(mailbox.sizeOf === undefined ? {} : { sizeOf: mailbox.sizeOf }),
    ...(mailbox.priority === undefined ? {} : { priority: mailbox.priority }),
    stash: { messages: limits.stashMessages, bytes: limits.stashBytes, ...mailbox.stash },
    restart: options.restart ?? 'transient',
    restartLimit: options.restartLimit,
    backoff: options.backoff === undefined ? DEFAULT_BACKOFF : { ...DEFAULT_BACKOFF, ...options.backoff },
    shutdownMs: options.shutdownMs ?? limits.shutdownMs,
    supervision:
      options.supervision === undefined ? DEFAULT_SUPERVISION : { ...DEFAULT_SUPERVISION, ...options.supervision },
    ...(tracing && envelope.traceparent !== undefined ? { traceparent: envelope.traceparent } : {}),
    ...(envelope.sender === undefined ? {} : { sender: envelope.sender }),
    ...(options.schema === undefined ? {} : { schema: options.schema }),
  };
  requireAtLeast('mailbox.capacity', spec.bounds.messages, 1);
  requireAtLeast('mailbox.bytes', spec.bounds.bytes, 1);
  requireAtLeast('mailbox.stash.messages', spec.stash.messages, 0);
  requireAtLeast('mailbox.stash.bytes', spec.stash.bytes, 0);
  requireAtLeast('mailbox.priority.levels', spec.priority?.levels ?? 2, 2);
  requireAtMost('mailbox.priority.levels', spec.priority?.levels ?? 2, PRIORITY_LEVELS_MAX);
  requireAtLeast('shutdownMs', spec.shutdownMs, 0);
  requireAtLeast('backoff.minMs', spec.backoff.minMs, 0);
  requireAtLeast('supervision.intensity', spec.supervision.intensity, 0);
  requireAtLeast('supervision.periodMs', spec.supervision.periodMs, 0);
  return spec;
}

/** @throws TroupeError INVALID_ARGUMENT naming what is too small, or no number */
export function requireAtLeast(name: string, value: number, least: number): void {
  if (!(value >= least)) throw new TroupeError('INVALID_ARGUMENT', `${name} must be ${least} or more, not ${value}`);
}

function requireAtMost(name: string, value: number, most: number): void {
  if (!(value <= most)) throw new TroupeError('INVALID_ARGUMENT', `${name} must be at most ${most}, not ${value}`);
}
