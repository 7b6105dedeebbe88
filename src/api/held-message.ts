import type { Ruling } from '../agent/index.ts';
import { TroupeError } from '../core/index.ts';
import type { HeldPlace__Output } from '../wire/generated/troupe/v1/HeldPlace.ts';
import type { HeldTurn as HeldMessage, HeldTurn__Output } from '../wire/generated/troupe/v1/HeldTurn.ts';
import type { Ruling__Output, Ruling as RulingMessage } from '../wire/generated/troupe/v1/Ruling.ts';
import type { HeldPlace, HeldTurn } from './held.ts';
import { fromJsonBytes, toJsonBytes } from './json.ts';

/** A held turn as the API shows it. */
export function toHeldMessage({
  kind,
  key,
  hold,
  requestId,
  step,
  idempotencyKey,
  heldAt,
  reason,
  over,
  ruling,
}: HeldTurn): HeldMessage {
  return {
    place: { kind, key, hold },
    requestId,
    step,
    idempotencyKey,
    heldAtUnixMs: Math.round(heldAt),
    over,
    ...(reason && { reason }),
    ...(ruling && { ruling: toRulingMessage(ruling) }),
  };
}

/** The held turn behind `toHeldMessage`. */
export function fromHeldMessage(message: HeldTurn__Output): HeldTurn {
  const {
    requestId = '',
    step = '',
    idempotencyKey = '',
    heldAtUnixMs = 0,
    reason = '',
    over = false,
    ruling,
  } = message;
  return {
    ...fromHeldPlace(message.place),
    requestId,
    step,
    idempotencyKey,
    heldAt: heldAtUnixMs,
    over,
    ...(reason && { reason }),
    ...(ruling != null && { ruling: fromRulingMessage(ruling) }),
  };
}

/** Which held turn is meant. */
export function fromHeldPlace(message: HeldPlace__Output | null | undefined): HeldPlace {
  return { kind: message?.kind ?? '', key: message?.key ?? '', hold: message?.hold ?? 0 };
}

/** A ruling as the API carries it. */
export function toRulingMessage(ruling: Ruling): RulingMessage {
  if (ruling.type === 'done') return { donePayload: toJsonBytes(ruling.value, 'the result of the step') };
  return ruling.type === 'retry' ? { retry: true } : { failReason: ruling.reason };
}

/** The ruling behind `toRulingMessage`. @throws TroupeError INVALID_ARGUMENT when it says nothing */
export function fromRulingMessage(message: Ruling__Output | null | undefined): Ruling {
  switch (message?.ruling) {
    case 'donePayload':
      return { type: 'done', value: fromJsonBytes(message.donePayload, 'the result of the step') };
    case 'retry':
      return { type: 'retry' };
    case 'failReason':
      return { type: 'fail', reason: message.failReason ?? '' };
    default:
      throw new TroupeError('INVALID_ARGUMENT', 'ruling must say what became of the step: done, retry or fail');
  }
}
