import { describe, expect, test } from 'vitest';
import type { Message } from '../../../../src/raft/consensus/index.ts';
import { MemoryLog } from '../consensus/memory-log.ts';
import { Network } from '../consensus/network.ts';

const THREE = ['a', 'b', 'c'];

function leaders(network: Network): string[] {
  return [...network.peers.values()].filter((peer) => peer.status.role === 'leader').map((peer) => peer.id);
}

describe('mistake 4: freshness is term, then index', () => {
  test.each([
    ['a longer log of an older term loses to a shorter one of a newer', [1, 1, 1], [1, 2], 'a', false],
    ['a shorter log of a newer term wins over a longer one of an older', [1, 2], [1, 1, 1], 'a', true],
    ['of one term the shorter log loses', [1, 1], [1, 1, 1], 'a', false],
    ['of one term an equal log wins', [1, 1], [1, 1], 'a', true],
  ])('%s', (_, own, other, id, wins) => {
    const hardState = { term: 2, vote: undefined, commit: 0 };
    const logs = { a: MemoryLog.of(own, hardState), b: MemoryLog.of(other, hardState) };
    const network = new Network(['a', 'b'], { logs, preVote: false });
    network.at(id).node.campaign();
    network.settle();
    expect(leaders(network)).toEqual(wins ? [id] : []);
  });
});

describe('mistake 5: a vote is durable before it is answered', () => {
  test('the answer leaves with the work that stores it', () => {
    const network = new Network(THREE, { preVote: false });
    network.at('b').slowDisk = true;
    network.at('c').down = true;
    network.at('a').node.campaign();
    network.settle();
    expect(network.at('a').status.role).toBe('candidate');
    const [work] = network.at('b').appends;
    expect(work?.hardState).toMatchObject({ term: 1, vote: 'a' });
    expect(work?.replies.map((message) => message.type)).toContain('voteReply');
    network.write(network.at('b'));
    network.settle();
    expect(network.at('a').status.role).toBe('leader');
  });

  test('a member that crashes before its vote was stored votes as if for the first time', () => {
    const network = new Network(THREE, { preVote: false });
    network.at('b').slowDisk = true;
    network.at('a').node.campaign();
    network.settle();
    network.at('b').restart();
    expect(network.at('b').status.term).toBe(0);
  });

  test('a candidate asks for votes only when its own is durable, so it never wins one term twice', () => {
    const network = new Network(THREE, { preVote: false });
    const a = network.at('a');
    a.slowDisk = true;
    a.node.campaign();
    network.collect(a);
    expect(network.wire).toEqual([]);
    network.write(a);
    expect(network.wire.map((message) => message.type)).toEqual(['vote', 'vote']);
    a.restart();
    expect(a.status.term).toBe(1);
  });
});

describe('mistake 6: the term is durable with or before the entries of it', () => {
  test('work that carries entries of a new term carries the hard state too, or follows it', () => {
    const network = new Network(THREE);
    network.at('c').slowDisk = true;
    network.elect('a');
    network.propose('a', 'x');
    network.settle();
    let term = 0;
    for (const work of network.at('c').appends) {
      term = work.hardState?.term ?? term;
      for (const entry of work.entries) expect(entry.term).toBeLessThanOrEqual(term);
    }
    expect(network.at('c').appends.flatMap((work) => work.entries)).toHaveLength(1);
  });
});

describe('mistake 7: a single voter', () => {
  test('does not lead before its own vote is durable', () => {
    const network = new Network(['a']);
    network.at('a').slowDisk = true;
    network.at('a').node.campaign();
    network.settle();
    expect(network.at('a').status.role).toBe('candidate');
    network.write(network.at('a'));
    expect(network.at('a').status.role).toBe('leader');
  });

  test('does not commit before its own append is durable', () => {
    const network = new Network(['a']);
    const a = network.elect('a');
    a.slowDisk = true;
    network.propose('a', 'x');
    network.settle();
    expect(a.status.commit).toBe(1);
    network.write(a);
    expect(a.status.commit).toBe(2);
  });
});

describe('mistake 21: who was cut off neither deposes the leader nor stays outside', () => {
  test('pre-vote: an isolated member does not raise its term, and comes back as a follower', () => {
    const network = new Network(THREE);
    network.elect('a');
    network.partition(['a', 'b'], ['c']);
    network.tick(100);
    expect(network.at('c').status).toMatchObject({ term: 1, role: 'preCandidate' });
    network.partition();
    network.tick(25);
    expect(leaders(network)).toEqual(['a']);
    for (const id of THREE) expect(network.at(id).status).toMatchObject({ term: 1, leader: 'a' });
  });

  test.each(['vote', 'preVote'] as const)('while the leader is heard a %s is refused in silence', (type) => {
    const network = new Network(THREE);
    network.elect('a');
    const ask: Message = { type, from: 'c', to: 'b', term: 9, index: 99, logTerm: 9 };
    network.at('b').node.step(ask);
    network.at('a').node.step({ ...ask, to: 'a' });
    network.settle();
    expect(leaders(network)).toEqual(['a']);
    expect(network.at('b').status).toMatchObject({ term: 1, leader: 'a' });
    expect(network.at('b').log.hardState?.vote).toBe('a');
  });

  test('when the leader has been silent for an election time-out, votes are given again', () => {
    const network = new Network(THREE);
    network.elect('a');
    network.at('a').down = true;
    for (let i = 0; i < 10; i++) network.at('b').node.tick();
    network.elect('c');
    expect(network.at('b').status).toMatchObject({ term: 2, leader: 'c' });
  });

  test('a member stuck at a higher term heals the group instead of staying outside', () => {
    const logs = { c: MemoryLog.of([], { term: 7, vote: 'c', commit: 0 }) };
    const network = new Network(THREE, { logs });
    network.partition(['a', 'b'], ['c']);
    network.elect('a');
    network.propose('a', 'x');
    network.settle();
    network.partition();
    network.tick(60);
    const [leader] = leaders(network);
    expect(leader).not.toBe('c');
    for (const id of THREE) expect(network.at(id).status).toMatchObject({ leader, term: 8 });
    expect(network.at('c').appliedIndex).toBe(network.at('a').appliedIndex);
  });
});

describe('mistake 22: a learner that does not know of its promotion', () => {
  test('still votes when it is asked', () => {
    const believes = { b: { voters: ['a', 'c'], learners: ['b'] } };
    const network = new Network(THREE, { believes });
    network.at('c').down = true;
    network.elect('a');
  });
});

describe('mistake 25: answers of an earlier election', () => {
  test('are not counted, neither votes nor pre-votes', () => {
    const network = new Network(THREE);
    const { node } = network.at('a');
    network.partition(['a'], ['b'], ['c']);
    node.campaign();
    node.step({ type: 'preVoteReply', from: 'b', to: 'a', term: 1, reject: false });
    expect(node.status()).toMatchObject({ role: 'candidate', term: 1 });
    node.campaign();
    node.step({ type: 'preVoteReply', from: 'b', to: 'a', term: 1, reject: false });
    expect(node.status()).toMatchObject({ role: 'preCandidate', term: 1 });
    node.step({ type: 'preVoteReply', from: 'b', to: 'a', term: 2, reject: false });
    expect(node.status()).toMatchObject({ role: 'candidate', term: 2 });
    network.settle();
    node.step({ type: 'voteReply', from: 'b', to: 'a', term: 1, reject: false });
    expect(node.status()).toMatchObject({ role: 'candidate', term: 2 });
    node.step({ type: 'voteReply', from: 'b', to: 'a', term: 2, reject: false });
    expect(node.status().role).toBe('leader');
  });

  test('a candidate that a majority refuses becomes a follower', () => {
    const network = new Network(THREE, { preVote: false });
    const { node } = network.at('a');
    network.partition(['a'], ['b'], ['c']);
    node.campaign();
    network.settle();
    for (const from of ['b', 'c']) node.step({ type: 'voteReply', from, to: 'a', term: 1, reject: true });
    expect(node.status()).toMatchObject({ role: 'follower', term: 1 });
  });
});
