import type { AnyMailbox } from './priority-mailbox.ts';

/**
 * What happens to a message for a full mailbox.
 * `reject`: the sender hears it (tell returns false). `backpressure`: the same for tell, while `offer` waits for room.
 * `drop-oldest`: the oldest waiting message makes room, of the least urgent ones where urgency counts; what is more urgent
 * than the new message stays. `drop-newest`: the new message is dropped; the sender isn't told
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
export function fits<M>(mailbox: AnyMailbox<M>, bounds: MailboxBounds, size: number, free: number): boolean {
  return mailbox.length - free < bounds.messages && mailbox.bytes + size <= bounds.bytes;
}

/**
 * Drops waiting messages that are no more urgent than `message`, oldest first, until it fits. Those that don't count
 * (`isFree`) stay, in their order.
 *
 * @param size of `message`, bytes
 * @param free how many of the waiting messages don't count
 * @returns false when it doesn't fit all the same; if that is for its size, nothing was dropped
 */
export function dropOldest<M>(
  mailbox: AnyMailbox<M>,
  bounds: MailboxBounds,
  message: M,
  size: number,
  free: number,
  isFree: (message: M) => boolean,
  onDropped: (message: M) => void,
): boolean {
  const rings = mailbox.yieldingTo(message);
  const yielding = rings.reduce((bytes, ring) => bytes + ring.bytes, 0);
  if (mailbox.bytes - yielding + size > bounds.bytes) return false;
  for (const ring of rings) {
    const kept: { readonly message: M; readonly stamp: number }[] = [];
    while (ring.length > 0 && !fits(mailbox, bounds, size, free - kept.length)) {
      const stamp = ring.oldestStamp();
      const oldest = ring.shift();
      if (isFree(oldest)) kept.push({ message: oldest, stamp });
      else onDropped(oldest);
    }
    for (const { message: note, stamp } of kept.reverse()) ring.unshift(note, stamp, 0);
  }
  return fits(mailbox, bounds, size, free);
}
