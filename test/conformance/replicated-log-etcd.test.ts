import { afterAll, beforeAll, describe, expect, vi } from 'vitest';
import {
  connectEtcd,
  type EtcdLog,
  type EtcdLogLimits,
  foundEtcdLog,
  openEtcdLog,
} from '../../src/coordinator/index.ts';
import { SeededRandom, systemClock, systemRandom } from '../../src/core/index.ts';
import { ManualClock } from '../../src/testkit/clock.ts';
import { MemoryEtcd, type MemoryEtcdClient } from '../unit/coordinator/etcd/memory-etcd.ts';
import { EtcdServers, NO_ETCD } from './etcd-servers.ts';
import { Line } from './line.ts';
import { type LogFixture, replicatedLogConformance } from './replicated-log.ts';

const LIMITS: Partial<EtcdLogLimits> = { keepEntries: 0 };

/** In virtual time, on etcd's semantics in memory. */
replicatedLogConformance('etcd in memory', async () => {
  const clock = new ManualClock();
  const etcd = new MemoryEtcd(clock);
  const clients = new Map<string, MemoryEtcdClient>();
  let seed = 0;
  const fixture: LogFixture = {
    async open(node, consumer) {
      const client = etcd.client();
      clients.set(node, client);
      const random = new SeededRandom(++seed);
      await foundEtcdLog(client, '/t/', random);
      return openEtcdLog({ node, etcd: client, prefix: '/t/', consumer, clock, random, limits: LIMITS });
    },
    cut: (id) => {
      (clients.get(id) as MemoryEtcdClient).cut = true;
    },
    mend: (id) => {
      (clients.get(id) as MemoryEtcdClient).cut = false;
    },
    async until(condition) {
      for (let round = 0; round < 1_000 && !condition(); round++) await clock.advance(10);
      expect(condition()).toBe(true);
    },
    async close() {},
  };
  return fixture;
});

/** On a real etcd of one server, which all tests share: each has a prefix and a line of its own. */
describe.skipIf(NO_ETCD !== undefined)('with etcd', () => {
  let servers: EtcdServers;
  let prefixes = 0;
  beforeAll(async () => {
    servers = await EtcdServers.start(1);
  });
  afterAll(() => servers[Symbol.asyncDispose]());

  replicatedLogConformance('etcd', async () => {
    const prefix = `/conformance/${prefixes++}/`;
    const lines = new Map<string, Line>();
    const logs = new Set<EtcdLog>();
    const fixture: LogFixture = {
      async open(node, consumer) {
        let line = lines.get(node);
        if (line === undefined) {
          line = await Line.to(servers.endpoints[0] as string);
          lines.set(node, line);
        }
        const etcd = connectEtcd({ endpoints: [line.endpoint], clock: systemClock, random: systemRandom });
        await foundEtcdLog(etcd, prefix, systemRandom);
        const clocks = { clock: systemClock, random: systemRandom };
        const log = await openEtcdLog({ node, etcd, prefix, consumer, ...clocks, limits: LIMITS });
        logs.add(log);
        return log;
      },
      cut: (id) => lines.get(id)?.cut(),
      mend: (id) => lines.get(id)?.mend(),
      async until(condition) {
        await vi.waitFor(() => expect(condition()).toBe(true), { timeout: 15_000, interval: 5 });
      },
      async close() {
        await Promise.all([...logs].map((log) => log.close()));
        await Promise.all([...lines.values()].map((line) => line[Symbol.asyncDispose]()));
      },
    };
    return fixture;
  });
});
