import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Notice, NoticeBoard } from '../../../../src/cluster/index.ts';

const advisory = (id: string): Notice => ({ id, kind: 'advisory', reason: `advice ${id}` });
const final = (id: string, leftMs?: number): Notice => ({
  id,
  kind: 'final',
  reason: `end ${id}`,
  ...(leftMs === undefined ? {} : { leftMs }),
});

describe('the board of notices', () => {
  test('acts once on a notice that is told again and again', () => {
    const board = new NoticeBoard();
    expect(board.tell('a', [final('x', 30_000)], 1_000)).toEqual({
      fresh: [final('x', 30_000)],
      cancelled: [],
      wish: { state: 'draining', reason: 'end x', byMs: 31_000 },
    });
    expect(board.tell('a', [final('x', 30_000)], 2_000)).toEqual({
      fresh: [],
      cancelled: [],
      wish: { state: 'draining', reason: 'end x', byMs: 31_000 },
    });
  });

  test('un-cordons when the last of overlapping advisory notices is cancelled', () => {
    const board = new NoticeBoard();
    board.tell('a', [advisory('x')], 0);
    expect(board.tell('b', [advisory('x')], 0).wish.state).toBe('cordoned');
    expect(board.tell('a', [], 0)).toMatchObject({ cancelled: [{ id: 'x' }], wish: { state: 'cordoned' } });
    expect(board.tell('b', [], 0).wish).toEqual({ state: 'up' });
  });

  test('drains when an advisory notice becomes final, and no longer when that is cancelled', () => {
    const board = new NoticeBoard();
    board.tell('a', [advisory('x')], 0);
    expect(board.tell('a', [final('x', 10_000)], 5).wish).toEqual({ state: 'draining', reason: 'end x', byMs: 10_005 });
    expect(board.tell('a', [], 6)).toMatchObject({ cancelled: [{ id: 'x' }], wish: { state: 'up' } });
    expect(board.tell('a', [final('x', 10_000)], 7).wish).toMatchObject({ byMs: 10_007 });
    expect(board.tell('a', [advisory('x')], 8).wish).toMatchObject({ state: 'cordoned' });
  });

  test('gives no more time when a notice is told again, and less when it says less', () => {
    const board = new NoticeBoard();
    board.tell('a', [final('x', 10_000)], 0);
    expect(board.tell('a', [final('x', 20_000)], 100).wish).toMatchObject({ byMs: 10_000 });
    expect(board.tell('a', [final('x', 5_000)], 200).wish).toMatchObject({ byMs: 5_200 });
    expect(board.tell('b', [final('y', 1_000)], 300).wish).toMatchObject({ reason: 'end y', byMs: 1_300 });
    expect(board.tell('b', [], 400).wish).toMatchObject({ reason: 'end x', byMs: 5_200 });
  });

  test('takes the earliest end of several, and no time where none is said', () => {
    const board = new NoticeBoard();
    expect(board.tell('a', [final('x', 60_000), final('y', 30_000)], 0).wish).toMatchObject({ byMs: 30_000 });
    expect(new NoticeBoard().tell('a', [final('x', 60_000), final('y')], 7).wish).toMatchObject({ byMs: 7 });
  });
});

/** Notices of a few names, so that they meet often. */
const notice = fc
  .record({
    id: fc.constantFrom('x', 'y', 'z'),
    kind: fc.constantFrom<Notice['kind']>('advisory', 'advisory', 'advisory', 'final'),
    leftMs: fc.integer({ min: -10, max: 100_000 }),
  })
  .map((given): Notice => ({ ...given, reason: `${given.kind} ${given.id}` }));
const words = fc.array(
  fc.record({ source: fc.constantFrom('a', 'b', 'c'), said: fc.array(notice, { maxLength: 4 }) }),
  {
    maxLength: 25,
  },
);

describe('whatever is said, in whatever order', () => {
  test('the node drains while any final notice stands, by the earliest time of those, and is cordoned while any other does', () => {
    fc.assert(
      fc.property(words, (all) => {
        const board = new NoticeBoard();
        const last = new Map<string, Map<string, number>>();
        for (const [now, { source, said }] of all.entries()) {
          const { wish } = board.tell(source, said, now);
          const before = last.get(source);
          const ends = new Map<string, number>();
          for (const { id } of said) ends.set(id, Number.POSITIVE_INFINITY);
          for (const { id, kind, leftMs = 0 } of said) {
            if (kind !== 'final') continue;
            const byMs = Math.min(now + Math.max(0, leftMs), ends.get(id) as number);
            ends.set(id, Math.min(byMs, before?.get(id) ?? byMs));
          }
          last.set(source, ends);
          const times = [...last.values()].flatMap((each) => [...each.values()]);
          const byMs = Math.min(...times);
          if (byMs < Number.POSITIVE_INFINITY) expect(wish).toMatchObject({ state: 'draining', byMs });
          else expect(wish.state).toBe(times.length > 0 ? 'cordoned' : 'up');
        }
      }),
    );
  });

  test('each notice is fresh once while it stands, once more when it becomes final, and cancelled once', () => {
    fc.assert(
      fc.property(words, (all) => {
        const board = new NoticeBoard();
        /** What is known from the changes alone: it must always be what was said last. */
        const heard = new Map<string, Map<string, string>>();
        for (const { source, said } of all) {
          const { fresh, cancelled } = board.tell(source, said, 0);
          const known = heard.get(source) ?? new Map<string, string>();
          for (const { id } of cancelled) expect(known.delete(id), `${id} stood`).toBe(true);
          for (const { id, kind } of fresh) {
            expect(known.get(id), `${id} was not known as ${kind}`).not.toBe(kind);
            known.set(id, kind);
          }
          heard.set(source, known);
          const urgent = new Map<string, string>();
          for (const { id, kind } of said) if (urgent.get(id) !== 'final') urgent.set(id, kind);
          expect(Object.fromEntries(known)).toEqual(Object.fromEntries(urgent));
        }
      }),
    );
  });

  test('the same word again changes nothing', () => {
    fc.assert(
      fc.property(words, (all) => {
        const board = new NoticeBoard();
        for (const { source, said } of all) {
          const { wish } = board.tell(source, said, 5);
          expect(board.tell(source, said, 9)).toEqual({ fresh: [], cancelled: [], wish });
        }
      }),
    );
  });
});
