import { describe, expect, test } from 'vitest';
import type { Message, SnapshotMeta } from '../../../../src/raft/consensus/index.ts';
import { Network, take, texts } from '../consensus/network.ts';

const THREE = ['a', 'b', 'c'];
const configuration = { voters: THREE };

function snapshotOf(meta: SnapshotMeta, term = 1): Message {
  return { type: 'snapshot', from: 'a', to: 'c', term, snapshot: meta };
}

describe('mistake 19: a stale or conflicting snapshot', () => {
  test('that ends before the commit index is ignored, and answered with the commit index', () => {
    const network = new Network(THREE);
    network.elect('a');
    network.propose('a', 'x', 'y');
    network.settle();
    const c = network.at('c');
    c.node.step(snapshotOf({ index: 2, term: 9, configuration }));
    network.collect(c);
    expect(c.appends).toEqual([]);
    expect(take(network, 'appendReply')).toMatchObject([{ index: 3 }]);
    expect(texts(c)).toEqual(['x', 'y']);
  });

  test('whose end is in the log already only moves the commit index: what follows is kept', () => {
    const network = new Network(THREE);
    network.elect('a');
    network.lose = ({ from }) => from === 'c';
    network.propose('a', 'x', 'y');
    const appends = take(network, 'append', 'c');
    const c = network.at('c');
    for (const message of appends) c.node.step({ ...message, commit: 1 });
    network.collect(c);
    c.node.step(snapshotOf({ index: 2, term: 1, configuration }));
    network.collect(c);
    expect(c.status.commit).toBe(2);
    expect(c.appends.every((work) => work.snapshot === undefined)).toBe(true);
    while (c.appends.length > 0) network.write(c);
    expect(c.log.lastIndex()).toBe(3);
  });

  test('of a deposed leader is refused', () => {
    const network = new Network(THREE);
    network.elect('a');
    network.at('a').node.transferLeader('b');
    network.settle();
    const c = network.at('c');
    c.node.step(snapshotOf({ index: 50, term: 1, configuration }, 1));
    network.collect(c);
    expect(c.appends).toEqual([]);
  });

  test('replaces a log that disagrees, and a late completion of the old one counts for nothing', () => {
    const network = new Network(THREE);
    const c = network.at('c');
    const entries = [1, 2, 3].map((index) => ({
      term: 1,
      index,
      kind: 'normal' as const,
      data: new Uint8Array([index]),
    }));
    c.node.step({ type: 'append', from: 'b', to: 'c', term: 1, index: 0, logTerm: 0, commit: 0, entries });
    network.collect(c);
    c.node.step(snapshotOf({ index: 2, term: 2, configuration }, 3));
    const after = { term: 3, index: 3, kind: 'normal' as const, data: new Uint8Array([9]) };
    c.node.step({ type: 'append', from: 'a', to: 'c', term: 3, index: 2, logTerm: 2, commit: 3, entries: [after] });
    network.collect(c);
    network.write(c);
    expect(c.status.applied).toBe(0);
    expect(c.applies).toEqual([]);
    c.node.step({ type: 'append', from: 'a', to: 'c', term: 3, index: 3, logTerm: 3, commit: 3, entries: [] });
    network.collect(c);
    expect(take(network, 'appendReply').filter((message) => message.reject)).toEqual([]);
    network.write(c);
    expect(c.status.applied).toBe(2);
    expect(c.applies[0]?.entries).toEqual([after]);
  });
});
