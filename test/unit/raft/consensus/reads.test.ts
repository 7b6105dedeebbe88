import { describe, expect, test } from 'vitest';
import { Network, take, texts } from './network.ts';

const THREE = ['a', 'b', 'c'];

describe('linearizable reads', () => {
  test('a leader serves a read after a quorum has answered, at the commit index of when it came', () => {
    const network = new Network(THREE);
    const a = network.elect('a');
    network.propose('a', 'x');
    network.settle();
    a.node.readIndex(7);
    network.collect(a);
    expect(a.reads).toEqual([]);
    network.settle();
    expect(a.reads).toEqual([{ context: 7, index: 2 }]);
  });

  test('a single voter serves reads at once', () => {
    const network = new Network(['a']);
    const a = network.elect('a');
    a.node.readIndex(1);
    expect(a.node.ready().reads).toEqual([{ context: 1, index: 1 }]);
  });

  test('reads that come together share one round', () => {
    const network = new Network(THREE);
    const a = network.elect('a');
    for (let context = 1; context <= 100; context++) a.node.readIndex(context);
    network.collect(a);
    expect(network.wire).toHaveLength(2);
    network.settle();
    expect(a.reads.map((read) => read.context)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
  });

  test('a follower asks its leader, and gets the answer under its own context', () => {
    const network = new Network(THREE);
    network.elect('a');
    network.propose('a', 'x');
    network.settle();
    network.at('b').node.readIndex(5);
    network.settle();
    expect(network.at('b').reads).toEqual([{ context: 5, index: 2 }]);
    expect(network.at('a').reads).toEqual([]);
  });

  test('a member that knows no leader refuses', () => {
    const network = new Network(THREE);
    const refusal = expect.objectContaining({ code: 'NOT_LEADER', retryable: true });
    expect(() => network.at('a').node.readIndex(1)).toThrow(refusal);
  });

  test('no more than readsMax reads wait', () => {
    const network = new Network(THREE, { readsMax: 2 });
    const { node } = network.elect('a');
    node.readIndex(1);
    node.readIndex(2);
    expect(() => node.readIndex(3)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
    network.settle();
    node.readIndex(3);
  });

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
    network.lose = (message) => message.type === 'append' && (message.commit ?? 0) > 1;
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
    for (const id of ['b', 'c'])
      for (const message of take(network, 'heartbeat', id)) network.at(id).node.step(message);
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
    for (const id of ['b', 'c'])
      for (const message of take(network, 'heartbeat', id)) network.at(id).node.step(message);
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

  test('reads of a leader that steps down are dropped, not answered', () => {
    const network = new Network(THREE);
    const a = network.elect('a');
    network.partition(['a'], ['b', 'c']);
    a.node.readIndex(1);
    network.tick(20, 'a');
    expect(a.status.role).toBe('follower');
    network.partition();
    network.tick(40);
    expect(a.reads).toEqual([]);
    expect(texts(a)).toEqual([]);
  });
});
