import { describe, expect, test } from 'vitest';
import type { Message, SnapshotMeta } from '../../../../src/raft/consensus/index.ts';
import { Network, take, texts } from './network.ts';

const THREE = ['a', 'b', 'c'];
const configuration = { voters: THREE };

/** A group whose member `c` missed entries that the leader `a` has compacted. */
function laggard(): Network {
  const network = new Network(THREE);
  network.elect('a');
  network.partition(['a', 'b'], ['c']);
  network.propose('a', 'x', 'y', 'z');
  network.settle();
  network.compact('a');
  network.partition();
  return network;
}

function snapshotOf(meta: SnapshotMeta, term = 1): Message {
  return { type: 'snapshot', from: 'a', to: 'c', term, snapshot: meta };
}

describe('snapshots', () => {
  test('a follower behind the log gets one, and then the entries after it', () => {
    const network = laggard();
    network.tick(2);
    expect(texts(network.at('c'))).toEqual(['x', 'y', 'z']);
    expect(network.at('c').log.firstIndex()).toBe(5);
    network.propose('a', 'after');
    network.settle();
    expect(texts(network.at('c'))).toEqual(['x', 'y', 'z', 'after']);
    expect(network.at('a').node.progress()!.get('c')!.state).toBe('replicate');
  });

  test('others are not slowed while one waits for its snapshot', () => {
    const network = laggard();
    network.at('c').slowDisk = true;
    network.tick(2);
    expect(network.at('a').node.progress()!.get('c')!.state).toBe('snapshot');
    network.propose('a', 'on');
    network.settle();
    expect(texts(network.at('b'))).toEqual(['x', 'y', 'z', 'on']);
  });

  test('nothing is acknowledged or applied before it is installed', () => {
    const network = laggard();
    const c = network.at('c');
    c.slowDisk = true;
    network.tick(2);
    expect(c.appends.some((work) => work.snapshot !== undefined)).toBe(true);
    expect(c.applies).toEqual([]);
    expect(network.at('a').node.progress()!.get('c')!.match).toBe(1);
    c.slowDisk = false;
    network.settle();
    expect(c.status.applied).toBe(4);
  });

  test('a member whose log is being replaced does not stand', () => {
    const network = laggard();
    const c = network.at('c');
    c.slowDisk = true;
    network.tick(2);
    c.node.campaign();
    expect(c.status.role).toBe('follower');
  });

  test('when the message that names it is lost it is named again', () => {
    const network = laggard();
    network.lose = (message) => message.type === 'snapshot';
    network.tick(5);
    network.lose = () => false;
    network.tick(15);
    expect(texts(network.at('c'))).toEqual(['x', 'y', 'z']);
  });

  test('when fetching it failed it is named again after the next sign of life', () => {
    const network = laggard();
    const { node } = network.at('a');
    network.lose = (message) => message.type === 'snapshot';
    network.tick(2);
    network.lose = () => false;
    node.step({ type: 'snapshotStatus', from: 'c', to: 'a', term: 1, reject: true });
    network.settle();
    expect(texts(network.at('c'))).toEqual([]);
    network.tick(1);
    expect(texts(network.at('c'))).toEqual(['x', 'y', 'z']);
  });

  test('one that was taken and answered by now gives way to appends when the log reaches back far enough', () => {
    const network = laggard();
    network.tick(2);
    take(network, 'snapshot');
    const progress = network.at('a').node.progress()!.get('c')!;
    network.tick(2);
    expect(progress.match).toBe(4);
  });

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

  test('a restart finds the snapshot, its configuration, and goes on', () => {
    const network = laggard();
    network.tick(2);
    network.at('c').restart();
    network.tick(3);
    network.propose('a', 'after');
    network.settle();
    expect(texts(network.at('c'))).toEqual(['x', 'y', 'z', 'after']);
    expect(network.at('c').status.configuration).toEqual(configuration);
  });
});
