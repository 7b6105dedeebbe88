import type { ActorCell } from './actor-cell.ts';
import { ringOf } from './ask-ring.ts';
import type { StopReason } from './behavior.ts';
import type { AnyCell } from './children.ts';
import { DeathWatch } from './death-watch.ts';
import { acceptLate, bury } from './intake.ts';
import { Status } from './status.ts';
import { Note } from './timers.ts';

/**
 * The very end of an actor: mail goes to dead letters (or moves away), everybody who waits hears of it.
 *
 * @param error the last one, when the reason is `crashed`
 */
export function die<M>(cell: ActorCell<M>, reason: StopReason, error: unknown): void {
  cell.status = Status.dead;
  const mail = takeMail(cell);
  const moving = cell.extraction === undefined ? undefined : new Set(mail);
  failAsks(cell, moving);
  if (moving === undefined) for (const message of mail) bury(cell, message, 'terminated');
  const waiting = cell.waiting;
  cell.waiting = undefined;
  waiting?.close((message) =>
    acceptLate(cell, message) === undefined ? undefined : cell.refusalError('ACTOR_TERMINATED', message),
  );
  cell.record = undefined;
  cell.deathWatch ??= new DeathWatch(cell.kernel);
  if (typeof cell.source !== 'function') cell.deathWatch.add(cell.source);
  cell.deathWatch.announce({ ref: cell, reason, ...(reason === 'crashed' ? { error } : {}) });
  cell.parent?.context?.family?.remove(cell as AnyCell);
  cell.extraction?.done(mail);
}

function takeMail<M>(cell: ActorCell<M>): M[] {
  const mail = cell.extraction?.first ?? [];
  const mailbox = cell.mailbox;
  cell.mailbox = undefined;
  while (mailbox !== undefined && mailbox.length > 0) {
    const message = mailbox.shift();
    if (!(message instanceof Note)) mail.push(message);
  }
  return mail;
}

/** Open asks fail, but for those whose message moves: it may still be answered elsewhere, before its deadline. */
function failAsks<M>(cell: ActorCell<M>, moving: ReadonlySet<M> | undefined): void {
  const asks = cell.asks === undefined ? [] : [...ringOf(cell.asks)];
  for (const ask of asks) {
    if (moving?.has(ask.message as M)) cell.removeAsk(ask);
    else ask.giveUp(cell.terminatedError());
  }
}
