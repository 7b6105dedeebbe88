import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent } from '../../../src/agent/index.ts';
import { startInProcess } from '../../../src/node/in-process.ts';
import { type ClusterConfigInput, checkConfig } from '../../../src/node/index.ts';
import { NO_POSTGRES, PostgresServer } from '../../conformance/postgres-server.ts';

const counter = defineAgent('counter', {
  state: () => ({ count: 0 }),
  messages: { add: { input: z.number(), output: z.number() } },
  shards: 4,
  handlers: {
    async add(ctx, by) {
      const count = await ctx.step('sum', () => ctx.state.count + by);
      ctx.setState({ count });
      return count;
    },
  },
});

const config = (journals?: ClusterConfigInput['journals']): ClusterConfigInput => ({
  name: 'j',
  ...(journals && { journals }),
  nodes: [{ id: 'n1', voter: true }, { id: 'n2' }],
});

describe('where journals are kept', () => {
  test('in the ledger unless the configuration says otherwise', () => {
    expect(checkConfig(config(), '/').journals).toEqual({ kind: 'ledger' });
    const at = checkConfig(config({ kind: 'postgres', url: { env: 'TROUPE_PG' } }), '/').journals;
    expect(at).toEqual({ kind: 'postgres', url: { env: 'TROUPE_PG' }, schema: 'troupe_j', connectionsMax: 10 });
  });

  test('a mistake in the setting is told, and the url is not', () => {
    const wrong = { kind: 'postgres', url: 'mysql://u:geheim@h/d', schema: 'No!' } as const;
    let said = '';
    try {
      checkConfig(config(wrong), '/');
    } catch (error) {
      said = String(error);
    }
    expect(said).toContain('journals.schema');
    expect(said).not.toContain('geheim');
  });

  test('a variable of the environment that is not there is told by its name', async () => {
    const started = startInProcess(config({ kind: 'postgres', url: { env: 'TROUPE_NO_SUCH' } }), { agents: [counter] });
    await expect(started).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION', address: 'TROUPE_NO_SUCH' });
  });
});

describe.skipIf(NO_POSTGRES !== undefined)('agents whose journals are in postgres', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('have their state and replies again when the whole cluster was away, and write nothing to the ledger', async () => {
    const settings = config({ kind: 'postgres', url: server.url, connectionsMax: 2 });
    for (const [round, expected] of [
      [0, 1],
      [1, 2],
    ] as const) {
      await using cluster = await startInProcess(settings, { agents: [counter] });
      for (const key of ['a', 'b', 'c', 'd']) {
        const ref = cluster.agent(counter, key);
        expect(await ref.ask('add', 1, { requestId: `${key}${round}` })).toBe(expected);
        expect(await ref.ask('add', 1, { requestId: `${key}0` })).toBe(1);
      }
      expect((await cluster.status()).stats.journalRecords).toBe(0);
    }
  });
});
