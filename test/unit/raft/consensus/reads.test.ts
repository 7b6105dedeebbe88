import { describe, expect, test } from 'vitest';
import { Network, texts } from './network.ts';

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
