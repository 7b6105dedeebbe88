import { expect, test } from 'vitest';
import type { NodeRecord, WatchDelivery } from '../../../src/coordinator/index.ts';
import { nullLogger, SeededRandom, TroupeError } from '../../../src/core/index.ts';
import type { ControlPlane } from '../../../src/node/control/port.ts';
import { type ClusterConfig, checkConfig } from '../../../src/node/index.ts';
import { TroupeNode } from '../../../src/node/node.ts';
import { MemoryNetwork } from '../../../src/remote/index.ts';
import { nullTelemetry } from '../../../src/telemetry/index.ts';
import { ManualClock } from '../../../src/testkit/index.ts';

/** A ledger whose nodes hear of it when the test says so; every life that joins has the next incarnation. */
class Ledger {
  lives = 0;
  #index = 0;
  readonly #watchers: Set<(delivery: WatchDelivery) => void> = new Set();

  plane(): ControlPlane {
    const execute = async (name: string): Promise<unknown> =>
      name === 'node.join' ? { incarnation: ++this.lives } : {};
    return {
      coordinator: {
        execute: execute as ControlPlane['coordinator']['execute'],
        query: () => Promise.reject(new TroupeError('NO_QUORUM', 'not asked for')),
        relay: () => Promise.reject(new TroupeError('NO_QUORUM', 'not asked for')),
        watch: (listener) => {
          this.#watchers.add(listener);
          return () => void this.#watchers.delete(listener);
        },
        leader: undefined,
        onLeader: () => () => undefined,
      },
      address: 'n1:1',
      load: () => undefined,
      scale: async () => [],
      onDrain: () => undefined,
      keepAlive: () => undefined,
      transferLeadership: async () => undefined,
      changeVoters: () => Promise.reject(new TroupeError('NO_QUORUM', 'not asked for')),
      failed: new Promise(() => undefined),
      close: async () => undefined,
    };
  }

  /** All nodes see the node's newest life in this state. */
  tell(state: NodeRecord['state']): void {
    const addresses = { control: 'n1:1', data: 'n1:2', api: '' };
    const node = { node: 'n1', incarnation: this.lives, state, addresses, labels: {}, voter: true, groups: [] };
    const view = { index: ++this.#index, nodes: [node], groups: [], shards: [] };
    for (const watcher of [...this.#watchers]) watcher({ type: 'view', view });
  }
}

test('a node whose first life is given up before it heard of it serves in the next one, and its start says so', async () => {
  const clock = new ManualClock();
  const ledger = new Ledger();
  const config: ClusterConfig = checkConfig({ name: 'test', nodes: [{ id: 'n1', voter: true, preemption: [] }] }, '/');
  const random = new SeededRandom(1);
  let started: TroupeNode | undefined;
  void TroupeNode.start({
    config,
    node: config.nodes[0] as ClusterConfig['nodes'][number],
    agents: [],
    folder: undefined,
    plane: ledger.plane(),
    transport: new MemoryNetwork({ clock, random }).transport('n1'),
    clock,
    random,
    logger: nullLogger,
    telemetry: nullTelemetry,
    api: false,
  }).then((node) => {
    started = node;
  });
  await clock.settle();
  ledger.tell('down');
  expect(await clock.advanceUntil(() => ledger.lives === 2, 10_000)).toBe(true);
  expect(started).toBeUndefined();
  ledger.tell('up');
  expect(await clock.advanceUntil(() => started !== undefined, 10_000)).toBe(true);
  expect(started?.life.self).toEqual({ node: 'n1', incarnation: 2 });
  const stopped = started?.stop();
  await clock.advance(10_000);
  await stopped;
});
