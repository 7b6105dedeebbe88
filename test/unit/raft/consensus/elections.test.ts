import { describe, expect, test } from 'vitest';
import type { Message } from '../../../../src/raft/consensus/index.ts';
import { Network } from './network.ts';

const THREE = ['a', 'b', 'c'];

function leaders(network: Network): string[] {
  return [...network.peers.values()].filter((peer) => peer.status.role === 'leader').map((peer) => peer.id);
}

describe('elections', () => {
  test('a silent group elects exactly one leader, and everyone learns of it', () => {
    const network = new Network(THREE);
    network.tick(25);
    expect(leaders(network)).toHaveLength(1);
    for (const peer of network.peers.values()) expect(peer.status.leader).toBe(leaders(network)[0]);
  });

  test('a single voter elects itself', () => {
    const network = new Network(['a']);
    network.tick(25);
    expect(leaders(network)).toEqual(['a']);
  });

  test('a split vote is resolved, as time-outs are drawn anew', () => {
    const network = new Network(THREE);
    network.partition(['a'], ['b'], ['c']);
    for (const id of THREE) network.at(id).node.campaign();
    network.settle();
    network.partition();
    network.tick(80);
    expect(leaders(network)).toHaveLength(1);
  });

  test('of two that ask at the same time whether they may stand, one gives way: the vote does not split', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const network = new Network(THREE, { seed });
      network.at('c').down = true;
      network.at('a').node.campaign();
      network.at('b').node.campaign();
      network.settle();
      expect(leaders(network)).toEqual(['a']);
      expect(network.at('a').status.term).toBe(1);
    }
  });

  test('the one whose log lacks something gives way, whatever its name', () => {
    const network = new Network(THREE);
    network.elect('b');
    network.partition(['a'], ['b', 'c']);
    network.propose('b', 'x');
    network.settle();
    network.partition();
    network.at('c').down = true;
    network.at('a').restart();
    network.at('b').restart();
    network.at('a').node.campaign();
    network.at('b').node.campaign();
    network.settle();
    expect(leaders(network)).toEqual(['b']);
  });

  test('a learner never stands, and never counts', () => {
    const network = new Network(['a', 'b'], { configuration: { voters: ['a'], learners: ['b'] } });
    network.tick(50, 'b');
    expect(network.at('b').status.role).toBe('follower');
    network.at('b').node.campaign();
    expect(network.at('b').status.role).toBe('follower');
    network.elect('a');
    network.at('b').down = true;
    network.propose('a', 'x');
    network.settle();
    expect(network.at('a').status.commit).toBe(2);
  });

  test('a leader that hears no quorum steps down within two election time-outs', () => {
    const network = new Network(THREE);
    network.elect('a');
    network.partition(['a'], ['b', 'c']);
    network.tick(20, 'a');
    expect(network.at('a').status.role).toBe('follower');
    expect(network.at('a').status.leader).toBeUndefined();
  });

  test('a vote of its own that is not durable yet does not help a candidate, whatever else was written meanwhile', () => {
    const network = new Network(THREE, { preVote: false });
    const { node, appends } = network.at('a');
    node.step({ type: 'append', from: 'b', to: 'a', term: 1, index: 0, logTerm: 0, commit: 0, entries: [] });
    network.collect(network.at('a'));
    node.campaign();
    network.collect(network.at('a'));
    expect(appends).toHaveLength(2);
    network.write(network.at('a'));
    node.step({ type: 'voteReply', from: 'b', to: 'a', term: 2, reject: false });
    expect(node.status()).toMatchObject({ role: 'candidate', term: 2 });
    network.write(network.at('a'));
    expect(node.status().role).toBe('leader');
  });

  test('a pre-vote raises nobody to the term that it asks about', () => {
    const network = new Network(THREE);
    const { node } = network.at('b');
    node.step({ type: 'preVote', from: 'c', to: 'b', term: 5, index: 0, logTerm: 0 });
    expect(node.status().term).toBe(0);
    expect(node.ready().messages).toMatchObject([{ type: 'preVoteReply', term: 5, reject: false }]);
  });

  describe('a broken connection to the leader', () => {
    test('makes its followers stand within a few ticks, one after the other', () => {
      const network = new Network(['a', 'b', 'c', 'd', 'e']);
      network.elect('a');
      network.at('a').down = true;
      network.lose = () => true;
      for (const id of ['b', 'c', 'd', 'e']) network.at(id).node.disconnected('a');
      const stood: (string | undefined)[] = [];
      for (let i = 0; i < 8; i++) {
        network.tick(1);
        stood.push(['b', 'c', 'd', 'e'].findLast((id) => network.at(id).status.role === 'preCandidate'));
      }
      expect(stood).toEqual([undefined, 'b', 'b', 'c', 'c', 'd', 'd', 'e']);
      network.lose = () => false;
      network.tick(15);
      expect(leaders(network).filter((id) => id !== 'a')).toHaveLength(1);
    });

    test('is not forgotten for a message that was on its way', () => {
      const network = new Network(THREE);
      network.elect('a');
      network.propose('a', 'x');
      for (const id of ['b', 'c']) network.at(id).node.disconnected('a');
      network.settle();
      for (const id of ['b', 'c']) expect(network.at(id).status.leader).toBeUndefined();
      network.at('a').down = true;
      network.tick(2);
      expect(network.at('b').status).toMatchObject({ role: 'leader', term: 2 });
    });

    test('that only one member saw changes nothing: it follows again when it hears the leader', () => {
      const network = new Network(THREE);
      network.elect('a');
      network.at('b').node.disconnected('a');
      network.tick(1);
      expect(network.at('b').status.leader).toBeUndefined();
      network.propose('a', 'x');
      network.tick(4);
      for (const id of THREE) expect(network.at(id).status).toMatchObject({ leader: 'a', term: 1 });
      expect(network.at('b').log.lastIndex()).toBe(network.at('a').log.lastIndex());
    });

    test('to anyone else is no reason to stand, and a leader looks again where that member is', () => {
      const network = new Network(THREE);
      const { node } = network.elect('a');
      network.at('b').node.disconnected('c');
      expect(network.at('b').status.leader).toBe('a');
      node.disconnected('b');
      expect(node.progress()?.get('b')?.state).toBe('probe');
    });
  });

  test('a message that no correct member sends is refused and changes nothing', () => {
    const network = new Network(THREE);
    network.elect('a');
    const before = network.at('b').status;
    const append: Message = { type: 'append', from: 'a', to: 'b', term: 1, index: 1, logTerm: 1, commit: 0 };
    const data = new Uint8Array(1);
    const wrong: Message[] = [
      { ...append, term: 2 ** 53 },
      { ...append, index: -1 },
      { ...append, commit: 0.5 },
      { ...append, to: 'c' },
      { ...append, entries: [{ term: 1, index: 3, kind: 'normal', data }] },
      { ...append, entries: [{ term: 2, index: 2, kind: 'normal', data }] },
    ];
    for (const message of wrong) {
      expect(() => network.at('b').node.step(message)).toThrow(expect.objectContaining({ code: 'PROTOCOL_VIOLATION' }));
    }
    expect(network.at('b').status).toEqual(before);
  });

  test('status comes with a ready exactly when role, leader or term changed', () => {
    const network = new Network(['a']);
    const { node } = network.at('a');
    expect(node.ready().status).toMatchObject({ role: 'follower', term: 0 });
    expect(node.hasReady()).toBe(false);
    node.campaign();
    expect(node.ready().status).toMatchObject({ role: 'candidate', term: 1 });
  });
});
