import type { ActorCell } from './actor-cell.ts';
import { endIncarnation } from './ending.ts';
import { Status } from './status.ts';

/** Mail that is moved away from an actor. */
export interface Extraction<M> {
  /** Messages to hand over before those in the mailbox. */
  readonly first: M[];
  readonly onLate: ((message: M) => void) | undefined;
  readonly done: (messages: M[]) => void;
}

/** How mail is moved away from an actor. */
export interface ExtractOptions<M> {
  /** How long the message being handled may take before it is cut off and handed over with the others, ms. */
  readonly timeoutMs?: number;
  /**
   * Gets, in order, each message that comes after the extraction began, also after the actor is gone; its tell returns
   * true and its ask stays open. Without it late tells return false and are dead letters.
   */
  readonly onLate?: (message: M) => void;
}

/**
 * Stops an actor and takes its mail instead of letting it die with it. From the call on no message is accepted. The
 * message being handled may finish; when it is cut off it comes first in the list, and no stop hook runs. An ask whose
 * message is moved stays open until its deadline: the place for its answer moves along. No restart is charged.
 *
 * @returns the messages in order: cut off, stashed, waiting. Empty when the actor was dead.
 */
export function extract<M>(cell: ActorCell<M>, options: ExtractOptions<M>): Promise<{ messages: M[] }> {
  if (cell.status === Status.dead || cell.extraction !== undefined) return Promise.resolve({ messages: [] });
  return new Promise((resolve) => {
    cell.extraction = { first: [], onLate: options.onLate, done: (messages) => resolve({ messages }) };
    cell.status = Status.stopping;
    cell.kernel.dispatcher.signal(() => {
      const patienceMs = options.timeoutMs ?? cell.spec.shutdownMs;
      endIncarnation(cell, { final: true, reason: 'extracted', patienceMs });
    });
  });
}
