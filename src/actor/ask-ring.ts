import type { Ask } from './ask.ts';

/** Adds an ask to a target's ring. @returns the oldest of the ring */
export function addToRing(oldest: Ask | undefined, ask: Ask): Ask {
  if (oldest === undefined) return ask;
  const newest = oldest.previousOfTarget;
  newest.nextOfTarget = ask;
  ask.previousOfTarget = newest;
  ask.nextOfTarget = oldest;
  oldest.previousOfTarget = ask;
  return oldest;
}

/** Takes an ask out of a ring; one that is in none stays so. @returns the oldest of the ring */
export function removeFromRing(oldest: Ask | undefined, ask: Ask): Ask | undefined {
  const next = ask.nextOfTarget;
  ask.previousOfTarget.nextOfTarget = next;
  next.previousOfTarget = ask.previousOfTarget;
  ask.nextOfTarget = ask;
  ask.previousOfTarget = ask;
  if (oldest !== ask) return oldest;
  return next === ask ? undefined : next;
}

/** The asks of a ring, oldest first. The ring must not change meanwhile. */
export function* ringOf(oldest: Ask): Generator<Ask> {
  let ask = oldest;
  do {
    yield ask;
    ask = ask.nextOfTarget;
  } while (ask !== oldest);
}

/** The ask of a ring that came with `message`, the oldest if several did. */
export function findInRing(oldest: Ask | undefined, message: unknown): Ask | undefined {
  if (oldest === undefined) return undefined;
  let ask = oldest;
  do {
    if (ask.message === message) return ask;
    ask = ask.nextOfTarget;
  } while (ask !== oldest);
  return undefined;
}
