import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestCluster } from '../../../src/testkit/index.ts';
import { counter } from '../agent/agents.ts';

describe('a test cluster', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await TestCluster.start(3, { agents: [counter] });
  });
  afterAll(() => cluster.close());

  test('serves agents from every node', async () => {
    expect(await cluster.agent(counter, 'a').ask('add', 2)).toBe(2);
    expect(await cluster.agent(counter, 'a', 'node-3').ask('add', 3)).toBe(5);
  });

  test('lets minutes pass in no time', async () => {
    const before = cluster.clock.monotonic();
    await cluster.advance(60_000);
    expect(cluster.clock.monotonic() - before).toBeGreaterThanOrEqual(60_000);
    expect(await cluster.agent(counter, 'a').ask('read', undefined)).toBe(5);
  });

  test('has probes on its nodes, which hear from the others', async () => {
    const probe = cluster.probe<string>('node-1');
    const speaker = cluster.actors('node-2').spawn<{ to: typeof probe.ref }>(
      () => ({
        receive({ to }, ctx) {
          to.tell('hello from node-2');
          ctx.stopSelf();
        },
      }),
      { name: 'speaker' },
    );
    const found = await cluster.actors('node-1').find<{ to: typeof probe.ref }>('node-2', 'speaker');
    found.tell({ to: probe.ref });
    await probe.expectMessage('hello from node-2');
    await probe.expectTerminated(found, { reason: 'normal' });
    await probe.expectNoMessage();
    expect(speaker.path).toMatch(/speaker/);
  });

  test('drops links: a node that nobody reaches is given up, its agents live on elsewhere, and it comes back', async () => {
    const homes = async (): Promise<Set<string>> => {
      const keys = Array.from({ length: 30 }, (_, i) => `spread-${i}`);
      return new Set(
        await Promise.all(
          keys.map((key) => cluster.agent(counter, key).ask('where', undefined, { timeoutMs: 60_000 })),
        ),
      );
    };
    expect(await homes()).toEqual(new Set(['node-1', 'node-2', 'node-3']));
    cluster.cut('node-3');
    await cluster.advance(30_000);
    expect(await homes()).toEqual(new Set(['node-1', 'node-2']));
    await expect(
      cluster.agent(counter, 'a', 'node-3').ask('read', undefined, { timeoutMs: 1_000 }),
    ).rejects.toMatchObject({ retryable: true });
    cluster.heal();
    await cluster.advance(30_000);
    expect(await cluster.agent(counter, 'a', 'node-3').ask('read', undefined)).toBe(5);
  });

  test('drains a node', async () => {
    await cluster.drain('node-2');
    expect(await cluster.agent(counter, 'a').ask('where', undefined)).not.toBe('node-2');
  });
});

test('one node is a cluster too', async () => {
  await using cluster = await TestCluster.start(1, { agents: [counter] });
  expect(await cluster.agent(counter, 'a').ask('add', 1)).toBe(1);
});

test('in real time', async () => {
  await using cluster = await TestCluster.start(2, { agents: [counter], time: 'real' });
  expect(await cluster.agent(counter, 'a', 'node-2').ask('add', 1)).toBe(1);
});

test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('a cluster of %s nodes is refused', async (size) => {
  await expect(TestCluster.start(size)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});
