import { expect, test } from 'vitest';
import type { Entry, Message } from '../../../../src/raft/consensus/index.ts';
import { MemoryLog } from '../consensus/memory-log.ts';
import { Network, take } from '../consensus/network.ts';

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

test('mistake 7: of two appends under way, the one that is durable does not speak for the other', () => {
  const network = new Network(THREE);
  const a = network.elect('a');
  a.slowDisk = true;
  network.at('c').down = true;
  network.propose('a', 'x');
  network.propose('a', 'y');
  network.settle();
  expect(a.appends).toHaveLength(2);
  network.write(a);
  expect(a.status.commit).toBe(2);
  network.write(a);
  expect(a.status.commit).toBe(3);
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
