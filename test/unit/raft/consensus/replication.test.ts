import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../../src/core/index.ts';
import type { Entry, Message } from '../../../../src/raft/consensus/index.ts';
import { RaftNode } from '../../../../src/raft/consensus/index.ts';
import { MemoryLog } from './memory-log.ts';
import { Network, take, texts } from './network.ts';

const THREE = ['a', 'b', 'c'];

function entry(term: number, index: number): Entry {
  return { term, index, kind: 'normal', data: new Uint8Array([term, index]) };
}

/** An append of `terms.length` entries after (index, logTerm), from `a` to `b`. */
function append(term: number, index: number, logTerm: number, terms: readonly number[], commit = 0): Message {
  const entries = terms.map((each, i) => entry(each, index + 1 + i));
  return { type: 'append', from: 'a', to: 'b', term, index, logTerm, commit, entries };
}

function appendReply(from: string, term: number, index: number): Message {
  return { type: 'appendReply', from, to: 'a', term, index };
}

describe('replication', () => {
  test('what is proposed is applied by everyone, in order', () => {
    const network = new Network(THREE);
    network.elect('a');
    expect(network.propose('a', 'x', 'y')).toEqual({ term: 1, firstIndex: 2, lastIndex: 3 });
    network.settle();
    for (const peer of network.peers.values()) expect(texts(peer)).toEqual(['x', 'y']);
  });

  test('proposals made before the next ready leave as one message for each follower', () => {
    const network = new Network(THREE);
    network.elect('a');
    const { node } = network.at('a');
    for (let i = 0; i < 10; i++) node.propose([new Uint8Array([i])]);
    network.collect(network.at('a'));
    expect(take(network, 'append', 'b').map((message) => message.entries?.length)).toEqual([10]);
  });

  test('only a leader takes proposals, and a refusal names it', () => {
    const network = new Network(THREE);
    expect(() => network.propose('b', 'x')).toThrow(expect.objectContaining({ code: 'NOT_LEADER', data: {} }));
    network.elect('a');
    const refusal = expect.objectContaining({ code: 'NOT_LEADER', data: { leader: 'a' } });
    expect(() => network.propose('b', 'x')).toThrow(refusal);
  });

  test('mistake 1: an entry of an earlier term is not committed by counting (figure 8)', () => {
    const hardState = { term: 3, vote: undefined, commit: 0 };
    const network = new Network(THREE, {
      logs: { a: MemoryLog.of([1, 2], hardState), b: MemoryLog.of([1, 2], hardState) },
    });
    network.elect('a');
    expect(network.at('a').status.commit).toBe(3);

    const alone = new Network(THREE, { logs: { a: MemoryLog.of([1, 2], hardState) } });
    const a = alone.at('a');
    a.node.campaign();
    alone.collect(a);
    a.node.step({ type: 'preVoteReply', from: 'b', to: 'a', term: 4, reject: false });
    alone.collect(a);
    alone.write(a);
    a.node.step({ type: 'voteReply', from: 'b', to: 'a', term: 4, reject: false });
    alone.collect(a);
    alone.write(a);
    a.node.step(appendReply('b', 4, 2));
    expect(a.status.commit).toBe(0);
    a.node.step(appendReply('b', 4, 3));
    expect(a.status.commit).toBe(3);
  });

  test('mistake 2: a follower commits no further than what it matched with the leader', () => {
    const logs = { b: MemoryLog.of([1, 1, 1], { term: 1, vote: undefined, commit: 0 }) };
    const network = new Network(THREE, { logs });
    const { node } = network.at('b');
    node.step(append(2, 1, 1, [], 3));
    expect(node.status().commit).toBe(1);
    node.step(append(2, 1, 1, [2], 3));
    expect(node.status().commit).toBe(2);
  });

  test('mistake 2: a heartbeat carries no commit past what the follower is known to hold', () => {
    const network = new Network(THREE);
    network.elect('a');
    network.lose = (message) => message.to === 'c' && message.type === 'append';
    network.propose('a', 'x');
    network.settle();
    network.tick(1);
    expect(network.at('a').status.commit).toBe(2);
    expect(network.at('c').status.commit).toBe(1);
  });

  test('mistake 3: a delayed shorter append does not cut entries that were acknowledged', () => {
    const network = new Network(THREE);
    const b = network.at('b');
    b.node.step(append(1, 0, 0, [1, 1, 1]));
    network.collect(b);
    network.write(b);
    expect(take(network, 'appendReply').map((message) => message.index)).toEqual([3]);
    b.node.step(append(1, 0, 0, [1]));
    b.node.step(append(1, 1, 1, []));
    network.collect(b);
    expect(b.log.lastIndex()).toBe(3);
    b.node.step(append(1, 3, 1, [], 3));
    network.collect(b);
    expect(b.applies[0]?.entries).toHaveLength(3);
  });

  test('mistake 7: a leader counts itself only when its own append is durable', () => {
    const network = new Network(THREE);
    const a = network.elect('a');
    a.slowDisk = true;
    network.at('c').down = true;
    network.propose('a', 'x');
    network.settle();
    expect(network.at('b').log.lastIndex()).toBe(2);
    expect(a.status.commit).toBe(1);
    network.write(a);
    expect(a.status.commit).toBe(2);
  });

  test('a quorum of others commits without the leader, which applies when its own append is durable', () => {
    const network = new Network(THREE);
    const a = network.elect('a');
    a.slowDisk = true;
    network.propose('a', 'x');
    network.settle();
    expect(a.status.commit).toBe(2);
    expect(texts(a)).toEqual([]);
    a.slowDisk = false;
    network.settle();
    expect(texts(a)).toEqual(['x']);
  });

  test('a follower acknowledges an append only when it is durable', () => {
    const network = new Network(THREE);
    network.elect('a');
    network.at('b').slowDisk = true;
    network.at('c').slowDisk = true;
    network.propose('a', 'x');
    network.settle();
    expect(network.at('a').status.commit).toBe(1);
    network.write(network.at('b'));
    network.settle();
    expect(network.at('a').status.commit).toBe(2);
  });

  test('mistake 8: a late completion does not mark entries as durable that replaced what it wrote', () => {
    const network = new Network(THREE);
    const b = network.at('b');
    b.node.step(append(1, 0, 0, [1, 1, 1]));
    network.collect(b);
    b.node.step(append(2, 1, 1, [2, 2], 3));
    network.collect(b);
    network.write(b);
    // Committed up to 3, but of that only index 1 is on the disk as the leader has it.
    expect(b.applies[0]?.entries.map((each) => each.index)).toEqual([1]);
    network.apply(b);
    expect(b.applies).toEqual([]);
    network.write(b);
    expect(b.applies[0]?.entries.map((each) => each.term)).toEqual([2, 2]);
  });

  test('mistake 8: nor entries of the same index and term that were written, replaced and sent again', () => {
    const network = new Network(THREE);
    const b = network.at('b');
    b.node.step(append(1, 0, 0, [1, 1]));
    network.collect(b);
    b.node.step({ ...append(2, 0, 0, [2]), from: 'c' });
    network.collect(b);
    b.node.step(append(3, 0, 0, [1, 1, 3], 3));
    network.collect(b);
    network.write(b);
    expect(b.applies).toEqual([]);
    network.write(b);
    expect(b.applies).toEqual([]);
    network.write(b);
    expect(b.applies[0]?.entries.map((each) => each.term)).toEqual([1, 1, 3]);
  });

  test('mistake 25: a refusal that is late or repeated never takes next below match', () => {
    const network = new Network(THREE);
    const { node } = network.elect('a');
    network.propose('a', 'x', 'y');
    network.settle();
    const progress = node.progress()!.get('b')!;
    expect([progress.match, progress.next]).toEqual([3, 4]);
    for (const index of [0, 1, 2, 3]) {
      node.step({ ...appendReply('b', 1, index), reject: true, rejectHint: 0, logTerm: 0 });
      expect([progress.state, progress.match, progress.next]).toEqual(['replicate', 3, 4]);
    }
    node.step({ type: 'unreachable', from: 'b', to: 'a', term: 1 });
    node.step({ ...appendReply('b', 1, 3), reject: true, rejectHint: 0, logTerm: 0 });
    expect(progress.next).toBeGreaterThan(progress.match);
  });

  test('mistake 25: an acknowledgement of an earlier term is not counted', () => {
    const network = new Network(THREE);
    network.elect('a');
    network.at('a').node.transferLeader('b');
    network.settle();
    network.at('b').slowDisk = true;
    network.partition(['b'], ['a', 'c']);
    network.propose('b', 'x');
    const { node } = network.at('b');
    const { commit, term } = node.status();
    node.step({ type: 'appendReply', from: 'a', to: 'b', term: term - 1, index: 3 });
    node.step({ type: 'appendReply', from: 'c', to: 'b', term: term - 1, index: 3 });
    expect(node.status().commit).toBe(commit);
  });

  test('an acknowledgement of what was never sent is refused', () => {
    const network = new Network(THREE);
    const { node } = network.elect('a');
    expect(() => node.step(appendReply('b', 1, 50))).toThrow(expect.objectContaining({ code: 'PROTOCOL_VIOLATION' }));
  });

  test('a diverged follower is found by whole terms, not entry by entry', () => {
    const old = (term: number, count: number): number[] => new Array(count).fill(term);
    const logs = {
      a: MemoryLog.of([1, ...old(4, 100)], { term: 4, vote: undefined, commit: 0 }),
      b: MemoryLog.of([1, ...old(2, 60), ...old(3, 60)], { term: 4, vote: undefined, commit: 0 }),
    };
    const network = new Network(['a', 'b', 'c'], { logs });
    let refusals = 0;
    network.onPost = (message) => {
      if (message.type === 'appendReply' && message.from === 'b' && message.reject) refusals++;
    };
    network.elect('a');
    expect(
      network
        .at('b')
        .log.all()
        .map((each) => each.term),
    ).toEqual([1, ...old(4, 100), 5]);
    expect(refusals).toBeLessThanOrEqual(3);
  });

  test('followers learn a commit without waiting for the next proposal or heartbeat', () => {
    const network = new Network(THREE);
    network.elect('a');
    network.propose('a', 'x');
    network.settle();
    for (const peer of network.peers.values()) expect(peer.status.commit).toBe(2);
  });

  test('appends that were lost are found out by the next heartbeat', () => {
    const network = new Network(THREE);
    network.elect('a');
    network.lose = (message) => message.type === 'append' && message.to === 'b';
    network.propose('a', 'x');
    network.settle();
    network.lose = () => false;
    network.settle();
    expect(texts(network.at('b'))).toEqual([]);
    network.tick(1);
    expect(texts(network.at('b'))).toEqual(['x']);
  });

  test('an unreachable follower is probed, and pipelined again after its first answer', () => {
    const network = new Network(THREE);
    const { node } = network.elect('a');
    const progress = node.progress()!.get('b')!;
    expect(progress.state).toBe('replicate');
    node.step({ type: 'unreachable', from: 'b', to: 'a', term: 1 });
    expect(progress.state).toBe('probe');
    network.propose('a', 'x');
    network.settle();
    expect([progress.state, progress.match]).toEqual(['replicate', 2]);
  });

  test('no more than inflightMessagesMax appends go unanswered, and answers let the rest out', () => {
    const network = new Network(THREE, { inflightMessagesMax: 3, appendBytesMax: 1 });
    network.elect('a');
    network.propose('a', ...'abcdefgh');
    const sent = take(network, 'append', 'b');
    expect(sent.map((message) => message.entries?.length)).toEqual([1, 1, 1]);
    network.wire.push(...sent);
    network.settle();
    expect(texts(network.at('b')).join('')).toBe('abcdefgh');
  });

  test('no more than inflightBytesMax bytes of entries go unanswered', () => {
    const network = new Network(THREE, { inflightBytesMax: 200, appendBytesMax: 1 });
    const { node } = network.elect('a');
    node.propose(new Array(10).fill(new Uint8Array(84)));
    network.collect(network.at('a'));
    expect(take(network, 'append', 'b')).toHaveLength(2);
  });

  test('a message holds no more than appendBytesMax, but always one entry', () => {
    const network = new Network(THREE, { appendBytesMax: 210 });
    const { node } = network.elect('a');
    node.propose([84, 84, 500, 10].map((size) => new Uint8Array(size)));
    network.collect(network.at('a'));
    expect(take(network, 'append', 'b').map((message) => message.entries?.length)).toEqual([2, 1, 1]);
  });

  test('proposals past uncommittedBytesMax are refused, and taken again when some have committed', () => {
    const network = new Network(THREE, { uncommittedBytesMax: 250 });
    const { node } = network.elect('a');
    const data = [new Uint8Array(84)];
    node.propose(data);
    node.propose(data);
    expect(() => node.propose(data)).toThrow(expect.objectContaining({ code: 'OVERLOADED', retryable: true }));
    network.settle();
    node.propose([new Uint8Array(1_000)]);
    expect(() => node.propose(data)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
    network.settle();
    node.propose(data);
  });

  test('one ApplyWork is out at a time and holds no more than applyBytesMax', () => {
    const network = new Network(['a'], { applyBytesMax: 40 });
    const a = network.elect('a');
    network.propose('a', ...'abcd');
    network.write(a);
    expect(a.applies.map((work) => work.entries.length)).toEqual([2]);
    network.settle();
    expect(texts(a).join('')).toBe('abcd');
  });

  test('the commit index alone is no reason to write', () => {
    const network = new Network(THREE);
    const a = network.elect('a');
    expect(a.status.commit).toBe(1);
    expect(a.log.hardState?.commit).toBe(0);
    network.propose('a', 'x');
    network.settle();
    expect(a.log.hardState?.commit).toBe(1);
  });

  test('a member whose log lost what it acknowledged stops at once', () => {
    const network = new Network(THREE);
    network.elect('a');
    const heartbeat: Message = { type: 'heartbeat', from: 'a', to: 'b', term: 1, commit: 9 };
    expect(() => network.at('b').node.step(heartbeat)).toThrow(expect.objectContaining({ code: 'INVARIANT_VIOLATED' }));
  });

  test.each([
    ['its commit index', { term: 1, vote: undefined, commit: 3 }, 0],
    ['what the state machine applied', { term: 1, vote: undefined, commit: 0 }, 3],
    ['the term of its entries', { term: 0, vote: undefined, commit: 0 }, 0],
  ])('a log that ends before %s is refused at the start', (_, hardState, applied) => {
    const log = MemoryLog.of([1, 1], hardState);
    const configuration = { voters: ['a'] };
    const start = () => new RaftNode({ id: 'a', log, hardState, applied, configuration, random: new SeededRandom(1) });
    expect(start).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT' }));
  });

  test('a restart goes on from the disk: what was committed is applied, once', () => {
    const network = new Network(THREE);
    network.elect('a');
    network.propose('a', 'x', 'y');
    network.settle();
    for (const peer of network.peers.values()) peer.restart();
    network.tick(40);
    for (const peer of network.peers.values()) expect(texts(peer)).toEqual(['x', 'y']);
  });
});
