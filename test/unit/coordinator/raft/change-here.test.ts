import { describe, expect, test } from 'vitest';
import type { LogMember, Members, NodeRecord } from '../../../../src/coordinator/index.ts';
import { MEMBERS_MAX, mayForget, nextStep } from '../../../../src/coordinator/raft/change-here.ts';
import type { RaftMember } from '../../../../src/raft/index.ts';

const at = (member: string): LogMember => ({ node: member.slice(0, 2), member });
const members = (voters: string[], learners: string[] = []): Members => ({
  voters: voters.map(at),
  learners: learners.map(at),
});
const node = (id: string, more: Partial<NodeRecord> = {}): NodeRecord => ({
  node: id,
  incarnation: 1,
  state: 'up',
  addresses: { control: '', data: '', api: '' },
  labels: {},
  voter: false,
  groups: [],
  ...more,
});
const NODES = ['n1', 'n2', 'n3', 'n4'].map((id) => node(id));
const THREE = members(['n1@a', 'n2@b', 'n3@c']);

describe('the next step of a change of the voters', () => {
  test('to add: the node opens a log, learns, then votes', () => {
    expect(nextStep('add', 'n4', 'n1@a', THREE, NODES, undefined)).toEqual({ do: 'admit', known: [] });
    expect(nextStep('add', 'n4', 'n1@a', THREE, NODES, 'n4@d')).toEqual({
      do: 'change',
      change: { learners: ['n4@d'], remove: [] },
    });
    const learning = members(['n1@a', 'n2@b', 'n3@c'], ['n4@d']);
    expect(nextStep('add', 'n4', 'n1@a', learning, NODES, 'n4@d')).toEqual({
      do: 'change',
      change: { voters: ['n4@d'] },
    });
    expect(nextStep('addLearner', 'n4', 'n1@a', learning, NODES, 'n4@d')).toEqual({ do: 'nothing' });
    expect(nextStep('add', 'n1', 'n1@a', THREE, NODES, undefined)).toEqual({ do: 'nothing' });
  });

  test('a learner is asked whether it still has its log; one without makes place for what it is now', () => {
    const learning = members(['n1@a'], ['n4@old']);
    expect(nextStep('promote', 'n4', 'n1@a', learning, NODES, undefined)).toEqual({ do: 'admit', known: ['n4@old'] });
    expect(nextStep('promote', 'n4', 'n1@a', learning, NODES, 'n4@new')).toEqual({
      do: 'change',
      change: { learners: ['n4@new'], remove: ['n4@old'] },
    });
  });

  test('to remove: a dead voter, a learner, both; a leader hands over first', () => {
    const remove = { do: 'change', change: { remove: ['n3@c'] } };
    expect(nextStep('remove', 'n3', 'n1@a', THREE, NODES, undefined)).toEqual(remove);
    // Nobody knows the node any more; the log does.
    expect(nextStep('remove', 'n3', 'n1@a', THREE, NODES.slice(0, 2), undefined)).toEqual(remove);
    expect(nextStep('remove', 'n1', 'n1@a', THREE, NODES, undefined)).toEqual({ do: 'handOver' });
    expect(nextStep('remove', 'n4', 'n1@a', THREE, NODES, undefined)).toEqual({ do: 'nothing' });
    expect(nextStep('remove', 'n2', 'n1@a', members(['n1@a'], ['n2@b']), NODES, undefined)).toEqual({
      do: 'change',
      change: { remove: ['n2@b'] },
    });
  });

  test('a dead one may always go; a live one only when a majority of the rest lives', () => {
    const dead = (...ids: string[]): NodeRecord[] =>
      NODES.map((each) => (ids.includes(each.node) ? node(each.node, { state: 'down' }) : each));
    expect(nextStep('remove', 'n3', 'n1@a', THREE, dead('n3'), undefined).do).toBe('change');
    expect(() => nextStep('remove', 'n2', 'n1@a', THREE, dead('n3'), undefined)).toThrow(
      'only 1 of 2 voters would be up',
    );
    const five = members(['n1@a', 'n2@b', 'n3@c', 'n4@d', 'n5@e']);
    expect(nextStep('remove', 'n2', 'n1@a', five, [...dead('n3'), node('n5')], undefined).do).toBe('change');
    expect(() => nextStep('remove', 'n2', 'n1@a', five, dead('n3'), undefined)).toThrow('only 2 of 4');
  });

  test.each([
    ['add', [node('n4', { state: 'down' })], 'n4 is not up'],
    ['add', [node('n4', { state: 'draining' })], 'n4 is leaving'],
    ['add', [node('n4', { labels: { capacity: 'spot' } })], 'spot capacity'],
    ['add', [], 'there is no node "n4"'],
    ['promote', [node('n4')], 'n4 is no learner'],
  ] as const)('%s is refused: %#', (change, nodes, message) => {
    expect(() => nextStep(change, 'n4', 'n1@a', THREE, nodes, undefined)).toThrow(message);
  });

  test('the members are bounded', () => {
    const many = members(Array.from({ length: MEMBERS_MAX }, (_, i) => `${String.fromCharCode(97 + i)}0@x`));
    expect(() => nextStep('add', 'n4', 'a0@x', many, NODES, undefined)).toThrow('which is the limit');
  });
});

describe('a member that was removed', () => {
  const raft = (role: 'leader' | 'follower', commits: number[]): RaftMember =>
    ({
      status: { role, configuration: { voters: ['n1@a', 'n2@b'], learners: ['n4@d'] } },
      propose: async (data: Uint8Array) => {
        commits.push(data.byteLength);
        return { index: 1, term: 1, reply: undefined };
      },
    }) as unknown as RaftMember;

  test('may forget its log when two more entries are committed, one after the other', async () => {
    const commits: number[] = [];
    expect(await mayForget(raft('leader', commits), 'n3@c')).toBe(true);
    expect(commits).toEqual([0, 0]);
  });

  test('may not while it is a member, of whatever kind, nor by the word of a follower', async () => {
    const commits: number[] = [];
    expect(await mayForget(raft('leader', commits), 'n2@b')).toBe(false);
    expect(await mayForget(raft('leader', commits), 'n4@d')).toBe(false);
    // Another directory of a node that is a member is none.
    expect(await mayForget(raft('leader', []), 'n2@old')).toBe(true);
    await expect(mayForget(raft('follower', commits), 'n3@c')).rejects.toMatchObject({ code: 'NOT_LEADER' });
    expect(commits).toEqual([]);
  });
});
