import { expect, test } from 'vitest';
import { worker } from '../../../bench/turns/worker.ts';
import { joinAgents } from '../agent/bench.ts';
import { Bench } from '../cluster/bench.ts';

test('each turn of the benchmark is durable: one step, and a state that survives its activation', async () => {
  const bench = await Bench.start();
  try {
    const node = await joinAgents(bench, 'n1', [worker]);
    const shards = Array.from({ length: 64 }, (_, at) => at);
    await bench.place(shards, node, 'worker');
    const ask = (): Promise<unknown> => bench.settle(node.asks.ask({ kind: 'worker', key: 'k' }, 'work', undefined));
    const records = async (): Promise<number> =>
      (await bench.settle(node.coordinator.query('ledger.stats', {}))).journalRecords;
    expect([await ask(), await ask()]).toEqual([1, 2]);
    // A step begins, it ends, the turn ends: three records each.
    expect(await records()).toBe(6);
    await bench.clock.advance(602_000);
    expect(node.runtime.residents).toBe(0);
    expect(await ask()).toBe(3);
  } finally {
    await bench.close();
  }
});
