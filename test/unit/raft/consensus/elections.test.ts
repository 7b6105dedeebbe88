import { describe, expect, test } from 'vitest';
import { MemoryLog } from './memory-log.ts';
import { Network, take, texts } from './network.ts';

const THREE = ['a', 'b', 'c'];

describe('elections', () => {
  test('a silent group elects exactly one leader, and everyone learns of it', () => {
    const network = new Network(THREE);
    network.tick(25);
    const leaders = [...network.peers.values()].filter((peer) => peer.status.role === 'leader');
    expect(leaders).toHaveLength(1);
    for (const peer of network.peers.values()) expect(peer.status.leader).toBe(leaders[0]!.id);
  });
  test('replicates', () => {
    const network = new Network(THREE);
    network.elect('a');
    network.propose('a', 'x', 'y');
    network.settle();
    for (const peer of network.peers.values()) expect(texts(peer)).toEqual(['x', 'y']);
    void take;
    void MemoryLog;
  });
});
