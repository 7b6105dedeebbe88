import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../../src/core/index.ts';
import type { Message } from '../../../../src/raft/consensus/index.ts';
import { RaftNode } from '../../../../src/raft/consensus/index.ts';
import { MemoryLog } from './memory-log.ts';
import { Network, take, texts } from './network.ts';

const THREE = ['a', 'b', 'c'];

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

  test('an acknowledgement of what was never sent is refused', () => {
    const network = new Network(THREE);
    const { node } = network.elect('a');
    expect(() => node.step(appendReply('b', 1, 50))).toThrow(expect.objectContaining({ code: 'PROTOCOL_VIOLATION' }));
  });

  test('an acknowledgement of an earlier term counts for nothing: what it speaks of may have been replaced', () => {
    const network = new Network(THREE);
    const a = network.elect('a');
    a.node.transferLeader('b');
    network.settle();
    network.at('b').node.transferLeader('a');
    network.settle();
    expect(a.status).toMatchObject({ role: 'leader', term: 3 });
    network.at('b').slowDisk = true;
    network.at('c').slowDisk = true;
    network.propose('a', 'x');
    network.settle();
    const { commit } = a.status;
    a.node.step(appendReply('b', 1, a.log.lastIndex()));
    expect(a.status.commit).toBe(commit);
    a.node.step(appendReply('b', a.status.term, a.log.lastIndex()));
    expect(a.status.commit).toBe(a.log.lastIndex());
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

  test('a commit is announced only where no append or heartbeat has told it, and no answer is wanted', () => {
    const network = new Network(THREE);
    const { node } = network.elect('a');
    node.propose([new Uint8Array([1])]);
    const drain = (): Message[] => (node.hasReady() ? [...node.ready().messages] : []);
    const sent = drain();
    expect(node.unannounced).toBe(false);
    for (const work of network.at('a').appends) expect(work).toBeUndefined();
    node.step(appendReply('b', 1, 2));
    node.step(appendReply('c', 1, 2));
    expect(node.status().commit).toBe(2);
    expect(drain()).toEqual([]);
    expect(node.unannounced).toBe(true);
    node.announce();
    const announced = drain();
    expect(announced.map(({ type, to, commit, context }) => [type, to, commit, context])).toEqual([
      ['heartbeat', 'b', 2, undefined],
      ['heartbeat', 'c', 2, undefined],
    ]);
    expect(node.unannounced).toBe(false);
    const b = network.at('b').node;
    for (const message of [...sent, ...announced]) if (message.to === 'b') b.step(message);
    expect(b.status().commit).toBe(2);
    expect(b.ready().messages).toEqual([]);
  });

  test('appends that were lost are found out by the next heartbeat', () => {
    const network = new Network(THREE);
    network.elect('a');
    network.tick(1);
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
