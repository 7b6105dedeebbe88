import {
  type Client,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterEach, describe, expect, test } from 'vitest';
import type { ApiServer } from '../../../src/api/index.ts';
import { systemClock, TroupeError } from '../../../src/core/index.ts';
import { FakeCluster, failed, until } from './fake-cluster.ts';

// This client knows the .proto files and nothing of ours, as one in another language would.
const OPTIONS = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true };
const proto = (file: string, dir: string) => loadPackageDefinition(loadSync(file, { ...OPTIONS, includeDirs: [dir] }));
type Message = Readonly<Record<string, unknown>>;

/** A call that streams, one way or the other. */
interface Call {
  on(event: 'data', listener: (message: Message) => void): unknown;
  on(event: 'end' | 'error', listener: (value: unknown) => void): unknown;
  once(event: 'data', listener: (message: Message) => void): unknown;
  write(message: Message): unknown;
  end(message?: Message): void;
  pause(): void;
  cancel(): void;
}
type Stub = Client & Readonly<Record<string, (...args: unknown[]) => Call>>;

/** What is at a path such as `view.nodes.0.id`. */
function at(message: unknown, path: string): unknown {
  return path.split('.').reduce((value, name) => (value as Message | undefined)?.[name], message);
}

/** Opens a call that streams. */
function open(client: Stub, method: string, ...args: unknown[]): Call {
  const invoke = client[method];
  if (invoke === undefined) return expect.unreachable(`no method ${method}`);
  return invoke.apply(client, args);
}

function stub(root: GrpcObject, path: string, address: string): Stub {
  const make = at(root, path);
  return new (make as new (...args: unknown[]) => Stub)(address, credentials.createInsecure());
}

const api = proto('troupe/v1/api.proto', 'proto');
const health = proto('health/v1/health.proto', 'node_modules/grpc-health-check/proto');
const reflection = proto('grpc/reflection/v1/reflection.proto', 'node_modules/@grpc/reflection/build/proto');
const opened: (() => void | Promise<void>)[] = [];

async function start(cluster = new FakeCluster()): Promise<{ cluster: FakeCluster; server: ApiServer; client: Stub }> {
  const server = await cluster.serve();
  const client = stub(api, 'troupe.v1.Troupe', server.address);
  opened.push(
    () => client.close(),
    () => server.close(100),
  );
  return { cluster, server, client };
}

afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

function call(
  client: Stub,
  method: string,
  request: Message,
  metadata = new Metadata(),
  options = {},
): Promise<Message> {
  return new Promise((resolve, reject) => {
    open(client, method, request, metadata, options, (error: ServiceError | null, reply: Message) =>
      error ? reject(error) : resolve(reply),
    );
  });
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const parse = (bytes: unknown): unknown => JSON.parse(String(bytes));

/** Reads google.rpc.Status and the Any in it by hand, by field numbers alone. */
function fields(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  const varint = (at: number): [number, number] => {
    let value = 0;
    for (let shift = 0; ; shift += 7, at++) {
      value |= ((bytes[at] ?? 0) & 0x7f) << shift;
      if (((bytes[at] ?? 0) & 0x80) === 0) return [value, at + 1];
    }
  };
  for (let at = 0; at < bytes.length; ) {
    const [tag, next] = varint(at);
    const [value, after] = varint(next);
    at = after;
    if ((tag & 7) !== 2) continue;
    found.set(tag >> 3, bytes.subarray(at, at + value));
    at += value;
  }
  return found;
}

describe('a plain gRPC client', () => {
  test('reads the status of the cluster', async () => {
    const { cluster, client } = await start();
    cluster.addNode('node-1', 'up', { voter: true });
    const reply = await call(client, 'GetStatus', {});
    expect(reply).toMatchObject({ cluster: 'fake', api_version: 1, leader: { node: 'node-1', term: 3 } });
    expect(reply.stats).toMatchObject({ ballots: 4, decisions: 2 });
    expect(at(reply, 'view.nodes.0')).toMatchObject({
      id: 'node-1',
      state: 'NODE_STATE_UP',
      voter: true,
      labels: { capacity: 'spot' },
    });
  });

  test('lists the newest life of each node by id', async () => {
    const { cluster, client } = await start();
    cluster.addNode('b');
    cluster.addNode('a', 'down');
    const { nodes } = await call(client, 'ListNodes', {});
    expect((nodes as Message[]).map((node) => [node.id, node.state])).toEqual([
      ['a', 'NODE_STATE_DOWN'],
      ['b', 'NODE_STATE_UP'],
    ]);
  });

  test('asks an agent with a JSON payload; deadline, request id and trace arrive', async () => {
    const { cluster, client } = await start();
    let seen: Message = {};
    cluster.agents.double = (input: { n: number }, options, address) => {
      seen = { ...options, address };
      return { n: input.n * 2 };
    };
    const metadata = new Metadata();
    metadata.set('traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
    const request = { kind: 'maths', key: 'a/b', method: 'double', payload: json({ n: 21 }), request_id: 'r-1' };
    const reply = await call(client, 'Ask', request, metadata, { deadline: new Date(systemClock.now() + 5_000) });
    expect(parse(reply.payload)).toEqual({ n: 42 });
    expect(seen.address).toEqual({ kind: 'maths', key: 'a/b' });
    expect(seen.requestId).toBe('r-1');
    expect(seen.traceparent).toContain('0af7651916cd43dd8448eb211c80319c');
    expect(seen.timeoutMs).toBeGreaterThan(3_000);
    expect(seen.timeoutMs).toBeLessThanOrEqual(5_000);
  });

  test('an empty payload is no value, both ways', async () => {
    const { cluster, client } = await start();
    let input: unknown = 'untouched';
    cluster.agents.nothing = (value) => {
      input = value;
    };
    const reply = await call(client, 'Ask', { kind: 'k', key: 'k', method: 'nothing' });
    expect(input).toBeUndefined();
    expect(reply.payload).toHaveLength(0);
  });

  test('an error has a status code, and the registry code in the details', async () => {
    const { cluster, client } = await start();
    cluster.agents.full = () => {
      throw new TroupeError('MAILBOX_FULL', 'try later', { address: 'maths/a', data: { waiting: 1_000 } });
    };
    const error = await call(client, 'Ask', { kind: 'maths', key: 'a', method: 'full' }).catch((e: ServiceError) => e);
    expect((error as ServiceError).code).toBe(status.RESOURCE_EXHAUSTED);
    expect((error as ServiceError).details).toBe('try later');
    const rpcStatus = fields((error as ServiceError).metadata.get('grpc-status-details-bin')[0] as Buffer);
    const any = fields(rpcStatus.get(3) as Buffer);
    expect(any.get(1)?.toString()).toBe('type.googleapis.com/troupe.v1.ErrorDetail');
    const detail = fields(any.get(2) as Buffer);
    expect(detail.get(1)?.toString()).toBe('MAILBOX_FULL');
    expect(detail.get(2)?.toString()).toBe('try later');
    expect(detail.get(3)?.toString()).toBe('maths/a');
  });

  test.each([
    ['no kind', { key: 'a', method: 'm' }, status.INVALID_ARGUMENT, 'kind is missing'],
    [
      'no JSON',
      { kind: 'k', key: 'a', method: 'm', payload: Buffer.from('{') },
      status.INVALID_ARGUMENT,
      'is not JSON',
    ],
    ['no handler', { kind: 'k', key: 'a', method: 'm' }, status.UNIMPLEMENTED, 'no handler "m"'],
  ])('a bad request is refused in one line: %s', async (_, request, code, text) => {
    const { client } = await start();
    const error = await call(client, 'Ask', request).catch((e: ServiceError) => e);
    expect(error).toMatchObject({ code });
    expect((error as ServiceError).details).toContain(text);
  });

  test('cancelling a call fires the signal of the work behind it', async () => {
    const { cluster, client } = await start();
    let signal: AbortSignal | undefined;
    cluster.agents.slow = (_, options) => {
      signal = options.signal;
      return new Promise(() => undefined);
    };
    const request = { kind: 'k', key: 'k', method: 'slow' };
    const running = open(client, 'Ask', request, () => undefined);
    await until(() => signal !== undefined);
    expect(signal?.aborted).toBe(false);
    running.cancel();
    await until(() => signal?.aborted === true);
    expect(signal?.reason).toMatchObject({ code: 'CANCELLED' });
  });

  test('tells an agent', async () => {
    const { cluster, client } = await start();
    await call(client, 'Tell', { kind: 'log', key: '1', method: 'note', payload: json('hello') });
    expect(cluster.told).toEqual(['log/1 note "hello"']);
  });

  test("sends a durable message; what is the runtime's own is refused", async () => {
    const { cluster, client } = await start();
    const message = { kind: 'log', key: '1', method: 'note', payload: json('hello') };
    await call(client, 'Send', { ...message, request_id: 'r1' });
    await call(client, 'Send', message);
    expect(cluster.sent).toEqual(['log/1 note "hello" r1', 'log/1 note "hello" undefined']);
    for (const method of ['Ask', 'Tell', 'Send']) {
      await expect(call(client, method, { ...message, method: '$take' })).rejects.toMatchObject({ code: 3 });
    }
  });

  test('submits a job as a stream and watches each outcome once', async () => {
    const { cluster, client } = await start();
    const submitted = new Promise<Message>((resolve, reject) => {
      const stream = open(client, 'SubmitJob', (error: ServiceError | null, job: Message) =>
        error ? reject(error) : resolve(job),
      );
      stream.write({ header: { id: 'j', concurrency: 8 } });
      stream.write({
        items: { items: [0, 1].map((n) => ({ kind: 'k', key: `${n}`, method: 'm', payload: json(n) })) },
      });
      stream.write({ items: { items: [{ kind: 'k', key: '2', method: 'm' }] } });
      stream.end({ end: { items: 3 } });
    });
    expect(await submitted).toMatchObject({ id: 'j', sealed: true, tasks: 3, state: 'JOB_STATE_OPEN' });
    expect(cluster.jobs.get('j')?.spec).toMatchObject({ concurrency: 8, attempts: 3, timeoutMs: 60_000 });
    expect(cluster.jobs.get('j')?.items.map((item) => item.input)).toEqual([0, 1, undefined]);

    cluster.settle('j', 1, { ok: 'one' });
    cluster.settle('j', 0, 'already seen');
    const outcomes: Message[] = [];
    const stream = open(client, 'WatchJob', { id: 'j', seen: [{ first: 0, last: 0 }] });
    stream.on('data', (progress: Message) => outcomes.push(...(progress.settled as Message[])));
    const ended = new Promise((resolve) => stream.on('end', resolve));
    await until(() => outcomes.length === 1);
    cluster.settle('j', 2, failed('HANDLER_FAILED', 'broken'), false);
    await ended;
    expect(outcomes.map(({ position, outcome }) => [position, outcome])).toEqual([
      [1, 'payload'],
      [2, 'error'],
    ]);
    expect(parse(outcomes[0]?.payload)).toEqual({ ok: 'one' });
    expect(outcomes[1]?.error).toMatchObject({ code: 'HANDLER_FAILED', message: 'broken' });
  });

  test('a submission that breaks off stores no half of a job', async () => {
    const { cluster, client } = await start();
    let items = 0;
    cluster.onItem = () => items++;
    const stream = open(client, 'SubmitJob', () => undefined);
    stream.write({ header: { id: 'half' } });
    stream.write({ items: { items: [{ kind: 'k', key: '1', method: 'm' }] } });
    await until(() => items === 1);
    stream.cancel();
    await until(() => cluster.submissionsFailed === 1);
    expect(cluster.jobs.has('half')).toBe(false);
  });

  test('opens, casts, reads, watches and closes decisions', async () => {
    const { client } = await start();
    const ship = { id: 'd', question: 'ship?', options: ['yes', 'no'], electors: ['a', 'b', 'c'] };
    expect(await call(client, 'OpenDecision', ship)).toMatchObject({
      id: 'd',
      rule: 'DECISION_RULE_MAJORITY',
      quorum: 1,
    });
    const states: Message[] = [];
    const stream = open(client, 'WatchDecision', { id: 'd' });
    stream.on('data', (decision: Message) => states.push(decision));
    const ended = new Promise((resolve) => stream.on('end', resolve));
    await until(() => states.length === 1);
    await call(client, 'CastBallot', { id: 'd', ballot: { member: 'a', choice: 'yes' } });
    await until(() => states.length === 2);
    await call(client, 'CastBallot', { id: 'd', ballot: { member: 'b', choice: 'yes' } });
    await ended;
    expect(states.at(-1)?.result).toMatchObject({
      outcome: 'DECISION_OUTCOME_DECIDED',
      choice: 'yes',
      tally: { yes: 2 },
    });
    expect((await call(client, 'GetDecision', { id: 'd' })).result).toMatchObject({ choice: 'yes' });
    const late = await call(client, 'CastBallot', { id: 'd', ballot: { member: 'c', choice: 'no' } }).catch((e) => e);
    expect(late).toMatchObject({ code: status.FAILED_PRECONDITION });
    await call(client, 'OpenDecision', { ...ship, id: 'e' });
    expect(at(await call(client, 'CloseDecision', { id: 'e' }), 'result.outcome')).toBe('DECISION_OUTCOME_EXPIRED');
  });

  test('a watch of a decision survives lost events', async () => {
    const { cluster, client } = await start();
    await call(client, 'OpenDecision', { id: 'd', question: '?', electors: ['a'] });
    const states: Message[] = [];
    const stream = open(client, 'WatchDecision', { id: 'd' });
    stream.on('data', (decision: Message) => states.push(decision));
    const ended = new Promise((resolve) => stream.on('end', resolve));
    await until(() => states.length === 1);
    const result = { outcome: 'decided' as const, choice: 'x', tally: { x: 1 }, index: 9, term: 1, epoch: 1 };
    cluster.decisions.set('d', { ...cluster.decision('d'), result });
    cluster.gap();
    await ended;
    expect(at(states.at(-1), 'result.choice')).toBe('x');
  });

  test('drains a node and gets its account; a node that left is an answer at once', async () => {
    const { cluster, client } = await start();
    cluster.addNode('spot-1');
    const node = await call(client, 'DrainNode', { node: 'spot-1', reason: 'test' });
    expect(node).toMatchObject({
      state: 'NODE_STATE_LEFT',
      account: { agents: 5, drain_ms: 812.5, pause_ms_p99: 9.25 },
    });
    expect(await call(client, 'DrainNode', { node: 'spot-1' })).toMatchObject({ state: 'NODE_STATE_LEFT' });
    expect(cluster.drained).toEqual(['spot-1']);
    await expect(call(client, 'DrainNode', { node: 'nobody' })).rejects.toMatchObject({ code: status.NOT_FOUND });
  });

  test('streams events: a view, then every entry after it; and goes on after an index', async () => {
    const { cluster, client } = await start();
    cluster.addNode('a');
    await call(client, 'GetStatus', {});
    const updates: Message[] = [];
    const first = open(client, 'StreamEvents', {});
    first.on('data', (update: Message) => updates.push(update));
    first.on('error', () => undefined);
    await until(() => updates.length >= 2);
    cluster.addNode('b');
    await until(() => updates.length >= 3);
    cluster.setLeader({ node: 'node-2', term: 4 });
    await until(() => updates.length >= 4);
    first.cancel();
    expect(updates.map((update) => update.update)).toEqual(['view', 'leader', 'events', 'leader']);
    expect(updates[0]?.view).toMatchObject({ index: 101, nodes: [{ id: 'a' }] });
    expect(updates[2]?.events).toMatchObject({ index: 102, term: 3, events: [{ node: { id: 'b' } }] });

    const more: unknown[] = [];
    const again = open(client, 'StreamEvents', { after_index: 101 });
    again.on('data', (update) => update.events && more.push(at(update, 'events.index')));
    again.on('error', () => undefined);
    await until(() => more.length === 1);
    again.cancel();
    expect(more).toEqual([102]);
  });

  test('a client that leaves ends its stream on the server', async () => {
    const { cluster, client, server } = await start();
    cluster.jobs.set('j', {
      job: { id: 'j', state: 'open', sealed: true, tasks: 9, completed: 0, failed: 0, spec: new Uint8Array() },
      spec: { concurrency: 1, attempts: 1, timeoutMs: 1 },
      items: Array(9),
      settled: [],
    });
    cluster.settle('j', 0, 1);
    const stream = open(client, 'WatchJob', { id: 'j' });
    stream.on('error', () => undefined);
    await new Promise((resolve) => stream.once('data', resolve));
    stream.cancel();
    // A graceful close waits for streams: with the stream gone it doesn't need its time.
    const started = systemClock.monotonic();
    await server.close(10_000);
    expect(systemClock.monotonic() - started).toBeLessThan(5_000);
  });

  test('a slow reader is waited for, and nothing is kept for it', async () => {
    const { cluster, client } = await start();
    let produced = 0;
    const text = 'x'.repeat(100_000);
    cluster.jobs.set('big', {
      job: { id: 'big', state: 'open', sealed: true, tasks: 2_000, completed: 0, failed: 0, spec: new Uint8Array() },
      spec: { concurrency: 1, attempts: 1, timeoutMs: 1 },
      items: Array(2_000),
      settled: [],
    });
    const entry = cluster.jobs.get('big');
    const settled = new Proxy([], {
      get: (_, name) => {
        if (name === 'slice') {
          return (from: number) => {
            produced = from + 10;
            return Array.from({ length: from < 2_000 ? 10 : 0 }, (_, i) => ({
              task: '',
              position: from + i,
              ok: true,
              value: text,
            }));
          };
        }
        return undefined;
      },
    });
    if (entry) entry.settled = settled as never;
    cluster.commit();
    const stream = open(client, 'WatchJob', { id: 'big' });
    stream.on('error', () => undefined);
    await new Promise((resolve) => stream.once('data', resolve));
    stream.pause();
    for (let turn = 0; turn < 400; turn++) {
      cluster.commit();
      await until(() => true);
    }
    stream.cancel();
    expect(produced).toBeLessThan(1_500);
  });
});

describe('the API port', () => {
  test('answers the standard health check, and says when it leaves', async () => {
    const { server } = await start();
    const client = stub(health, 'grpc.health.v1.Health', server.address);
    opened.unshift(() => client.close());
    expect(await call(client, 'Check', { service: 'troupe.v1.Troupe' })).toEqual({ status: 'SERVING' });
    const seen: string[] = [];
    const watch = open(client, 'Watch', { service: '' });
    watch.on('data', (answer) => seen.push(String(answer.status)));
    watch.on('error', () => undefined);
    await until(() => seen.length === 1);
    void server.close(500);
    await until(() => seen.length === 2);
    watch.cancel();
    expect(seen).toEqual(['SERVING', 'NOT_SERVING']);
  });

  test('answers reflection with the service and its files', async () => {
    const { server } = await start();
    const client = stub(reflection, 'grpc.reflection.v1.ServerReflection', server.address);
    opened.unshift(() => client.close());
    const stream = open(client, 'ServerReflectionInfo');
    const answers: Message[] = [];
    stream.on('data', (answer: Message) => answers.push(answer));
    stream.write({ list_services: '*' });
    stream.write({ file_containing_symbol: 'troupe.v1.Troupe' });
    await until(() => answers.length === 2);
    stream.end();
    const services = at(answers[0], 'list_services_response.service') as Message[];
    expect(services.map((service) => service.name)).toContain('troupe.v1.Troupe');
    const protos = at(answers[1], 'file_descriptor_response.file_descriptor_proto') as Buffer[];
    const files = protos.map((bytes) => bytes.toString('latin1')).join();
    expect(files).toContain('SubmitJob');
    expect(files).toContain('ErrorDetail');
  });

  test('a taken port is one clear line', async () => {
    const { server } = await start();
    await expect(new FakeCluster().serve({ address: server.address })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: `another program listens on ${server.address}; stop it, or choose another API port`,
    });
  });

  test('refuses to listen beyond loopback without TLS, unless told so', async () => {
    await expect(new FakeCluster().serve({ address: '0.0.0.0:0' })).rejects.toMatchObject({
      code: 'INVALID_CONFIGURATION',
    });
    const server = await new FakeCluster().serve({ address: '0.0.0.0:0', insecure: true });
    await server.close(100);
  });

  test('a message over the limit is refused and the connection lives on', async () => {
    const cluster = new FakeCluster();
    cluster.agents.echo = (input) => input;
    const server = await cluster.serve({ messageBytesMax: 10_000 });
    const client = stub(api, 'troupe.v1.Troupe', server.address);
    opened.push(
      () => client.close(),
      () => server.close(100),
    );
    const ask = (n: number) =>
      call(client, 'Ask', { kind: 'k', key: 'k', method: 'echo', payload: json('x'.repeat(n)) });
    await expect(ask(20_000)).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect((await ask(100)).payload).toHaveLength(102);
  });

  test('closing twice closes once, and stops watching the ledger', async () => {
    const { cluster, server } = await start();
    expect(cluster.watchers).toBe(1);
    await Promise.all([server.close(100), server.close(100)]);
    expect(cluster.watchers).toBe(0);
  });
});
