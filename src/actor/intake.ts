import { type ErrorCode, errorMessage } from '../core/index.ts';
import type { ActorCell } from './actor-cell.ts';
import type { AnyCell } from './children.ts';
import type { DeadLetterReason } from './dead-letters.ts';
import { dropOldest, fits } from './overflow.ts';
import type { AnyMailbox } from './priority-mailbox.ts';
import { Status } from './status.ts';
import { Note } from './timers.ts';
import { WaitingRoom } from './waiting-room.ts';

/** Takes a message where more counts than that the mailbox isn't full: its size, who waits already, what may be dropped. */
export function acceptBounded<M>(
  cell: ActorCell<M>,
  mailbox: AnyMailbox<M | Note<M>>,
  message: M,
): ErrorCode | undefined {
  const { bounds, overflow } = cell.spec;
  const size = sizeOf(cell, message);
  let room = hasRoom(cell, size);
  if (!room && overflow === 'drop-oldest') {
    const isNote = (item: M | Note<M>): boolean => item instanceof Note;
    room = dropOldest(mailbox, bounds, message, size, cell.notes, isNote, (dropped) => {
      bury(cell, dropped as M, 'overflow', cell.refusalError('MAILBOX_FULL', dropped as M));
    });
  }
  if (!room) {
    bury(cell, message, 'overflow');
    return size > bounds.bytes ? 'MESSAGE_TOO_LARGE' : 'MAILBOX_FULL';
  }
  cell.put(mailbox, message, size);
  return undefined;
}

/** Mail for an actor that takes none any more. */
export function acceptLate<M>(cell: ActorCell<M>, message: M): ErrorCode | undefined {
  const onLate = cell.extraction?.onLate;
  if (onLate !== undefined) {
    try {
      onLate(message);
      return undefined;
    } catch (error) {
      cell.kernel.logger.error('late mail listener failed', { actor: cell.path, error: errorMessage(error) });
    }
  }
  bury(cell, message, 'terminated');
  return 'ACTOR_TERMINATED';
}

/** See `Ref.offer`. */
export async function offer<M>(cell: ActorCell<M>, message: M): Promise<void> {
  await offerNow(cell, message);
}

/** The same without a promise where nothing has to wait: undefined, and the message is in the mailbox. */
export function offerNow<M>(cell: ActorCell<M>, message: M): Promise<void> | undefined {
  if (cell.spec.overflow === 'backpressure' && cell.status < Status.stopping) {
    const size = sizeOf(cell, message);
    if (size <= cell.spec.bounds.bytes && !hasRoom(cell, size)) return waitForRoom(cell, message, size);
  }
  const refusal = cell.accept(message);
  return refusal === undefined ? undefined : Promise.reject(cell.refusalError(refusal, message));
}

/** Room has been made: lets in who waits for it. */
export function admitWaiting<M>(cell: ActorCell<M>, mailbox: AnyMailbox<M | Note<M>>, waiting: WaitingRoom<M>): void {
  waiting.admit((message, size) => {
    if (!fits(mailbox, cell.spec.bounds, size, cell.notes)) return false;
    mailbox.push(message, cell.kernel.dispatcher.stamp, size);
    return true;
  });
  if (waiting.length === 0) cell.waiting = undefined;
}

/** Bytes of a message. What has no size can't be bounded: it counts as too large. */
export function sizeOf<M>(cell: ActorCell<M>, message: M): number {
  if (cell.spec.sizeOf === undefined) return 0;
  try {
    const size = cell.spec.sizeOf(message);
    if (size >= 0) return size;
  } catch (error) {
    cell.kernel.logger.error('sizeOf failed', { actor: cell.path, error: errorMessage(error) });
  }
  return Number.POSITIVE_INFINITY;
}

/** Makes a message a dead letter. @param error fails the ask that came with it, too */
export function bury<M>(cell: ActorCell<M>, message: M, reason: DeadLetterReason, error?: unknown): void {
  const sender = senderOf(cell, message);
  const letter = {
    message,
    to: cell.path,
    reason,
    ...(error === undefined ? {} : { error }),
    ...(sender === undefined ? {} : { sender }),
  };
  const size = sizeOf(cell, message);
  cell.kernel.deadLetters.add(letter, Number.isFinite(size) ? size : 0, cell as AnyCell);
  if (error !== undefined) cell.failAskOf(message, error);
}

function hasRoom<M>(cell: ActorCell<M>, size: number): boolean {
  if (cell.waiting !== undefined) return false;
  const { mailbox, notes } = cell;
  const { bounds } = cell.spec;
  return mailbox === undefined ? size <= bounds.bytes : fits(mailbox, bounds, size, notes);
}

function waitForRoom<M>(cell: ActorCell<M>, message: M, size: number): Promise<void> {
  cell.waiting ??= new WaitingRoom();
  if (cell.waiting.length < cell.kernel.limits.mailboxWaiters) return cell.waiting.enter(message, size);
  bury(cell, message, 'overflow');
  return Promise.reject(cell.refusalError('OVERLOADED', message));
}

function senderOf<M>(cell: ActorCell<M>, message: M): string | undefined {
  try {
    return cell.spec.sender?.(message);
  } catch (error) {
    cell.kernel.logger.error('sender accessor failed', { actor: cell.path, error: errorMessage(error) });
    return undefined;
  }
}
