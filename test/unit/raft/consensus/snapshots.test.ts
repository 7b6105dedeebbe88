import { describe, expect, test } from 'vitest';
import { MemoryLog } from './memory-log.ts';
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

  test('what a snapshot holds is committed, also where the state machine and the commit index on the disk are behind', () => {
    const log = MemoryLog.of([1, 1, 1, 1], { term: 1, vote: 'a', commit: 1 });
    log.compact({ index: 3, term: 1, configuration }, 3);
    const c = new Network(['a', 'b', 'c'], { logs: { c: log } }).at('c');
    expect(c.status).toMatchObject({ commit: 3, applied: 0 });
  });

  test('one that the log agrees with only commits: what was acknowledged behind it stays', () => {
    const hardState = { term: 1, vote: undefined, commit: 0 };
    const network = new Network(THREE, { logs: { c: MemoryLog.of([1, 1, 1, 1], hardState) } });
    const { node, status } = network.at('c');
    expect(status.commit).toBe(0);
    const snapshot = { index: 2, term: 1, configuration };
    node.step({ type: 'snapshot', from: 'a', to: 'c', term: 1, snapshot });
    network.settle();
    expect(network.at('c').status.commit).toBe(2);
    expect(network.at('c').log.firstIndex()).toBe(1);
    expect(network.at('c').log.lastIndex()).toBe(4);
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
