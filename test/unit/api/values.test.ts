import { afterEach, describe, expect, test } from 'vitest';
import { type ApiClient, type ApiServer, connectApi, type ServeApiOptions } from '../../../src/api/index.ts';
import {
  type CallKind,
  CoordinatorClient,
  CoordinatorServer,
  Ledger,
  MemoryLogCluster,
  type ReplicatedLog,
  type Voters,
} from '../../../src/coordinator/index.ts';
import { nullLogger, nullTracer, systemClock, systemRandom, TroupeError } from '../../../src/core/index.ts';
import { FakeCluster, until } from './fake-cluster.ts';

interface Node {
  readonly log: ReplicatedLog;
  readonly ledger: Ledger;
  readonly server: CoordinatorServer;
  readonly coordinator: CoordinatorClient;
  api: ApiServer;
}

const text = (value: Uint8Array | undefined): string => new TextDecoder().decode(value);

/** Three voters over one log in memory, each with an API port, and a client outside. */
class Rig {
  readonly shared: MemoryLogCluster = new MemoryLogCluster();
  readonly nodes: Map<string, Node> = new Map();
  /** Kinds of calls that went from one node to another, and where to. */
  readonly hops: string[] = [];
  /** Called when a voter has served a call and hasn't answered yet. */
  served: (node: string, kind: CallKind) => Promise<void> | void = () => undefined;
  client: ApiClient | undefined;
  /** How often the client has looked for a node. */
  searches = 0;

  static async start(): Promise<Rig> {
    const rig = new Rig();
    const ids = ['a', 'b', 'c'];
    for (const self of ids) {
      const ledger = new Ledger();
      const log = await rig.shared.join(self, ledger);
      const server = new CoordinatorServer({ log, ledger, clock: systemClock });
      const serve = server.call.bind(server);
      server.call = async (kind, body, trace) => {
        const answer = await serve(kind, body, trace);
        await rig.served(self, kind);
        return answer;
      };
      const transport: Voters = {
        call: (to, kind, body, _timeoutMs, trace) => {
          rig.hops.push(`${kind} ${to}`);
          return rig.node(to).server.call(kind, body, trace);
        },
        watch: (to, signal) => rig.node(to).server.watch(signal),
      };
      const coordinator = new CoordinatorClient({
        self,
        voters: ids,
        transport,
        local: server,
        clock: systemClock,
        random: systemRandom,
      });
      const api = await rig.serve(self, coordinator);
      rig.nodes.set(self, { log, ledger, server, coordinator, api });
    }
    rig.shared.elect('a');
    for (const [node, { api }] of rig.nodes) {
      const addresses = { control: '', data: '', api: api.address };
      const life = { node, bootId: node, addresses, labels: {}, voter: true, groups: [] };
      await rig.node('a').coordinator.execute('node.join', life);
    }
    rig.hops.length = 0;
    return rig;
  }

  serve(node: string, coordinator: CoordinatorClient): Promise<ApiServer> {
    const fake = new FakeCluster();
    const options: Partial<ServeApiOptions> = { coordinator, node };
    return fake.serve(options);
  }

  node(id: string): Node {
    return this.nodes.get(id) as Node;
  }

  /** A client that knows these nodes at first, in this order. */
  connect(...ids: string[]): ApiClient {
    this.client = connectApi({
      addresses: () => {
        this.searches++;
        return ids.map((id) => this.node(id).api.address);
      },
      clock: systemClock,
      logger: nullLogger,
      tracer: nullTracer,
      random: { ...systemRandom, int: () => 0, next: () => 0, id: () => 'id' },
    });
    return this.client;
  }

  puts(): number {
    return this.node('a').ledger.query('ledger.stats', {}).puts;
  }

  async close(): Promise<void> {
    await this.client?.close();
    for (const { api, server, coordinator } of this.nodes.values()) {
      await api.close(50);
      coordinator.close();
      server.close();
    }
  }
}

let rig: Rig;
afterEach(() => rig.close());

describe('values of a cluster', () => {
  test('are put, read, listed and deleted; conflicts keep code and data', async () => {
    rig = await Rig.start();
    const { kv } = rig.connect('a');
    expect(await kv.get('a')).toBeUndefined();
    expect(await kv.put('a', 'text', { expect: 0 })).toEqual({ version: 1 });
    expect(await kv.put('b', new Uint8Array([1, 2]))).toEqual({ version: 2 });
    const a = await kv.get('a');
    expect(a).toMatchObject({ key: 'a', version: 1 });
    expect(text(a?.value)).toBe('text');
    expect(await kv.get('b', { stale: true })).toEqual({ key: 'b', value: new Uint8Array([1, 2]), version: 2 });
    await expect(kv.put('a', '', { expect: 7 })).rejects.toMatchObject({ code: 'CONFLICT', data: { version: 1 } });
    await Promise.all(Array.from({ length: 250 }, (_, i) => kv.put(`list/${1_000 + i}`, `${i}`)));
    const listed: string[] = [];
    for await (const { key } of kv.list('list/')) listed.push(key);
    expect(listed).toEqual(Array.from({ length: 250 }, (_, i) => `list/${1_000 + i}`));
    await kv.delete('a', { expect: 1 });
    expect(await kv.get('a')).toBeUndefined();
    await expect(kv.put('k', new Uint8Array(65_537))).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
  });

  test('what is asked in one turn travels together, and is answered from one barrier', async () => {
    rig = await Rig.start();
    const { kv } = rig.connect('a');
    await kv.put('k', 'v');
    const before = rig.node('a').log.role;
    const index = rig.node('a').ledger.appliedIndex;
    await Promise.all(Array.from({ length: 128 }, (_, i) => kv.put(`k${i}`, 'v')));
    expect(rig.node('a').ledger.appliedIndex).toBe(index + 1);
    let calls = 0;
    rig.served = () => void calls++;
    await Promise.all(Array.from({ length: 128 }, (_, i) => kv.get(`k${i}`)));
    expect(calls).toBe(1);
    expect(before.leading).toBe(true);
  });

  test('a client goes over to the node that leads, and follows it', async () => {
    rig = await Rig.start();
    const { kv } = rig.connect('b');
    await until(async () => {
      rig.hops.length = 0;
      await kv.put('k', 'v');
      return rig.hops.length === 0;
    });
    rig.shared.elect('c');
    await until(async () => {
      rig.hops.length = 0;
      await kv.put('k', 'v');
      return rig.hops.length === 0;
    });
    expect(rig.node('c').log.role.leading).toBe(true);
  });

  test('what is under way when a client goes over to the leader is answered where it was asked', async () => {
    rig = await Rig.start();
    const { kv } = rig.connect('a');
    await kv.put('k', '1');
    const gate = Promise.withResolvers<void>();
    let writes = 0;
    rig.served = (_node, kind) => {
      if (kind !== 'write') return undefined;
      writes++;
      return gate.promise;
    };
    const put = kv.put('k', '2');
    await until(() => writes === 1);
    rig.shared.elect('c');
    await until(async () => {
      rig.hops.length = 0;
      await kv.get('k');
      return rig.hops.length === 0;
    });
    // The node asked the new leader; the client has no reason to ask anybody again.
    await until(() => writes === 2);
    await kv.get('k');
    gate.resolve();
    await put;
    expect(writes).toBe(2);
    expect(rig.searches).toBe(1);
  });

  test('a put whose answer was lost with its node is not carried out twice, and does not fail by its own first try', async () => {
    rig = await Rig.start();
    const { kv } = rig.connect('a', 'b');
    await kv.put('warm', 'up');
    const before = rig.puts();
    let lost = 0;
    rig.served = async (node, kind) => {
      if (kind !== 'write' || node !== 'a' || lost > 0) return;
      lost++;
      // The ledger has it; the client loses the node before it hears so.
      await rig.node('a').api.close(0);
      rig.shared.elect('b');
    };
    expect(await kv.put('k', 'v', { expect: 0 })).toEqual({ version: before + 1 });
    expect(lost).toBe(1);
    expect(rig.puts()).toBe(before + 1);
    expect((await kv.get('k'))?.version).toBe(before + 1);
  });

  test('a node that no leader can be reached from is left for another', async () => {
    rig = await Rig.start();
    const { kv } = rig.connect('a', 'b');
    await kv.put('k', '1');
    // The others have a leader, but from this node nobody can be reached.
    const { server, coordinator } = rig.node('a');
    coordinator.relay = () => Promise.reject(new TroupeError('TIMEOUT', 'nobody answers'));
    server.call = () => Promise.reject(new TroupeError('NOT_LEADER', 'cut off'));
    await rig.node('c').api.close(0);
    rig.shared.elect('c');
    const start = systemClock.monotonic();
    await kv.put('k', '2');
    await kv.get('k');
    expect(systemClock.monotonic() - start).toBeLessThan(1_500);
  });

  test('waits while nobody leads, and fails in time when nobody comes', async () => {
    rig = await Rig.start();
    const { kv } = rig.connect('a');
    await kv.put('k', '1');
    rig.shared.elect(undefined);
    const late = kv.put('k', '2', { timeoutMs: 5_000 });
    const read = kv.get('k', { timeoutMs: 5_000 });
    const hopeless = kv.put('k', '3', { timeoutMs: 100 });
    await expect(hopeless).rejects.toMatchObject({ retryable: true });
    expect((await kv.get('k', { stale: true }))?.version).toBe(1);
    rig.shared.elect('c');
    expect((await late).version).toBeGreaterThan(1);
    expect((await read)?.version).toBeGreaterThanOrEqual(1);
  });

  test('a client outside can touch values only, and not with the numbers of a node', async () => {
    rig = await Rig.start();
    const { coordinator } = rig.node('a');
    const { encodeAction, encodeBatch, encodeCommand, encodeQueries, readReply } = await import(
      '../../../src/coordinator/codec.ts'
    );
    const { repliesOf } = await import('../../../src/coordinator/index.ts');
    const write = async (session: number, seq: number, name: string, request: unknown): Promise<unknown> => {
      const command = encodeCommand(seq, encodeAction(name, request));
      const [reply] = repliesOf(await coordinator.relay('write', encodeBatch(session, 0, [command]), 1_000, undefined));
      const answer = readReply(reply);
      if ('refusal' in answer) throw answer.refusal;
      return answer.reply;
    };
    const { session } = (await write(0, 0, 'session.open', { idleMs: 1_000 })) as { session: number };
    await expect(write(session, 1, 'job.open', { id: 'j', spec: new Uint8Array() })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    // Every session there can be but its own: among them the one that the node's first command opened.
    for (let other = 1; other < session; other++) {
      await expect(write(other, 50, 'kv.put', { key: 'k', value: new Uint8Array() })).rejects.toMatchObject({
        code: 'SESSION_EXPIRED',
      });
    }
    expect(rig.puts()).toBe(0);
    const body = encodeQueries(true, [encodeAction('job.get', { id: 'j' })]);
    const [reply] = repliesOf(await coordinator.relay('read', body, 1_000, undefined));
    expect(readReply(reply)).toMatchObject({ refusal: { code: 'INVALID_ARGUMENT' } });
  });

  test('a closed client fails what waits', async () => {
    rig = await Rig.start();
    const client = rig.connect('a');
    await client.kv.put('k', '1');
    rig.shared.elect(undefined);
    const put = client.kv.put('k', '2');
    put.catch(() => undefined);
    await client.close();
    await expect(put).rejects.toBeInstanceOf(TroupeError);
    await expect(client.kv.get('k')).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});
