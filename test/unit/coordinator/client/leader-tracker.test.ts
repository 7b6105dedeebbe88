import { describe, expect, test } from 'vitest';
import { LeaderTracker } from '../../../../src/coordinator/client/leader-tracker.ts';
import { type ErrorCode, TroupeError } from '../../../../src/core/index.ts';

const failure = (code: ErrorCode, data = {}): TroupeError => new TroupeError(code, 'no', { data });
const gone = failure('NODE_UNAVAILABLE');

describe('finding the leader', () => {
  test('without a leader it asks each voter in turn', () => {
    const tracker = new LeaderTracker(['a', 'b', 'c'], 1);
    const asked: string[] = [];
    for (let i = 0; i < 4; i++) {
      asked.push(tracker.target);
      expect(tracker.failed(tracker.target, gone)).toBe(false);
    }
    expect(asked).toEqual(['b', 'c', 'a', 'b']);
  });

  test('a hint is followed at once', () => {
    const tracker = new LeaderTracker(['a', 'b', 'c'], 0);
    expect(tracker.failed('a', failure('NOT_LEADER', { leader: 'c', term: 3 }))).toBe(true);
    expect(tracker.target).toBe('c');
  });

  test('a leader that failed is not believed in again for the same term, whatever others say', () => {
    const tracker = new LeaderTracker(['a', 'b', 'c'], 0);
    tracker.heard({ node: 'a', term: 3 });
    tracker.failed('a', gone);
    expect(tracker.failed('b', failure('NOT_LEADER', { leader: 'a', term: 3 }))).toBe(false);
    expect(tracker.leader).toBeUndefined();
    expect(tracker.target).toBe('c');
    tracker.heard({ node: 'a', term: 4 });
    expect(tracker.target).toBe('a');
  });

  test('a suspicion ends with a round of all voters: a leader that failed us once is found again in its term', () => {
    const tracker = new LeaderTracker(['a', 'b', 'c'], 0);
    tracker.heard({ node: 'c', term: 3 });
    tracker.failed('c', gone);
    const hint = failure('NOT_LEADER', { leader: 'c', term: 3 });
    const asked: string[] = [];
    while (tracker.leader === undefined && asked.length < 10) {
      asked.push(tracker.target);
      tracker.failed(tracker.target, tracker.target === 'c' ? gone : hint);
    }
    expect(asked).toEqual(['a', 'b', 'c', 'a']);
    expect(tracker.leader).toEqual({ node: 'c', term: 3 });
  });

  test('an old hint of a voter that was removed does not lead in a circle', () => {
    const tracker = new LeaderTracker(['n1', 'n2', 'n5'], 0);
    tracker.heard({ node: 'n5', term: 26 });
    tracker.failed('n5', gone);
    const asked: string[] = [];
    for (let i = 0; i < 8 && tracker.leader === undefined; i++) {
      const { target } = tracker;
      asked.push(target);
      const hint = target === 'n2' ? { leader: 'n1', term: 9 } : { leader: 'n5', term: 26 };
      tracker.failed(target, target === 'n5' ? gone : failure('NOT_LEADER', hint));
    }
    expect(asked).toContain('n5');
    expect(tracker.leader).toEqual({ node: 'n5', term: 26 });
  });

  test('of several calls to one voter that fail, only the first moves on', () => {
    const tracker = new LeaderTracker(['a', 'b', 'c'], 0);
    tracker.failed('a', gone);
    tracker.failed('a', gone);
    expect(tracker.target).toBe('b');
  });

  test('a leader that serves again is the leader, in the same term too', () => {
    const tracker = new LeaderTracker(['a', 'b'], 0);
    tracker.heard({ node: 'a', term: 3 });
    tracker.failed('a', gone);
    tracker.served({ node: 'a', term: 3 });
    tracker.heard({ node: 'a', term: 3 });
    expect(tracker.leader).toEqual({ node: 'a', term: 3 });
  });

  test('old news, an overloaded leader and a dropped proposal change nothing', () => {
    const tracker = new LeaderTracker(['a', 'b'], 0);
    tracker.heard({ node: 'b', term: 3 });
    tracker.heard({ node: 'a', term: 2 });
    expect(tracker.failed('b', failure('OVERLOADED'))).toBe(false);
    expect(tracker.failed('b', failure('PROPOSAL_DROPPED'))).toBe(false);
    expect(tracker.leader).toEqual({ node: 'b', term: 3 });
  });

  test('a leader that joined the voters later is believed; the voters asked in turn are those of now', () => {
    const tracker = new LeaderTracker(['a', 'b', 'c'], 2);
    tracker.heard({ node: 'x', term: 9 });
    expect(tracker.target).toBe('x');
    tracker.voters = ['x', 'y'];
    tracker.failed('x', gone);
    expect(tracker.target).toBe('y');
  });

  test('listeners hear changes only', () => {
    const tracker = new LeaderTracker(['a', 'b'], 0);
    const heard: unknown[] = [];
    const stop = tracker.onLeader((leader) => heard.push(leader?.node));
    tracker.heard({ node: 'a', term: 1 });
    tracker.served({ node: 'a', term: 1 });
    tracker.failed('a', gone);
    stop();
    tracker.heard({ node: 'b', term: 2 });
    expect(heard).toEqual(['a', undefined]);
  });
});
