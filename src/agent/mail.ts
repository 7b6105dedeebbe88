import type { HeldMessage } from './held.ts';
import type { Taken } from './outbox.ts';

/** Messages that only the runtime sends to an agent; none is a turn of its own. */
/** A durable message of another agent: the turn that handles it also says that it was taken. */
export const TAKE_METHOD = '$take';
/** A message from outside that the agent is to keep until it has handled it. */
export const ACCEPT_METHOD = '$accept';
/** An entry of the agenda is due. */
export const DUE_METHOD = '$due';
/** There is something to do: look at the journal. */
export const WAKE_METHOD = '$wake';
/** Messages have arrived, and entries were given up: let the journal know. */
export const SETTLED_METHOD = '$settled';

/** An agent has been forgotten for long enough: its journal goes. Only ever an entry of its agenda. */
export const FORGET_METHOD = '$forget';

/** All of them. Nobody outside may send one. */
export const RUNTIME_MAIL: ReadonlySet<string> = new Set([
  TAKE_METHOD,
  ACCEPT_METHOD,
  DUE_METHOD,
  WAKE_METHOD,
  SETTLED_METHOD,
  FORGET_METHOD,
]);

/** What they carry. */
export interface RuntimeMail {
  readonly [TAKE_METHOD]: Taken & Pick<HeldMessage, 'method' | 'payload'>;
  readonly [ACCEPT_METHOD]: Pick<HeldMessage, 'method' | 'payload'>;
  readonly [DUE_METHOD]: { readonly n: number; readonly at: number };
  readonly [FORGET_METHOD]: undefined;
  readonly [WAKE_METHOD]: undefined;
  readonly [SETTLED_METHOD]: undefined;
}
