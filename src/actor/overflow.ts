import type { Mailbox } from './mailbox.ts';

/**
 * What happens to a message for a full mailbox.
 * `reject`: the sender hears it (tell returns false). `backpressure`: the same for tell, while `offer` waits for room.
 * `drop-oldest`: the oldest waiting message makes room. `drop-newest`: the new message is dropped; the sender isn't told
 * (an ask is: it has lost its message). Whatever is refused or dropped becomes a dead letter.
 */
export type OverflowPolicy = 'reject' | 'drop-oldest' | 'drop-newest' | 'backpressure';

/** Bounds of one mailbox. */
export interface MailboxBounds {
  readonly messages: number;
  readonly bytes: number;
}

/** Whether a message of `size` bytes may enter now. */
export function fits<M>(mailbox: Mailbox<M>, bounds: MailboxBounds, size: number): boolean {
  return mailbox.length < bounds.messages && mailbox.bytes + size <= bounds.bytes;
}

/**
 * Drops waiting messages, oldest first, until one of `size` bytes fits. Messages the kernel itself put there
 * (`isKept`) stay, in their order.
 *
 * @returns false when it doesn't fit even so
 */
export function dropOldest<M>(
  mailbox: Mailbox<M>,
  bounds: MailboxBounds,
  size: number,
  isKept: (message: M) => boolean,
  onDropped: (message: M) => void,
): boolean {
  if (size > bounds.bytes) return false;
  const kept: { readonly message: M; readonly stamp: number }[] = [];
  while (mailbox.length > 0 && !fits(mailbox, bounds, size)) {
    const stamp = mailbox.oldestStamp();
    const message = mailbox.shift();
    if (isKept(message)) kept.push({ message, stamp });
    else onDropped(message);
  }
  for (const { message, stamp } of kept.reverse()) mailbox.unshift(message, stamp, 0);
  return fits(mailbox, bounds, size);
}
