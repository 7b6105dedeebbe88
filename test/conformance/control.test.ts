import { afterEach, describe, expect, test, vi } from 'vitest';
import { isTroupeError, nullLogger, systemClock, TroupeError } from '../../src/core/index.ts';
import {
  type ControlHandlers,
  type ControlLimits,
  type ControlRequest,
  type ControlTransport,
  MemoryNetwork,
  openGrpcControl,
  type ResolveControlAddress,
} from '../../src/remote/index.ts';
import type { RaftMessage } from '../../src/wire/index.ts';

interface NodeOptions {
  readonly self: string;
  readonly cluster: string;
  readonly resolve: ResolveControlAddress;
  readonly limits: Partial<ControlLimits>;
}

const adapters: Record<string, () => (options: NodeOptions) => ControlTransport> = {
  memory: () => {
    const network = new MemoryNetwork();
    return (options) => network.control({ ...options, logger: nullLogger });
  },
  grpc: () => (options) => openGrpcControl({ ...options, clock: systemClock, logger: nullLogger }),
};

const never = (): never => {
  throw new TroupeError('INVARIANT_VIOLATED', 'not expected in this test');
};
const idle: ControlHandlers = { raft: never, request: never, watch: never, snapshot: never };
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const ask = (more: Partial<ControlRequest> = {}): ControlRequest => ({
  kind: 'execute',
  body: bytes(1),
  timeoutMs: 5_000,
  ...more,
});
const failure = (work: Promise<unknown>): Promise<TroupeError> =>
  work.then(never, (error: unknown) => {
    if (!isTroupeError(error)) throw error;
    return error;
  });
const turn = (): Promise<void> => new Promise((resolve) => systemClock.yieldThen(resolve));

describe.each(Object.entries(adapters))('control over %s', (_name, adapter) => {
  const addresses = new Map<string, string>();
  let transports: ControlTransport[] = [];
  afterEach(async () => {
    for (const transport of transports) await transport.close();
    transports = [];
    addresses.clear();
  });

  function cluster(): (
    self: string,
    handlers?: Partial<ControlHandlers>,
    options?: Partial<NodeOptions>,
  ) => Promise<ControlTransport> {
    const open = adapter();
    return async (self, handlers = {}, options = {}) => {
      const transport = open({
        self,
        cluster: 'c1',
        resolve: async (node) => addresses.get(node),
        limits: {},
        ...options,
      });
      transports.push(transport);
      addresses.set(self, await transport.listen('127.0.0.1:0', { ...idle, ...handlers }));
      return transport;
    };
  }

  test('raft messages arrive unchanged and in order', async () => {
    const node = cluster();
    const got: [string, RaftMessage][] = [];
    const a = await node('a');
    await node('b', { raft: (from, messages) => got.push(...messages.map((m): [string, RaftMessage] => [from, m])) });
    const append: RaftMessage = {
      type: 'APPEND',
      from: 'a',
      to: 'b',
      term: 3,
      index: 0,
      logTerm: 2,
      commit: 2 ** 40,
      entries: [
        { term: 3, index: 8, config: false, data: Buffer.from([1, 2, 3]) },
        { term: 3, index: 9, config: true, data: Buffer.alloc(0) },
      ],
      reject: false,
      force: true,
      snapshot: { index: 4, term: 2, configuration: { voters: ['a', 'b'], votersOutgoing: ['c'] } },
      context: 7,
    };
    a.sendRaft('b', [append]);
    for (let i = 1; i <= 500; i++) a.sendRaft('b', [{ type: 'HEARTBEAT', from: 'a', to: 'b', term: i }]);
    await vi.waitFor(() => expect(got.length).toBe(501));
    expect(got[0]![0]).toBe('a');
    expect(got[0]![1]).toMatchObject({
      ...append,
      entries: [
        { index: 8, term: 3 },
        { index: 9, config: true },
      ],
    });
    expect([...got[0]![1].entries![0]!.data!]).toEqual([1, 2, 3]);
    expect(got[0]![1].index).toBe(0);
    expect(got[0]![1].rejectHint).toBe(undefined);
    expect(got.slice(1).map(([, message]) => message.term)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
  });

  test('raft to a node that is unknown, dead or back is dropped, then flows', async () => {
    const node = cluster();
    const a = await node('a');
    a.sendRaft('nobody', [{ type: 'HEARTBEAT', from: 'a', to: 'nobody', term: 1 }]);
    const first = await node('b', { raft: () => {} });
    a.sendRaft('b', [{ type: 'HEARTBEAT', from: 'a', to: 'b', term: 1 }]);
    await first.close();
    const got: number[] = [];
    await node('b', { raft: (_from, messages) => got.push(...messages.map((message) => message.term!)) });
    await vi.waitFor(() => {
      a.sendRaft('b', [{ type: 'HEARTBEAT', from: 'a', to: 'b', term: 2 }]);
      expect(got).toContain(2);
    });
  });

  test('requests are answered as they are done, many at a time, with what was asked', async () => {
    const node = cluster();
    const a = await node('a');
    const seen: unknown[] = [];
    const held: (() => void)[] = [];
    await node('b', {
      request: async (from, { kind, body, timeoutMs, traceparent }) => {
        if (body[0] === 0) await new Promise<void>((resolve) => held.push(resolve));
        else seen.push([from, kind, timeoutMs, traceparent]);
        return bytes(body[0]! + 1);
      },
    });
    const slow = a.request('b', ask({ body: bytes(0) }));
    const replies = await Promise.all([
      a.request('b', ask({ body: bytes(1), timeoutMs: 1_234 })),
      a.request('b', ask({ kind: 'query', body: bytes(2), traceparent: '00-x-y-01' })),
      a.request('b', ask({ kind: 'keepalive', body: bytes(3) })),
    ]);
    expect(replies.map((reply) => reply[0])).toEqual([2, 3, 4]);
    expect(seen).toEqual([
      ['a', 'execute', 1_234, undefined],
      ['a', 'query', 5_000, '00-x-y-01'],
      ['a', 'keepalive', 5_000, undefined],
    ]);
    held[0]!();
    expect((await slow)[0]).toBe(1);
  });

  test('an empty body is a body, and an empty reply a reply', async () => {
    const node = cluster();
    const a = await node('a');
    await node('b', { request: async (_from, { body }) => bytes(...body) });
    expect((await a.request('b', ask({ body: bytes() }))).byteLength).toBe(0);
  });

  test('errors cross with code, data and address', async () => {
    const node = cluster();
    const a = await node('a');
    await node('b', {
      request: async (_from, { body }) => {
        if (body[0] === 1)
          throw new TroupeError('NOT_LEADER', 'ask c', { address: 'b', data: { leader: 'c', term: 4 } });
        throw new RangeError('a defect');
      },
    });
    const refused = await failure(a.request('b', ask()));
    expect(refused).toMatchObject({
      code: 'NOT_LEADER',
      message: 'ask c',
      data: { leader: 'c', term: 4 },
      address: 'b',
    });
    expect((await failure(a.request('b', ask({ body: bytes(2) })))).code).toBe('INVARIANT_VIOLATED');
  });

  test('a broken connection fails what is in flight at once, and the next address is asked for', async () => {
    const node = cluster();
    const a = await node('a');
    let arrived = 0;
    const b = await node('b', {
      request: () => {
        arrived++;
        return new Promise(() => {});
      },
    });
    const lost = [failure(a.request('b', ask())), failure(a.request('b', ask({ timeoutMs: 60_000 })))];
    await vi.waitFor(() => expect(arrived).toBe(2));
    await b.close();
    for (const error of await Promise.all(lost))
      expect(error).toMatchObject({ code: 'NODE_UNAVAILABLE', address: 'b' });
    await node('b', { request: async () => bytes(9) });
    await vi.waitFor(async () => expect((await a.request('b', ask()))[0]).toBe(9));
  });

  test('nobody there, or nobody known, is NODE_UNAVAILABLE without waiting for the time-out', async () => {
    const node = cluster();
    const a = await node('a');
    expect((await failure(a.request('nobody', ask({ timeoutMs: 600_000 })))).code).toBe('NODE_UNAVAILABLE');
    const b = await node('b');
    await b.close();
    expect((await failure(a.request('b', ask({ timeoutMs: 600_000 })))).code).toBe('NODE_UNAVAILABLE');
  });

  test('no answer in time is TIMEOUT; the stream goes on', async () => {
    const node = cluster();
    const a = await node('a');
    await node('b', { request: (_from, { body }) => (body[0] === 0 ? new Promise(() => {}) : Promise.resolve(body)) });
    expect((await failure(a.request('b', ask({ body: bytes(0), timeoutMs: 20 })))).code).toBe('TIMEOUT');
    expect((await a.request('b', ask({ body: bytes(5) })))[0]).toBe(5);
  });

  test('another cluster, and a port that has passed to another node, are refused', async () => {
    const node = cluster();
    const got = vi.fn();
    const a = await node('a');
    await node('b', { request: async () => bytes(1), raft: got });
    const stranger = await node('s', {}, { cluster: 'c2' });
    expect((await failure(stranger.request('b', ask()))).code).toBe('IDENTITY_MISMATCH');
    stranger.sendRaft('b', [{ type: 'HEARTBEAT', from: 's', to: 'b', term: 1 }]);
    addresses.set('gone', addresses.get('b')!);
    const moved = await failure(a.request('gone', ask()));
    expect(moved).toMatchObject({ code: 'NODE_UNAVAILABLE', retryable: true });
    const watched = failure(stranger.watch('b', new AbortController().signal)[Symbol.asyncIterator]().next());
    expect((await watched).code).toBe('IDENTITY_MISMATCH');
    a.sendRaft('b', [{ type: 'HEARTBEAT', from: 'a', to: 'b', term: 1 }]);
    await vi.waitFor(() => expect(got).toHaveBeenCalled());
    expect(got.mock.calls.map(([from]) => from)).toEqual(['a']);
  });

  test('too many requests are OVERLOADED here; the peer works on no more than its limit', async () => {
    const node = cluster();
    const a = await node('a', {}, { limits: { callsMax: 20 } });
    let working = 0;
    let most = 0;
    const held: (() => void)[] = [];
    await node(
      'b',
      {
        request: async () => {
          most = Math.max(most, ++working);
          await new Promise<void>((resolve) => held.push(resolve));
          working--;
          return bytes(1);
        },
      },
      { limits: { callsMax: 5 } },
    );
    const accepted = Array.from({ length: 20 }, () => a.request('b', ask()));
    expect((await failure(a.request('b', ask()))).code).toBe('OVERLOADED');
    for (let answered = 0, quiet = 0; answered < 20; quiet++) {
      // Until nothing more arrives for a while; only then is one let go.
      const before = held.length;
      await turn();
      if (held.length !== before || held.length === 0) quiet = 0;
      if (quiet < 50) continue;
      held.shift()!();
      answered++;
      quiet = 0;
    }
    await Promise.all(accepted);
    expect(most).toBe(5);
    const large = await failure(a.request('b', ask({ body: new Uint8Array(16 * 1024 * 1024 + 1) })));
    expect(large.code).toBe('MESSAGE_TOO_LARGE');
  });

  test('a large body crosses, a reply over the limit is MESSAGE_TOO_LARGE', async () => {
    const node = cluster();
    const a = await node('a');
    await node('b', {
      request: async (_from, { body }) =>
        new Uint8Array(body.byteLength === 1 ? 16 * 1024 * 1024 + 1 : body.byteLength),
    });
    expect((await a.request('b', ask({ body: new Uint8Array(16 * 1024 * 1024) }))).byteLength).toBe(16 * 1024 * 1024);
    expect((await failure(a.request('b', ask()))).code).toBe('MESSAGE_TOO_LARGE');
  });

  test('a watch delivers in order at the reader’s pace, and ends on both sides when the signal fires', async () => {
    const node = cluster();
    const a = await node('a');
    let produced = 0;
    let ended = false;
    await node('b', {
      watch: async function* (_from, signal) {
        try {
          while (!signal.aborted) yield new Uint8Array(64 * 1024).fill(produced++ & 255);
        } finally {
          ended = true;
        }
      },
    });
    const stop = new AbortController();
    const got: number[] = [];
    for await (const chunk of a.watch('b', stop.signal)) {
      got.push(chunk[0]!);
      // A reader that stands still for a while: the writer must too.
      if (got.length === 10) {
        let before = -1;
        for (let quiet = 0; quiet < 200; quiet++) {
          if (produced !== before) quiet = 0;
          before = produced;
          await turn();
        }
        expect(produced).toBeLessThan(1_000);
      }
      if (got.length === 50) stop.abort();
    }
    expect(got).toEqual(Array.from({ length: 50 }, (_, i) => i));
    await vi.waitFor(() => expect(ended).toBe(true));
  });

  test('a watch of a node that dies fails; one that the node ends, ends', async () => {
    const node = cluster();
    const a = await node('a');
    const b = await node('b', {
      watch: async function* (_from, signal) {
        yield bytes(1);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    const iterator = a.watch('b', new AbortController().signal)[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toEqual(Buffer.from([1]));
    const next = failure(iterator.next());
    await b.close();
    expect((await next).code).toBe('NODE_UNAVAILABLE');

    await node('d', {
      watch: async function* () {
        yield bytes(1);
      },
    });
    const all: Uint8Array[] = [];
    for await (const chunk of a.watch('d', new AbortController().signal)) all.push(chunk);
    expect(all.length).toBe(1);
  });

  test('a snapshot comes whole, in pieces, and an error in its midst is an error', async () => {
    const node = cluster();
    const a = await node('a');
    const image = new Uint8Array(5 * 1024 * 1024).map((_, i) => i * 31);
    await node('b', {
      snapshot: async function* (from, index) {
        yield image.subarray(0, 1_000_000);
        if (index === 13) throw new TroupeError('SNAPSHOT_CORRUPT', `not for ${from}`);
        yield image.subarray(1_000_000);
      },
    });
    const pieces: Uint8Array[] = [];
    const { signal } = new AbortController();
    for await (const chunk of a.fetchSnapshot('b', 12, signal)) pieces.push(Uint8Array.from(chunk));
    expect(Buffer.compare(Buffer.concat(pieces), image)).toBe(0);
    expect(Math.max(...pieces.map((piece) => piece.byteLength))).toBeLessThanOrEqual(256 * 1024);
    const broken = async (): Promise<void> => {
      for await (const _chunk of a.fetchSnapshot('b', 13, signal));
    };
    expect(await failure(broken())).toMatchObject({ code: 'SNAPSHOT_CORRUPT', message: 'not for a' });
  });

  test('a closed port refuses with SHUTTING_DOWN and fails what was in flight', async () => {
    const node = cluster();
    const a = await node('a');
    let arrived = false;
    await node('b', {
      request: () => {
        arrived = true;
        return new Promise(() => {});
      },
    });
    const pending = failure(a.request('b', ask()));
    await vi.waitFor(() => expect(arrived).toBe(true));
    await a.close();
    expect((await pending).code).toBe('NODE_UNAVAILABLE');
    expect((await failure(a.request('b', ask()))).code).toBe('SHUTTING_DOWN');
    a.sendRaft('b', [{ type: 'HEARTBEAT', from: 'a', to: 'b', term: 1 }]);
  });
});
