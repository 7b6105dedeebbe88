import { describe, expect, test } from 'vitest';
import { foldView, LedgerFeed } from '../../../src/api/ledger-feed.ts';
import type { LedgerEvent } from '../../../src/coordinator/index.ts';
import { FakeCluster } from './fake-cluster.ts';

describe('the feed of the ledger', () => {
  test('gives what came after an index, and nothing when it has forgotten', async () => {
    const cluster = new FakeCluster();
    const feed = new LedgerFeed(cluster.coordinator(), 10);
    await feed.changed;
    for (let i = 0; i < 50; i++) cluster.commit({ type: 'group', group: { group: `g${i}`, shards: 1, placement: {} } });
    expect(feed.after(150)).toEqual([]);
    expect(feed.after(148)?.map((entry) => entry.index)).toEqual([149, 150]);
    expect(feed.after(100)).toBeUndefined();
    const kept = Array.from({ length: 50 }, (_, i) => feed.after(101 + i)?.length).filter((n) => n !== undefined);
    expect(Math.max(...kept)).toBeLessThan(20);
    expect(kept.length).toBeGreaterThanOrEqual(10);
    expect(feed.view.groups).toHaveLength(50);
  });

  test('a gap forgets everything before the new view', async () => {
    const cluster = new FakeCluster();
    const feed = new LedgerFeed(cluster.coordinator());
    await feed.changed;
    cluster.addNode('a');
    cluster.gap();
    expect(feed.after(100)).toBeUndefined();
    expect(feed.after(101)).toEqual([]);
    feed.close();
    expect(cluster.watchers).toBe(0);
  });

  test('an older life never replaces a newer one in the view', () => {
    const cluster = new FakeCluster();
    cluster.addNode('a', 'up', { incarnation: 9 });
    cluster.addNode('b', 'down', { incarnation: 4 });
    const [newer, older] = [cluster.nodes.get('a'), cluster.nodes.get('b')];
    if (newer === undefined || older === undefined) return expect.unreachable();
    const stamp = { index: 2, term: 1, time: 0 };
    const late: LedgerEvent = { ...stamp, type: 'node', node: { ...older, node: 'a' } };
    const view = { index: 1, nodes: [newer], groups: [], shards: [] };
    expect(foldView(view, 2, [late])).toEqual({ ...view, index: 2 });
  });
});
