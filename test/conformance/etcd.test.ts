import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectEtcd, type Etcd } from '../../src/coordinator/index.ts';
import { type Clock, systemClock, systemRandom } from '../../src/core/index.ts';
import { MemoryEtcd } from '../unit/coordinator/etcd/memory-etcd.ts';
import { EtcdServers, NO_ETCD } from './etcd-servers.ts';

const LIMIT_MS = 5_000;
const value = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What the log expects of etcd: the one in memory, which most tests use, must be like the real one. */
function etcdConformance(name: string, connect: (clock: Clock) => Etcd): void {
  describe(`etcd: ${name}`, () => {
    let etcd: Etcd;
    let tests = 0;
    /** A key of this test alone: tests share the server. */
    let at: (name: string) => string;
    beforeAll(() => {
      etcd = connect(systemClock);
    });
    afterAll(() => etcd.close());
    const fresh = (): void => {
      const prefix = `/etcd/${name}/${tests++}/`;
      at = (key) => prefix + key;
    };
    const put = (key: string, text: string, lease?: number) =>
      etcd.txn(
        { ops: [{ type: 'put', key: at(key), value: value(text), ...(lease === undefined ? {} : { lease }) }] },
        LIMIT_MS,
      );
    const read = async (key: string, end?: string, limit?: number): Promise<string[]> => {
      const range = { key: at(key), ...(end === undefined ? {} : { end: at(end) }) };
      const op = { type: 'range', ...range, ...(limit === undefined ? {} : { limit }) } as const;
      const { ranges } = await etcd.txn({ ops: [op] }, LIMIT_MS);
      return (ranges[0] ?? []).map((kv) => Buffer.from(kv.value).toString());
    };
    const leaseId = (): number => 1 + systemRandom.int(0, 2 ** 48);

    test('ranges are in order, exclude their end, and end at their limit', async () => {
      fresh();
      for (const key of ['b', 'a', 'c']) await put(key, key);
      expect(await read('a', 'c')).toEqual(['a', 'b']);
      expect(await read('a', 'd', 2)).toEqual(['a', 'b']);
      expect(await read('a')).toEqual(['a']);
      expect(await read('x')).toEqual([]);
    });

    test('a transaction takes one branch, whole, by all its conditions', async () => {
      fresh();
      await put('k', '1');
      const attempt = (createRevision: number, text: string) =>
        etcd.txn(
          {
            compare: [
              { key: at('new'), createRevision },
              { key: at('k'), value: value(text) },
            ],
            ops: [
              { type: 'put', key: at('new'), value: value('x') },
              { type: 'put', key: at('k'), value: value('2') },
            ],
            otherwise: [{ type: 'range', key: at('k') }],
          },
          LIMIT_MS,
        );
      const refused = await attempt(0, 'other');
      expect(refused.succeeded).toBe(false);
      expect(Buffer.from(refused.ranges[0]?.[0]?.value ?? []).toString()).toBe('1');
      const done = await attempt(0, '1');
      expect(done).toMatchObject({ succeeded: true, ranges: [] });
      expect(done.revision).toBeGreaterThan(refused.revision);
      expect((await attempt(0, '2')).succeeded).toBe(false);
      expect((await attempt(done.revision, '2')).succeeded).toBe(true);
      const missing = await etcd.txn({ compare: [{ key: at('no'), value: value('') }], ops: [] }, LIMIT_MS);
      expect(missing.succeeded).toBe(false);
    });

    test('a creation revision stays while the key lives, and is new when it was deleted', async () => {
      fresh();
      const created = async (): Promise<number | undefined> =>
        (await etcd.txn({ ops: [{ type: 'range', key: at('k') }] }, LIMIT_MS)).ranges[0]?.[0]?.createRevision;
      const { revision } = await put('k', '1');
      await put('k', '2');
      expect(await created()).toBe(revision);
      await etcd.txn({ ops: [{ type: 'delete', key: at('k') }] }, LIMIT_MS);
      await put('k', '3');
      expect(await created()).toBeGreaterThan(revision);
    });

    test('a lease takes its keys with it, whether revoked or over', async () => {
      fresh();
      const [revoked, over] = [leaseId(), leaseId()];
      expect(await etcd.grant(revoked, 10_000, LIMIT_MS)).toBeGreaterThanOrEqual(10_000);
      const lifeMs = await etcd.grant(over, 1_000, LIMIT_MS);
      await put('revoked', 'x', revoked);
      await put('over', 'x', over);
      expect(await etcd.keepAlive(revoked, LIMIT_MS)).toBeGreaterThanOrEqual(10_000);
      await etcd.revoke(revoked, LIMIT_MS);
      expect(await etcd.keepAlive(revoked, LIMIT_MS)).toBe(0);
      await etcd.revoke(revoked, LIMIT_MS);
      expect(await read('revoked')).toEqual([]);
      await expect(put('late', 'x', revoked)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect.poll(() => read('over'), { timeout: lifeMs + 5_000, interval: 100 }).toEqual([]);
    });

    test('a watch tells every change from its revision on, each once and in order, until it is ended', async () => {
      fresh();
      const { revision } = await put('w/1', '1');
      await put('other', 'x');
      const stop = new AbortController();
      const seen: string[] = [];
      const watching = (async () => {
        for await (const events of etcd.watch({ key: at('w/'), end: at('w0') }, revision, stop.signal)) {
          for (const { type, kv } of events) seen.push(`${type} ${kv.key.slice(at('').length)}`);
        }
      })();
      await put('w/2', '2');
      await etcd.txn(
        {
          ops: [
            { type: 'put', key: at('w/3'), value: value('3') },
            { type: 'delete', key: at('w/1') },
          ],
        },
        LIMIT_MS,
      );
      await expect.poll(() => seen.length, { timeout: LIMIT_MS }).toBe(4);
      expect(seen.slice(0, 2)).toEqual(['put w/1', 'put w/2']);
      expect(seen.slice(2).toSorted()).toEqual(['delete w/1', 'put w/3']);
      stop.abort();
      await watching;
    });

    test('what was compacted away can not be watched, nor compacted again', async () => {
      fresh();
      const { revision: first } = await put('k', '1');
      const { revision: second } = await put('k', '2');
      await etcd.compact(second, LIMIT_MS);
      const watched = (async () => {
        for await (const _ of etcd.watch({ key: at('k') }, first, new AbortController().signal)) return 'told';
        return 'ended';
      })();
      await expect(watched).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(etcd.compact(first, LIMIT_MS)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await read('k')).toEqual(['2']);
    });

    test('a request that is too large is refused for good', async () => {
      fresh();
      await expect(put('k', 'x'.repeat(3 * 2 ** 20))).rejects.toMatchObject({ code: 'PROTOCOL_VIOLATION' });
    });

    test('closing ends what waits', async () => {
      fresh();
      const other = connect(systemClock);
      const watching = (async () => {
        for await (const _ of other.watch({ key: at('k') }, 1_000_000, new AbortController().signal)) return 'told';
        return 'ended';
      })();
      other.close();
      expect(await watching).toBe('ended');
      await expect(other.keepAlive(1, LIMIT_MS)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    });
  });
}

const memory = new MemoryEtcd(systemClock);
etcdConformance('in memory', () => memory.client());

describe.skipIf(NO_ETCD !== undefined)('with etcd', () => {
  let servers: EtcdServers;
  beforeAll(async () => {
    servers = await EtcdServers.start(1);
  });
  afterAll(() => servers[Symbol.asyncDispose]());

  etcdConformance('real', (clock) => connectEtcd({ endpoints: servers.endpoints, clock, random: systemRandom }));

  test('an endpoint where nobody listens is passed over', async () => {
    const endpoints = ['http://127.0.0.1:1', ...servers.endpoints, 'http://127.0.0.1:2'];
    const etcd = connectEtcd({ endpoints, clock: systemClock, random: systemRandom });
    const at = performance.now();
    await etcd.txn({ ops: [{ type: 'range', key: '/' }] }, LIMIT_MS);
    expect(performance.now() - at).toBeLessThan(2_000);
    etcd.close();
  });

  test('no endpoint at all is TIMEOUT, in time, with all their names', async () => {
    const endpoints = ['http://127.0.0.1:1', 'http://127.0.0.1:2'];
    const etcd = connectEtcd({ endpoints, clock: systemClock, random: systemRandom });
    await expect(etcd.txn({ ops: [] }, 300)).rejects.toMatchObject({
      code: 'TIMEOUT',
      address: '127.0.0.1:1, 127.0.0.1:2',
    });
    etcd.close();
  });
});
