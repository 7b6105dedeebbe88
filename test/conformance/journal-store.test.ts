import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Coordinator } from '../../src/coordinator/index.ts';
import { nullLogger, systemClock, systemRandom } from '../../src/core/index.ts';
import { ledgerStore, MemoryStore, PostgresStore } from '../../src/journal/index.ts';
import { ManualClock } from '../../src/testkit/clock.ts';
import { LedgerDriver } from '../unit/coordinator/ledger/driver.ts';
import { GROUP, journalStoreConformance, STORE_LIMITS } from './journal-store.ts';
import { NO_POSTGRES, PostgresServer } from './postgres-server.ts';

/** Of blobs in the ledger under test: a large one has several. */
const PART_BYTES = 256;

journalStoreConformance('in memory', async () => {
  const clock = new ManualClock();
  const store = new MemoryStore(clock, STORE_LIMITS);
  let epoch = 0;
  return {
    open: async () => store,
    nextOwner: async (shard) => ({ group: GROUP, shard, epoch: ++epoch }),
    passGrace: () => clock.advance(STORE_LIMITS.blobGraceMs),
    close: () => store.close(),
  };
});

journalStoreConformance('in the ledger', async () => {
  const limits = { ...STORE_LIMITS, blobPartBytes: PART_BYTES };
  const driver = new LedgerDriver({ limits });
  const owner = { node: 'n', incarnation: driver.join('n', 'n-1', [GROUP]) };
  const corrupted = new Set<string>();
  const coordinator = {
    execute: async (name, request) => driver.run(name, request),
    query: async (name, request) => {
      const reply = driver.ledger.query(name, request);
      const { id, part } = request as { readonly id?: string; readonly part?: number };
      if (part !== undefined && corrupted.has(id ?? '')) (reply as { bytes: Uint8Array }).bytes.fill(1);
      return reply;
    },
  } as Pick<Coordinator, 'execute' | 'query'>;
  return {
    open: async () => ledgerStore(coordinator, PART_BYTES),
    nextOwner: async (shard) => {
      const { epoch, owner: known } = driver.shard(shard) as { readonly epoch: number; readonly owner?: object };
      const fence = { group: GROUP, shard, epoch };
      if (known === undefined) driver.run('shards.place', { moves: [{ ...fence, to: owner }] });
      else driver.run('shards.transfer', { fences: [fence], to: owner });
      return { ...fence, epoch: epoch + 1 };
    },
    passGrace: async () => {
      // In steps that the session outlives.
      for (let ms = 0; ms < STORE_LIMITS.blobGraceMs; ms += 20_000) {
        driver.tick(20_000);
        driver.run('kv.delete', { key: 'word' });
      }
    },
    corrupt: async (id) => void corrupted.add(id),
    close: async () => driver.ledger.close(),
  };
});

describe.skipIf(NO_POSTGRES !== undefined)('with postgres', () => {
  let server: PostgresServer;
  let schemas = 0;
  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const store = (schema: string, url = server.url): Promise<PostgresStore> => {
    const around = { clock: systemClock, random: systemRandom, logger: nullLogger };
    return PostgresStore.open({ url, schema, connectionsMax: 3, ...around, limits: STORE_LIMITS });
  };
  const sql = async (text: string): Promise<void> => {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    await client.query(text);
    await client.end();
  };
  const fence = { group: GROUP, shard: 0, epoch: 1 };
  const place = { fence, key: 'a' };

  journalStoreConformance('in postgres', async () => {
    const schema = `conformance_${schemas++}`;
    const stores: PostgresStore[] = [];
    let epoch = 0;
    return {
      open: async () => {
        const opened = await store(schema);
        stores.push(opened);
        return opened;
      },
      nextOwner: async (shard) => ({ group: GROUP, shard, epoch: ++epoch }),
      passGrace: async () => {
        await sql(
          `update ${schema}.blobs set touched = touched - interval '${STORE_LIMITS.blobGraceMs + 1} milliseconds'`,
        );
        await stores[0]?.collect();
      },
      corrupt: (id) => sql(`update ${schema}.blobs set bytes = 'wrong' where id = '${id}'`),
      close: async () => {
        await Promise.all(stores.map((opened) => opened.close()));
      },
    };
  });

  test('nodes that start together make the tables once', async () => {
    const stores = await Promise.all(Array.from({ length: 4 }, () => store('together')));
    const found = await Promise.all(stores.map(({ journals }) => journals.read(place)));
    expect(found.map(({ version }) => version)).toEqual([0, 0, 0, 0]);
    await Promise.all(stores.map((opened) => opened.close()));
  });

  test('an epoch is not raised while an append runs under the older one', async () => {
    const opened = await store('raised');
    await opened.journals.append({ ...place, version: 0, records: [new Uint8Array(1)] });
    // Holds the append up after it has compared the epoch.
    const holder = new Client({ connectionString: server.url });
    await holder.connect();
    await holder.query(`begin; select from raised.journals for update`);
    let settled = 0;
    const late = opened.journals.append({ ...place, version: 1, records: [new Uint8Array(1)] });
    const waiting = async (): Promise<number> => {
      const { rows } = await holder.query(`select count(*)::int from pg_locks where not granted`);
      return rows[0].count;
    };
    await vi.waitFor(async () => expect(await waiting()).toBe(1), { timeout: 5_000, interval: 5 });
    const read = opened.journals.read({ ...place, fence: { ...fence, epoch: 2 } }).finally(() => settled++);
    await vi.waitFor(async () => expect((await waiting()) + settled).toBe(2), { timeout: 5_000, interval: 5 });
    await holder.query('commit');
    await holder.end();
    expect(await late).toEqual({ version: 2 });
    expect(await read).toMatchObject({ version: 2 });
    await opened.close();
  });

  test('an append waits for the disk, whatever the default of the database', async () => {
    await sql('alter database postgres set synchronous_commit = off');
    // Notes of each append how its transaction commits.
    const opened = await store('durable');
    await opened.journals.read(place);
    await sql(`create table durable.noted (setting text);
      create function durable.note() returns trigger language plpgsql as
        $$ begin insert into durable.noted values (current_setting('synchronous_commit')); return new; end $$;
      create trigger note after insert on durable.journals for each row execute function durable.note()`);
    await opened.journals.append({ ...place, version: 0, records: [new Uint8Array(1)] });
    const reader = new Client({ connectionString: server.url });
    await reader.connect();
    expect((await reader.query('select setting from durable.noted')).rows).toEqual([{ setting: 'on' }]);
    await reader.query('alter database postgres reset synchronous_commit');
    await reader.end();
    await opened.close();
  });

  test('tables of a newer version are left alone', async () => {
    await sql('create schema newer; create table newer.meta (version integer); insert into newer.meta values (99)');
    const opened = await store('newer');
    await expect(opened.journals.read(place)).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION' });
    await opened.close();
  });

  test('a wrong database is a wrong setting, and no error says the password', async () => {
    const url = server.url.replace('tester@', 'tester:geheim@').replace('/postgres?', '/nowhere?');
    const opened = await store('wrong', url);
    const error = await opened.journals.read(place).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'INVALID_CONFIGURATION' });
    expect(`${error.stack} ${JSON.stringify(error)} ${error.cause}`).not.toContain('geheim');
    await opened.close();
    await expect(store('wrong', 'postgres://tester:geheim@:x:y/')).rejects.toSatisfy(
      (thrown) => !String(thrown).includes('geheim'),
    );
  });

  test('a server that goes and comes back: reads wait for it, what was acknowledged is there', async () => {
    const opened = await store('again');
    const append = (version: number) =>
      opened.journals.append({ ...place, version, records: [new Uint8Array([version])] }, { timeoutMs: 3_000 });
    await append(0);
    await server.stop();
    await expect(
      opened.journals.append({ ...place, version: 1, records: [] }, { timeoutMs: 100 }),
    ).rejects.toMatchObject({
      code: 'NODE_UNAVAILABLE',
      retryable: true,
    });
    const waiting = opened.journals.read(place);
    const written = append(1);
    await server.restart();
    expect(await written).toEqual({ version: 2 });
    expect((await waiting).version).toBeGreaterThanOrEqual(1);
    expect(await opened.journals.read(place)).toMatchObject({ version: 2 });
    await opened.close();
    await expect(opened.journals.read(place)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});
