import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type ChannelPort,
  type Coordinator,
  connectCoordinator,
  inlineChannel,
  serveCoordinator,
  type WatchDelivery,
} from '../../../src/coordinator/index.ts';
import { TestCluster } from './cluster.ts';

interface Ends {
  readonly control: ChannelPort;
  readonly main: ChannelPort;
  close(): void;
}

const channels: Record<string, () => Ends> = {
  'in line': () => {
    const [control, main] = inlineChannel();
    return { control, main, close: () => control.close() };
  },
  'message port': () => {
    const { port1, port2 } = new MessageChannel();
    return { control: port1, main: port2, close: () => port1.close() };
  },
};

describe.each(Object.keys(channels))('the channel between the threads: %s', (name) => {
  let cluster: TestCluster;
  let ends: Ends;
  let coordinator: Coordinator;

  const start = async (): Promise<void> => {
    cluster = await TestCluster.start();
    ends = (channels[name] as () => Ends)();
    serveCoordinator(cluster.client('a'), ends.control);
    coordinator = connectCoordinator(ends.main);
  };
  afterEach(() => {
    ends.close();
    cluster.close();
  });

  const spec = new Uint8Array([1, 2, 3]);

  test('carries commands, queries, bytes and refusals', async () => {
    await start();
    expect(await coordinator.execute('job.open', { id: 'j', spec })).toMatchObject({ id: 'j', spec });
    expect(await coordinator.query('job.get', { id: 'j' })).toMatchObject({ id: 'j', spec });
    await expect(coordinator.query('job.get', { id: 'x' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(coordinator.execute('job.close', { id: 'x', cancelled: false })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  test('carries cancellation', async () => {
    await start();
    cluster.shared.hold();
    const controller = new AbortController();
    const pending = coordinator.execute('job.open', { id: 'j', spec }, { signal: controller.signal });
    controller.abort();
    await expect(pending).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(coordinator.query('ledger.stats', {}, { signal: controller.signal })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });

  test('carries a watch to many listeners, and who leads', async () => {
    await start();
    const heard: WatchDelivery[] = [];
    const begun = Promise.withResolvers<void>();
    const event = Promise.withResolvers<void>();
    coordinator.watch((delivery) => {
      heard.push(delivery);
      if (delivery.type === 'view') begun.resolve();
      else event.resolve();
    });
    await begun.promise;
    await coordinator.execute('job.open', { id: 'j', spec });
    await event.promise;
    expect(heard).toMatchObject([{ type: 'view' }, { type: 'events', events: [{ type: 'job', job: { spec } }] }]);
    expect(coordinator.leader).toMatchObject({ node: 'a' });
    const changed = Promise.withResolvers<unknown>();
    coordinator.onLeader((leader) => changed.resolve(leader?.node));
    cluster.shared.elect('b');
    expect(await changed.promise).toBe('b');
  });

  test('a request that cannot cross fails alone', async () => {
    await start();
    await expect(coordinator.execute('job.open', { id: 'j', spec: (() => {}) as never })).rejects.toThrow();
    expect(await coordinator.query('ledger.stats', {})).toMatchObject({ ballots: 0 });
  });

  test('when it closes, everything fails rather than waits', async () => {
    await start();
    cluster.shared.hold();
    const pending = coordinator.execute('job.open', { id: 'j', spec });
    ends.close();
    await expect(pending).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await expect(coordinator.query('ledger.stats', {})).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});
