import { afterEach, describe, expect, test } from 'vitest';
import { encodeAction, encodeQueries } from '../../../src/coordinator/codec.ts';
import type { CoordinatorClient, WatchDelivery } from '../../../src/coordinator/index.ts';
import { SeededRandom, type Span, type Tracer, TroupeError } from '../../../src/core/index.ts';
import { settleWithin, TestCluster } from './cluster.ts';

let cluster: TestCluster;
afterEach(() => cluster.close());

const spec = new Uint8Array([1]);
const openJob = (client: CoordinatorClient, id: string, timeoutMs = 10_000) =>
  client.execute('job.open', { id, spec }, { timeoutMs });

describe('commands', () => {
  test('find the leader from any node and keep to it', async () => {
    cluster = await TestCluster.start();
    cluster.shared.elect('c');
    const client = cluster.client();
    await settleWithin(cluster.clock, openJob(client, 'j1'));
    expect(client.leader).toMatchObject({ node: 'c', term: cluster.shared.term });
    cluster.calls.length = 0;
    await settleWithin(cluster.clock, openJob(client, 'j2'));
    expect(cluster.calls).toEqual(['c:execute']);
  });

  test('on a voter that leads they take no detour', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client('a');
    expect(await settleWithin(cluster.clock, openJob(client, 'j'))).toMatchObject({ id: 'j', state: 'open' });
    expect(cluster.calls).toEqual([]);
  });

  test('of one turn travel together', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client();
    await settleWithin(cluster.clock, openJob(client, 'first'));
    cluster.calls.length = 0;
    const index = cluster.ledger('a').appliedIndex;
    await settleWithin(cluster.clock, Promise.all(Array.from({ length: 100 }, (_, i) => openJob(client, `j${i}`))));
    expect(cluster.calls).toEqual(['a:execute']);
    expect(cluster.ledger('a').appliedIndex).toBe(index + 1);
  });

  test('are refused with the ledger’s own code, without a retry', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client('a');
    const refused = client.execute('job.close', { id: 'none', cancelled: false });
    await expect(settleWithin(cluster.clock, refused)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('happen exactly once, whatever the network and the leaders do', async () => {
    for (let seed = 1; seed <= 15; seed++) {
      cluster = await TestCluster.start();
      const random = new SeededRandom(seed);
      const client = cluster.client();
      cluster.fault = () => {
        const dice = random.next();
        if (dice < 0.15) return 'before';
        if (dice < 0.35) return 'after';
        return dice < 0.4 ? 'hang' : undefined;
      };
      await settleWithin(
        cluster.clock,
        openJob(client, 'j', 60_000).catch(() => {}),
      );
      const items = Array.from({ length: 40 }, (_, i) => ({ id: `t${i}`, input: spec }));
      await settleWithin(
        cluster.clock,
        client.execute('job.add', { id: 'j', items, seal: true }, { timeoutMs: 60_000 }),
      );
      const claims: Promise<unknown>[] = [];
      let chaos = true;
      const disturb = (): void => {
        if (!chaos) return;
        const leader = cluster.ids[random.int(0, 3)];
        if (random.next() < 0.3) cluster.shared.hold();
        else cluster.shared.release();
        if (random.next() < 0.5) cluster.shared.elect(leader, random.next() < 0.5 ? 'kept' : 'lost');
        cluster.clock.schedule(random.int(20, 300), disturb);
      };
      disturb();
      // Claiming isn't idempotent by nature: done twice, it would take two tasks.
      for (let i = 0; i < 40; i++) {
        claims.push(
          client.execute('task.claim', { job: 'j', by: `w${i}`, limit: 1, leaseMs: 3_600_000 }, { timeoutMs: 60_000 }),
        );
        await cluster.clock.advance(random.int(0, 20));
      }
      await cluster.clock.advance(3_000);
      chaos = false;
      cluster.fault = () => undefined;
      cluster.shared.release();
      cluster.shared.elect('b');
      const taken = (await settleWithin(cluster.clock, Promise.all(claims))) as { tasks: { task: string }[] }[];
      const names = taken.flatMap(({ tasks }) => tasks.map(({ task }) => task));
      expect(names).toHaveLength(40);
      expect(new Set(names).size).toBe(40);
      const digests = cluster.ids.map((id) => cluster.ledger(id).digest());
      expect(new Set(digests).size).toBe(1);
      cluster.close();
    }
  });

  test('time out as unknown when they may have been applied, as NO_QUORUM when no leader took them', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client();
    await settleWithin(cluster.clock, openJob(client, 'j'));
    cluster.shared.hold();
    await expect(settleWithin(cluster.clock, openJob(client, 'j2', 1_000))).rejects.toMatchObject({ code: 'TIMEOUT' });
    cluster.shared.elect(undefined);
    cluster.shared.release();
    await expect(settleWithin(cluster.clock, openJob(client, 'j3', 1_000))).rejects.toMatchObject({
      code: 'NO_QUORUM',
    });
  });

  test('go on after a hung leader as soon as another is known, without waiting for the attempt to time out', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client();
    client.watch(() => {});
    await settleWithin(cluster.clock, openJob(client, 'j'));
    cluster.fault = (to) => (to === 'a' ? 'hang' : undefined);
    const pending = openJob(client, 'j2');
    await cluster.clock.advance(100);
    cluster.shared.elect('b');
    const before = cluster.clock.monotonic();
    await settleWithin(cluster.clock, pending);
    expect(cluster.clock.monotonic() - before).toBeLessThan(200);
  });

  test('a session that expired is renewed, for a command that was never sent under it', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client('n', { sessionIdleMs: 600 });
    await settleWithin(cluster.clock, openJob(client, 'j'));
    cluster.fault = () => 'before';
    await cluster.clock.advance(2_000);
    cluster.fault = () => undefined;
    expect(await settleWithin(cluster.clock, openJob(client, 'j2'))).toMatchObject({ id: 'j2' });
  });

  test('a session that expired while a command’s fate was unknown fails it: a new one might do it twice', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client('n', { sessionIdleMs: 600 });
    await settleWithin(cluster.clock, openJob(client, 'j'));
    cluster.fault = (_to, _kind, call) => (call === cluster.calls.length ? 'after' : undefined);
    const pending = openJob(client, 'j2');
    await cluster.clock.settle();
    cluster.fault = () => 'before';
    await cluster.clock.advance(2_000);
    cluster.fault = () => undefined;
    await expect(settleWithin(cluster.clock, pending)).rejects.toMatchObject({ code: 'SESSION_EXPIRED' });
  });

  test('an idle client keeps its session', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client('n', { sessionIdleMs: 600 });
    await settleWithin(cluster.clock, openJob(client, 'j'));
    await cluster.clock.advance(5_000);
    cluster.calls.length = 0;
    await settleWithin(cluster.clock, openJob(client, 'j2'));
    expect(cluster.calls).toEqual(['a:execute']);
  });

  test('can be taken back, are bounded in number, and end with the client', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client('n', { callsInFlightMax: 2 });
    cluster.shared.hold();
    const controller = new AbortController();
    const first = client.execute('job.open', { id: 'j', spec }, { signal: controller.signal });
    const second = openJob(client, 'j2');
    await expect(openJob(client, 'j3')).rejects.toMatchObject({ code: 'OVERLOADED' });
    await cluster.clock.advance(10);
    controller.abort();
    await expect(first).rejects.toMatchObject({ code: 'CANCELLED' });
    client.close();
    await expect(second).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await expect(openJob(client, 'j4')).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });

  test('a full window holds new commands back instead of losing them', async () => {
    cluster = await TestCluster.start({ ledger: { sessionWindow: 4 } });
    const client = cluster.client('n', { sessionWindow: 4, batchCommandsMax: 2 });
    await settleWithin(cluster.clock, Promise.all(Array.from({ length: 50 }, (_, i) => openJob(client, `j${i}`))));
    expect(cluster.ledger('a').query('job.get', { id: 'j49' })).toMatchObject({ state: 'open' });
  });

  test('what cannot be encoded fails at once', async () => {
    cluster = await TestCluster.start();
    const request = { id: 'j', spec: (() => {}) as never };
    await expect(cluster.client().execute('job.open', request)).rejects.toThrow();
  });

  test('a sampled command is a raft.propose span under its caller and a ledger.apply span under that', async () => {
    const spans: { name: string; parent: string | undefined }[] = [];
    const tracer: Tracer = {
      enabled: true,
      start(name, options): Span {
        spans.push({ name, parent: options?.parent });
        return {
          traceparent: `of ${name}`,
          set() {},
          event() {},
          end: () => spans.push({ name: 'end', parent: name }),
        };
      },
    };
    cluster = await TestCluster.start({ tracer });
    const client = cluster.client('a');
    await settleWithin(cluster.clock, openJob(client, 'j'));
    expect(spans).toEqual([]);
    const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await settleWithin(cluster.clock, client.execute('job.open', { id: 'k', spec }, { traceparent: parent }));
    expect(spans).toEqual([
      { name: 'raft.propose', parent },
      { name: 'ledger.apply', parent: 'of raft.propose' },
      { name: 'end', parent: 'ledger.apply' },
      { name: 'end', parent: 'raft.propose' },
    ]);
  });
});

describe('queries', () => {
  test('are linearizable: they see what was answered before, also after a change of leader', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client();
    await settleWithin(cluster.clock, openJob(client, 'j'));
    cluster.shared.elect('b');
    expect(await settleWithin(cluster.clock, client.query('job.get', { id: 'j' }))).toMatchObject({ id: 'j' });
    await expect(settleWithin(cluster.clock, client.query('job.get', { id: 'x' }))).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  test('a stale one is answered by the local voter as it is, even without a quorum', async () => {
    cluster = await TestCluster.start();
    cluster.shared.lag('b', true);
    await settleWithin(cluster.clock, openJob(cluster.client('a'), 'j'));
    cluster.shared.hold();
    const stale = await settleWithin(cluster.clock, cluster.client('b').query('ledger.stats', {}, { stale: true }));
    expect(stale.index).toBe(cluster.ledger('b').appliedIndex);
    expect(stale.index).toBeLessThan(cluster.ledger('a').appliedIndex);
  });

  test('a stale one leaves its voter time to be restored, though another is known to lead', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client('b');
    await settleWithin(cluster.clock, openJob(client, 'j'));
    const server = cluster.server('b');
    const call = server.call.bind(server);
    let calls = 0;
    server.call = async (...args) => {
      // Two refusals without a pause between them would go on for ever: in the same turn, so nothing else could end them.
      if (++calls > 1) return call(...args);
      throw new TroupeError('NODE_UNAVAILABLE', 'this voter is being restored from a snapshot');
    };
    const reply = client.query('ledger.stats', {}, { stale: true });
    await cluster.clock.settle();
    expect(calls).toBe(1);
    await settleWithin(cluster.clock, reply);
    expect(calls).toBe(2);
  });

  test('a call to a voter is not ended by the news that this voter leads', async () => {
    cluster = await TestCluster.start();
    const probe = cluster.client();
    probe.query('cluster.view', {}).catch(() => undefined);
    const first = cluster.calls[0]?.split(':')[0] as string;
    cluster.shared.elect(first);
    await cluster.clock.settle();
    // Of the same seed, so it begins with the same voter.
    const client = cluster.client();
    cluster.calls.length = 0;
    cluster.fault = (_to, kind) => (kind === 'query' ? 'hang' : undefined);
    client.query('cluster.view', {}).catch(() => undefined);
    await settleWithin(cluster.clock, openJob(client, 'd'));
    await cluster.clock.advance(1_000);
    expect(client.leader?.node).toBe(first);
    expect(cluster.calls.filter((call) => call.endsWith(':query'))).toEqual([`${first}:query`]);
  });

  test('relayed ones are given back when no leader is known for long, and served again when one is', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client('b');
    await settleWithin(cluster.clock, openJob(client, 'd'));
    cluster.shared.elect(undefined);
    const body = encodeQueries(false, [encodeAction('kv.get', { key: 'k' })]);
    const start = cluster.clock.monotonic();
    await expect(settleWithin(cluster.clock, client.relay('read', body, 10_000, undefined))).rejects.toMatchObject({
      code: 'NO_QUORUM',
    });
    expect(cluster.clock.monotonic() - start).toBeLessThan(1_000);
    cluster.shared.elect('c');
    await settleWithin(cluster.clock, client.relay('read', body, 10_000, undefined));
  });

  test('a voter whose log has stopped is left for another', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client();
    await settleWithin(cluster.clock, openJob(client, 'd'));
    const log = cluster.log('a');
    log.append = () => {
      if (log.role.leading) queueMicrotask(() => cluster.shared.elect('b'));
      return Promise.reject(new TroupeError('LOG_POISONED', 'a sync failed'));
    };
    await settleWithin(cluster.clock, openJob(client, 'e'));
    expect(cluster.log('b').role.leading).toBe(true);
  });

  test('wait for a leader until their time is over', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client();
    cluster.shared.elect(undefined);
    const query = client.query('ledger.stats', {}, { timeoutMs: 500 });
    await expect(settleWithin(cluster.clock, query)).rejects.toMatchObject({ code: 'TIMEOUT' });
    await cluster.clock.advance(500);
    const calls = cluster.calls.length;
    await cluster.clock.advance(5_000);
    expect(cluster.calls).toHaveLength(calls);
    const patient = client.query('ledger.stats', {}, { timeoutMs: 5_000 });
    await cluster.clock.advance(300);
    cluster.shared.elect('c');
    expect((await settleWithin(cluster.clock, patient)).index).toBeGreaterThan(0);
  });

  test('many at once share a barrier', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client('a');
    const log = cluster.log('a');
    const barrier = log.barrier.bind(log);
    let barriers = 0;
    log.barrier = () => {
      barriers++;
      return barrier();
    };
    await settleWithin(cluster.clock, Promise.all(Array.from({ length: 50 }, () => client.query('ledger.stats', {}))));
    expect(barriers).toBeLessThanOrEqual(2);
  });
});

describe('barriers', () => {
  test('a query that comes while a barrier runs waits for the next: the running one may have begun before a write', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client('a');
    const log = cluster.log('a');
    const barrier = log.barrier.bind(log);
    let barriers = 0;
    log.barrier = () => {
      barriers++;
      return barrier();
    };
    cluster.shared.hold();
    const first = client.query('ledger.stats', {});
    await cluster.clock.settle();
    const second = client.query('ledger.stats', {});
    await cluster.clock.settle();
    expect(barriers).toBe(1);
    cluster.shared.release();
    await settleWithin(cluster.clock, Promise.all([first, second]));
    expect(barriers).toBe(2);
  });
});

describe('watching', () => {
  /** Indices and kinds heard, and a check that no index goes back or comes twice. */
  class Ear {
    readonly deliveries: WatchDelivery[] = [];
    index = -1;
    jobs = 0;
    readonly hear = (delivery: WatchDelivery): void => {
      this.deliveries.push(delivery);
      if (delivery.type === 'view') {
        expect(delivery.view.index).toBeGreaterThanOrEqual(this.index);
        this.index = delivery.view.index;
      } else {
        for (const event of delivery.events) {
          expect(event.index).toBeGreaterThan(this.index);
          expect(event.index).toBeLessThanOrEqual(delivery.index);
          if (event.type === 'job') this.jobs++;
        }
        this.index = delivery.index;
      }
    };
    get views(): number {
      return this.deliveries.filter(({ type }) => type === 'view').length;
    }
  }

  test('begins with a view and then hears each event once, from a local voter or a remote one', async () => {
    cluster = await TestCluster.start();
    for (const self of ['b', 'n']) {
      const client = cluster.client(self);
      const ear = new Ear();
      client.watch(ear.hear);
      await cluster.clock.settle();
      expect(ear.views).toBe(1);
      for (let i = 0; i < 20; i++) await settleWithin(cluster.clock, openJob(client, `${self}${i}`));
      expect(ear.jobs).toBe(20);
      expect(ear.views).toBe(1);
    }
  });

  test('a listener that comes late gets the view as of now, and all share one upstream watch', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client();
    client.watch(() => {});
    await cluster.clock.settle();
    await settleWithin(
      cluster.clock,
      client.execute('node.join', {
        node: 'n',
        bootId: 'b',
        addresses: { control: 'c', data: 'd', api: 'a' },
        labels: {},
        voter: false,
        groups: [{ group: 'g', shards: 2, placement: {} }],
      }),
    );
    const ear = new Ear();
    const stop = client.watch(ear.hear);
    await cluster.clock.settle();
    expect(ear.deliveries).toMatchObject([
      { type: 'view', view: { nodes: [{ node: 'n' }], shards: [{ shard: 0 }, { shard: 1 }] } },
    ]);
    expect(cluster.calls.filter((call) => call.endsWith(':watch'))).toHaveLength(1);
    stop();
    await settleWithin(cluster.clock, openJob(client, 'j'));
    expect(ear.deliveries).toHaveLength(1);
  });

  test('the view that events keep up is the view that the ledger has', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client();
    client.watch(() => {});
    await cluster.clock.settle();
    for (const node of ['x', 'y']) {
      const { incarnation } = await settleWithin(
        cluster.clock,
        client.execute('node.join', {
          node,
          bootId: 'b',
          addresses: { control: 'c', data: 'd', api: 'a' },
          labels: {},
          voter: false,
          groups: [{ group: 'g', shards: 3, placement: {} }],
        }),
      );
      const moves = [0, 1, 2].map((shard) => ({
        group: 'g',
        shard,
        epoch: node === 'x' ? 0 : 1,
        to: { node, incarnation },
      }));
      await settleWithin(cluster.clock, client.execute('shards.place', { moves }));
      if (node === 'x')
        await settleWithin(cluster.clock, client.execute('node.down', { node, incarnation, reason: 'r' }));
    }
    const ear = new Ear();
    client.watch(ear.hear);
    await cluster.clock.settle();
    const view = await settleWithin(cluster.clock, client.query('cluster.view', {}));
    expect(ear.deliveries[0]).toEqual({ type: 'view', view });
  });

  test('goes on at another voter when its own dies, with a new view and never back in time', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client();
    const ear = new Ear();
    client.watch(ear.hear);
    await cluster.clock.settle();
    const watched = cluster.calls.find((call) => call.endsWith(':watch'))?.[0] as string;
    const others = cluster.ids.filter((id) => id !== watched);
    cluster.shared.elect(others[0]);
    // Whichever is next is behind: what it tells first is older than what was heard.
    for (const id of others.slice(1)) cluster.shared.lag(id, true);
    await settleWithin(cluster.clock, openJob(client, 'j1'));
    const heard = ear.index;
    cluster.dead.add(watched);
    const pending = openJob(client, 'j2');
    await settleWithin(cluster.clock, pending);
    await cluster.clock.advance(500);
    for (const id of others) cluster.shared.lag(id, false);
    await settleWithin(cluster.clock, openJob(client, 'j3'));
    await cluster.clock.advance(500);
    expect(ear.views).toBeGreaterThan(1);
    expect(ear.index).toBe(cluster.ledger(others[0] as string).appliedIndex);
    expect(ear.index).toBeGreaterThan(heard);
  });

  test('leaves a voter that knows no leader for long', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client();
    client.watch(() => {});
    await cluster.clock.settle();
    cluster.shared.elect(undefined);
    await cluster.clock.advance(1_900);
    expect(cluster.calls).toHaveLength(1);
    await cluster.clock.advance(300);
    expect(cluster.calls).toHaveLength(2);
    expect(cluster.calls[1]).not.toBe(cluster.calls[0]);
  });

  test('a watcher that falls behind the limit gets a new view, and skips nothing after it', async () => {
    cluster = await TestCluster.start({ server: { feedDeliveriesMax: 8 } });
    const client = cluster.client('a');
    const frames = cluster.server('a').watch(new AbortController().signal)[Symbol.asyncIterator]();
    for (let i = 0; i < 2; i++) await frames.next();
    for (let i = 0; i < 30; i++) await settleWithin(cluster.clock, openJob(client, `j${i}`));
    const { decodeFrame } = await import('../../../src/coordinator/index.ts');
    const next = async () => decodeFrame((await frames.next()).value as Uint8Array);
    expect(await next()).toMatchObject({ type: 'leader', leader: { node: 'a' } });
    const view = await next();
    expect(view).toMatchObject({ type: 'view', view: { index: cluster.ledger('a').appliedIndex } });
    await settleWithin(cluster.clock, openJob(client, 'last'));
    expect(await next()).toMatchObject({ type: 'events', events: [{ type: 'job', job: { id: 'last' } }] });
    await frames.return?.();
  });

  test('a watcher hears who leads', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client();
    const heard: unknown[] = [];
    client.onLeader((leader) => heard.push(leader?.node));
    await cluster.clock.settle();
    expect(client.leader).toMatchObject({ node: 'a' });
    cluster.shared.elect('c');
    await cluster.clock.settle();
    expect(heard).toEqual(['a', 'c']);
  });

  test('a listener that throws takes nothing from the others', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client('a');
    const ear = new Ear();
    client.watch(() => {
      throw new RangeError('no');
    });
    client.watch(ear.hear);
    await cluster.clock.settle();
    await settleWithin(cluster.clock, openJob(client, 'j'));
    expect(ear.jobs).toBe(1);
  });
});

describe('the leader’s duties', () => {
  test('a decision closes at its deadline with nobody doing anything, and on the next leader just as well', async () => {
    cluster = await TestCluster.start();
    const client = cluster.client();
    const open = (id: string) =>
      client.execute('decision.open', {
        id,
        question: 'q',
        electors: ['x'],
        rule: 'majority',
        quorum: 0,
        earlyStop: true,
        deadlineMs: 1_000,
      });
    await settleWithin(cluster.clock, open('d1'));
    await cluster.clock.advance(1_100);
    expect(cluster.ledger('a').query('decision.get', { id: 'd1' }).result).toMatchObject({ outcome: 'expired' });
    await settleWithin(cluster.clock, open('d2'));
    cluster.shared.elect('b');
    await cluster.clock.advance(1_100);
    expect(cluster.ledger('c').query('decision.get', { id: 'd2' }).result).toMatchObject({ outcome: 'expired' });
  });

  test('with nothing due the log stays still', async () => {
    cluster = await TestCluster.start();
    await cluster.clock.advance(60_000);
    expect(cluster.ledger('a').appliedIndex).toBe(1);
  });
});
