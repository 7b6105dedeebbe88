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

/**
 * Whether a message of `size` bytes may enter now.
 *
 * @param free how many of the waiting messages don't count
 */
export function fits<M>(mailbox: Mailbox<M>, bounds: MailboxBounds, size: number, free: number): boolean {
  return mailbox.length - free < bounds.messages && mailbox.bytes + size <= bounds.bytes;
}

/**
 * Drops waiting messages, oldest first, until one of `size` bytes fits. Those that don't count (`isFree`) stay, in
 * their order.
 *
 * @param free how many of the waiting messages don't count
 * @returns false when it could never fit; nothing is dropped then
 */
export function dropOldest<M>(
  mailbox: Mailbox<M>,
  bounds: MailboxBounds,
  size: number,
  free: number,
  isFree: (message: M) => boolean,
  onDropped: (message: M) => void,
): boolean {
  if (size > bounds.bytes) return false;
  const kept: { readonly message: M; readonly stamp: number }[] = [];
  while (!fits(mailbox, bounds, size, free - kept.length)) {
    const stamp = mailbox.oldestStamp();
    const message = mailbox.shift();
    if (isFree(message)) kept.push({ message, stamp });
    else onDropped(message);
  }
  for (const { message, stamp } of kept.reverse()) mailbox.unshift(message, stamp, 0);
  return true;
}
