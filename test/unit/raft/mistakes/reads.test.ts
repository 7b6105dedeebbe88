import { expect, test } from 'vitest';
import { Network, take } from '../consensus/network.ts';

const THREE = ['a', 'b', 'c'];

test('mistake 12: a leader that was deposed without knowing answers no read', () => {
  const network = new Network(THREE);
  const a = network.elect('a');
  network.partition(['a'], ['b', 'c']);
  network.tick(10, 'b', 'c');
  network.elect('b');
  network.propose('b', 'new');
  network.settle();
  expect(a.status.role).toBe('leader');
  a.node.readIndex(1);
  network.tick(3, 'a');
  expect(a.reads).toEqual([]);
  network.partition();
  network.tick(5);
  expect(a.status).toMatchObject({ role: 'follower', leader: 'b' });
  expect(a.reads).toEqual([]);
});

test('mistake 13: a read that comes before the first commit of the term waits for it', () => {
  const network = new Network(THREE);
  network.elect('a');
  network.propose('a', 'x');
  // b and c hold x, and nobody but the leader knows that it is committed.
  network.lose = (message) => (message.commit ?? 0) > 1;
  network.settle();
  network.lose = (message) => message.type === 'append';
  network.at('a').node.transferLeader('b');
  network.settle();
  const b = network.at('b');
  expect(b.status).toMatchObject({ role: 'leader', commit: 1 });
  b.node.readIndex(1);
  network.tick(2, 'b');
  expect(b.reads).toEqual([]);
  network.lose = () => false;
  network.tick(2, 'b');
  expect(b.reads).toEqual([{ context: 1, index: 3 }]);
});

test('mistake 14: answers to an earlier round, late or repeated, do not serve a read that came after it', () => {
  const network = new Network(THREE);
  const a = network.elect('a');
  a.node.readIndex(1);
  network.collect(a);
  for (const id of ['b', 'c']) for (const message of take(network, 'heartbeat', id)) network.at(id).node.step(message);
  for (const id of ['b', 'c']) network.collect(network.at(id));
  const late = take(network, 'heartbeatReply');
  expect(late).toHaveLength(2);
  a.node.readIndex(2);
  network.collect(a);
  for (const message of [...late, ...late]) a.node.step(message);
  network.collect(a);
  expect(a.reads.map((read) => read.context)).toEqual([1]);
  network.settle();
  expect(a.reads.map((read) => read.context)).toEqual([1, 2]);
});

test('mistake 14: one follower that answers twice is not a quorum', () => {
  const network = new Network([...THREE, 'd', 'e']);
  const a = network.elect('a');
  a.node.readIndex(1);
  network.collect(a);
  for (let i = 0; i < 3; i++) {
    a.node.step({ type: 'heartbeatReply', from: 'b', to: 'a', term: 1, context: 1 });
  }
  network.collect(a);
  expect(a.reads).toEqual([]);
  a.node.step({ type: 'heartbeatReply', from: 'c', to: 'a', term: 1, context: 1 });
  network.collect(a);
  expect(a.reads).toHaveLength(1);
});

test('mistake 14: an answer to a heartbeat of an earlier term does not count for a round of the same number', () => {
  const network = new Network(THREE);
  network.elect('a');
  network.at('a').node.transferLeader('b');
  network.settle();
  const b = network.at('b');
  expect(b.status).toMatchObject({ role: 'leader', term: 2 });
  b.node.readIndex(1);
  network.collect(b);
  for (const from of ['a', 'c']) b.node.step({ type: 'heartbeatReply', from, to: 'b', term: 1, context: 1 });
  network.collect(b);
  expect(b.reads).toEqual([]);
});

test('mistake 14: an answer meant for an earlier life of a follower is not taken for a read of today', () => {
  const network = new Network(THREE);
  network.elect('a');
  const b = network.at('b');
  b.node.readIndex(1);
  network.collect(b);
  for (const message of take(network, 'readIndex')) network.at('a').node.step(message);
  network.collect(network.at('a'));
  for (const id of ['b', 'c']) for (const message of take(network, 'heartbeat', id)) network.at(id).node.step(message);
  network.collect(network.at('c'));
  network.deliver();
  const late = take(network, 'readIndexReply');
  expect(late).toHaveLength(1);
  b.restart();
  network.tick(2);
  network.propose('a', 'x');
  network.settle();
  b.node.readIndex(1);
  b.node.step(late[0]!);
  network.settle();
  expect(b.reads).toEqual([{ context: 1, index: 2 }]);
});
