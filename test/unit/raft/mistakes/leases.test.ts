import { describe, expect, test } from 'vitest';
import type { Message } from '../../../../src/raft/consensus/index.ts';
import { Network, type Peer, take } from '../consensus/network.ts';

const THREE = ['a', 'b', 'c'];
const LEASE_TICKS = 4;
const ELECTION_TICKS = 10;

/** A leader `a` that has committed in its term and holds a lease. */
function leased(): { readonly network: Network; readonly a: Peer } {
  const network = new Network(THREE, { leaseTicks: LEASE_TICKS, electionTicks: ELECTION_TICKS });
  const a = network.elect('a');
  network.tick(1);
  expect(a.node.leaseIndex()).toBe(a.status.commit);
  return { network, a };
}

/** Ticks for which the leader still answers alone. */
function ticksLeft({ node }: Peer): number {
  for (let ticks = 0; ticks < 100; ticks++) {
    if (node.leaseIndex() === undefined) return ticks;
    node.tick();
  }
  return Number.POSITIVE_INFINITY;
}

const voteOf = (from: string, to: string, term: number): Message => {
  return { type: 'vote', from, to, term, index: 99, logTerm: term - 1 };
};

describe('mistake 15: a lease read across silence, a pause, a drifting clock or a transfer', () => {
  test('a lease lasts leaseTicks from when the heartbeat was sent, however late its answers come', () => {
    const { network, a } = leased();
    network.partition(['a'], ['b', 'c']);
    network.settle();
    expect(ticksLeft(a)).toBe(LEASE_TICKS);

    const other = leased();
    other.network.settle();
    other.a.node.tick();
    other.network.collect(other.a);
    const heartbeats = take(other.network, 'heartbeat');
    for (let i = 0; i < LEASE_TICKS - 1; i++) other.a.node.tick();
    other.network.wire = [...heartbeats];
    other.network.lose = ({ type, from }) => type === 'heartbeat' && from === 'a';
    for (const message of heartbeats) other.network.at(message.to).node.step(message);
    other.network.settle();
    expect(ticksLeft(other.a)).toBe(1);
  });

  test('it takes a quorum, and none that was counted twice', () => {
    const network = new Network([...THREE, 'd', 'e'], { leaseTicks: LEASE_TICKS, electionTicks: ELECTION_TICKS });
    const a = network.elect('a');
    network.partition(['a', 'b'], ['c', 'd', 'e']);
    network.tick(LEASE_TICKS + 1, 'a');
    expect(a.node.leaseIndex()).toBeUndefined();
    network.partition(['a', 'b', 'c'], ['d', 'e']);
    network.tick(1, 'a');
    expect(a.node.leaseIndex()).toBeDefined();
  });

  test('a member without leases grants none', () => {
    const { network, a } = leased();
    const bare: Message = { type: 'heartbeatReply', from: 'b', to: 'a', term: 1, context: 0 };
    network.lose = ({ from }) => from !== 'a';
    for (let i = 0; i < LEASE_TICKS; i++) {
      a.node.tick();
      network.collect(a);
      for (const { to, context = 0 } of take(network, 'heartbeat')) a.node.step({ ...bare, from: to, context });
    }
    expect(a.node.leaseIndex()).toBeUndefined();
  });

  test('after a pause only heartbeats that were sent since count', () => {
    const { network, a } = leased();
    a.node.tick();
    network.collect(a);
    a.node.voidLease();
    network.settle();
    expect(a.node.leaseIndex()).toBeUndefined();
    network.tick(1);
    expect(a.node.leaseIndex()).toBeDefined();
  });

  test('from the start of a transfer there is none, and never again once the successor was told to stand', () => {
    const { network, a } = leased();
    network.partition(['a', 'b'], ['c']);
    network.propose('a', 'x');
    network.settle();
    a.node.transferLeader('c');
    expect(a.node.leaseIndex()).toBeUndefined();
    network.tick(ELECTION_TICKS, 'a');
    expect(a.node.transferee).toBeUndefined();
    expect(a.node.leaseIndex()).toBeDefined();

    network.partition();
    network.tick(2);
    network.lose = ({ type }) => type === 'timeoutNow';
    a.node.transferLeader('c');
    network.tick(ELECTION_TICKS + 2, 'a');
    expect(a.status.role).toBe('leader');
    expect(a.node.leaseIndex()).toBeUndefined();
  });

  test('a change of the members voids it: who granted it may be no quorum any more', () => {
    const { network, a } = leased();
    a.node.proposeChange({ remove: ['c'] });
    network.settle();
    expect(a.status.configuration).toEqual({ voters: ['a', 'b'] });
    expect(a.node.leaseIndex()).toBeUndefined();
    network.tick(1);
    expect(a.node.leaseIndex()).toBeDefined();
  });

  test('a new leader answers nothing alone before it has committed in its term', () => {
    const network = new Network(THREE, { leaseTicks: LEASE_TICKS, electionTicks: ELECTION_TICKS });
    network.lose = ({ type }) => type === 'append';
    const a = network.elect('a');
    network.tick(2, 'a');
    expect(a.node.leaseIndex()).toBeUndefined();
  });

  describe('who granted a lease keeps its vote for an election time-out', () => {
    test('whatever it hears of later terms meanwhile, and longer than the lease lasts', () => {
      const { network, a } = leased();
      const b = network.at('b');
      b.node.step({ type: 'preVoteReply', from: 'c', to: 'b', term: 5, reject: true });
      expect(b.status).toMatchObject({ term: 5, leader: undefined });
      network.lose = () => true;
      for (let i = 0; i < ELECTION_TICKS - 1; i++) {
        b.node.tick();
        b.node.step(voteOf('c', 'b', 5));
        b.node.step(voteOf('c', 'b', 6));
        b.node.step({ ...voteOf('c', 'b', 6), type: 'preVote' });
        expect(b.node.ready().messages).toEqual([]);
      }
      expect(ticksLeft(a)).toBeLessThan(ELECTION_TICKS);
      b.node.tick();
      b.node.step(voteOf('c', 'b', 6));
      expect(b.node.ready().append?.hardState).toMatchObject({ term: 6, vote: 'c' });
    });

    test('also when its connection to the leader breaks: it does not stand either', () => {
      const { network } = leased();
      const b = network.at('b');
      network.lose = () => true;
      b.node.disconnected('a');
      for (let i = 0; i < ELECTION_TICKS - 1; i++) b.node.tick();
      expect(b.status.role).toBe('follower');
      for (let i = 0; i < 3; i++) b.node.tick();
      expect(b.status.role).toBe('preCandidate');
    });

    test('also after a restart, which forgot the grant', () => {
      const { network } = leased();
      const b = network.at('b');
      network.lose = () => true;
      b.restart();
      b.node.step(voteOf('c', 'b', 9));
      b.node.campaign();
      expect(b.status).toMatchObject({ role: 'follower', term: 1 });
      for (let i = 0; i < ELECTION_TICKS; i++) b.node.tick();
      b.node.step(voteOf('c', 'b', 9));
      expect(b.status.term).toBe(9);
    });

    test('but gives it to the successor that the leader itself has called', () => {
      const { network, a } = leased();
      a.node.transferLeader('c');
      network.settle();
      expect(network.at('c').status.role).toBe('leader');
      expect(a.node.leaseIndex()).toBeUndefined();
    });
  });
});
