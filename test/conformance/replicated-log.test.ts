import { expect } from 'vitest';
import { MemoryLogCluster } from '../../src/coordinator/index.ts';
import { type LogFixture, replicatedLogConformance } from './replicated-log.ts';

replicatedLogConformance('memory', async (ids) => {
  const shared = new MemoryLogCluster();
  const open = new Set<string>();
  const fixture: LogFixture = {
    async open(id, consumer) {
      const log = await shared.join(id, consumer);
      open.add(id);
      if (open.size === ids.length && shared.leader === undefined) shared.elect(ids[0]);
      const close = log.close.bind(log);
      // The log of one process holds no elections of its own.
      log.close = async () => {
        open.delete(id);
        await close();
        if (shared.leader === undefined) shared.elect([...open][0]);
      };
      return log;
    },
    async until(condition) {
      for (let round = 0; round < 1_000 && !condition(); round++) await Promise.resolve();
      expect(condition()).toBe(true);
    },
    async close() {},
  };
  return fixture;
});
