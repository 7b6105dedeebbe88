import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Notice, NoticeBoard, type Wish } from '../../../../src/cluster/index.ts';

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

  test('drains when an advisory notice becomes final, and goes on when that is cancelled', () => {
    const board = new NoticeBoard();
    board.tell('a', [advisory('x')], 0);
    expect(board.tell('a', [final('x', 10_000)], 5).wish).toEqual({ state: 'draining', reason: 'end x', byMs: 10_005 });
    expect(board.tell('a', [], 6)).toMatchObject({ cancelled: [{ id: 'x' }], wish: { state: 'draining' } });
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
  test('the node drains for good from the first final notice on; before that it is cordoned while any notice stands', () => {
    fc.assert(
      fc.property(words, (all) => {
        const board = new NoticeBoard();
        const last = new Map<string, readonly Notice[]>();
        let first: Wish | undefined;
        for (const [now, { source, said }] of all.entries()) {
          const { wish } = board.tell(source, said, now);
          last.set(source, said);
          const standing = [...last.values()].flat();
          const ends = standing.filter(({ kind }) => kind === 'final');
          if (first !== undefined) expect(wish).toEqual(first);
          else if (ends.length > 0) {
            expect(wish.state).toBe('draining');
            // Never before it was heard of, and never later than the first that was said under some name.
            const { byMs } = wish as Extract<Wish, { state: 'draining' }>;
            expect(byMs).toBeGreaterThanOrEqual(now);
            expect(ends.map(({ leftMs = 0 }) => now + Math.max(0, leftMs))).toContain(byMs);
            first = wish;
          } else expect(wish.state).toBe(standing.length > 0 ? 'cordoned' : 'up');
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
