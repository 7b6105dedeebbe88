import type { Ruling } from '../agent/index.ts';
import type { Coordinator, HeldRecord, Ruling as LedgerRuling } from '../coordinator/index.ts';
import { decodePayload, encodePayload } from '../wire/index.ts';

/** One held turn: its agent, and a number. A turn that is held again has a larger one. */
export interface HeldPlace {
  readonly kind: string;
  readonly key: string;
  readonly hold: number;
}

/** A turn that waits for a person, since nobody knows what became of a step of its. */
export interface HeldTurn extends HeldPlace {
  readonly requestId: string;
  /** Name of the step, with its number where the name comes several times. */
  readonly step: string;
  /** What the world outside was given, to look for the effect by. */
  readonly idempotencyKey: string;
  /** Logged time, ms since 1970. */
  readonly heldAt: number;
  /** Why it waits, when that isn't the step's unknown outcome. */
  readonly reason?: string;
  /** What a person said; its turn then goes on by itself. */
  readonly ruling?: Ruling;
  readonly over: boolean;
}

/** The held turns of a cluster. */
export interface HeldTurns {
  /** All that aren't over, in order of agent. Each page is read by itself. */
  list(): AsyncIterable<HeldTurn>;
  /**
   * Says what became of a held step. The first ruling stands.
   *
   * @param place as `list` gave it
   * @throws TroupeError ALREADY_EXISTS when another ruling came first, NOT_FOUND when no turn is held so
   */
  resolve(place: HeldPlace, ruling: Ruling): Promise<HeldTurn>;
}

/** Turns in one page of `list`. */
export const HELD_PER_PAGE = 100;

/** The held turns of a ledger that is reached through these. */
export function heldOver(ledger: Pick<Coordinator, 'execute' | 'query'>): HeldTurns {
  return heldBy(
    async (after) => {
      const page = after && { after: { group: after.kind, key: after.key, hold: after.hold } };
      return (await ledger.query('held.list', { limit: HELD_PER_PAGE, ...page })).held.map(toHeldTurn);
    },
    async ({ kind, key, hold }, ruling) =>
      toHeldTurn(await ledger.execute('held.rule', { group: kind, key, hold, ruling: toLedgerRuling(ruling) })),
  );
}

/** Held turns by what reads a page of them. */
export function heldBy(
  page: (after: HeldPlace | undefined) => Promise<readonly HeldTurn[]>,
  resolve: HeldTurns['resolve'],
): HeldTurns {
  return {
    async *list() {
      for (let last: HeldTurn | undefined; ; ) {
        const held = await page(last);
        yield* held;
        last = held.at(-1);
        if (last === undefined) return;
      }
    },
    resolve,
  };
}

/** A held turn as users see it. */
export function toHeldTurn({
  group,
  key,
  hold,
  request,
  step,
  idempotencyKey,
  since,
  reason,
  over,
  ruling,
}: HeldRecord): HeldTurn {
  const seen = ruling?.type === 'done' ? { type: 'done' as const, value: decodePayload(ruling.value) } : ruling;
  return {
    kind: group,
    key,
    hold,
    requestId: request,
    step,
    idempotencyKey,
    heldAt: since,
    over,
    ...(reason && { reason }),
    ...(seen && { ruling: seen }),
  };
}

/** The ledger's record behind `toHeldTurn`. */
export function toHeldRecord({
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
}: HeldTurn): HeldRecord {
  return {
    group: kind,
    key,
    hold,
    request: requestId,
    step,
    idempotencyKey,
    since: heldAt,
    over,
    ...(reason && { reason }),
    ...(ruling && { ruling: toLedgerRuling(ruling) }),
  };
}

/** A ruling as the ledger keeps it. */
export function toLedgerRuling(ruling: Ruling): LedgerRuling {
  return ruling.type === 'done' ? { type: 'done', value: encodePayload(ruling.value) } : ruling;
}
