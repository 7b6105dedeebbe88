import { expect, test } from 'vitest';
import { nullLogger } from '../../../src/core/index.ts';
import { checkConfig } from '../../../src/node/config.ts';
import { firstWorkers, LocalWorkers, type WorkerProcess } from '../../../src/node/local-workers.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';

const CONFIG = checkConfig(
  {
    name: 'c',
    nodes: [{ id: 'a', voter: true }],
    autoscale: {
      pools: [
        { name: 'spot', min: 2, max: 4 },
        { name: 'pods', min: 1, max: 9, executor: { kind: 'kubernetes' } },
      ],
    },
  },
  '/',
);
const { pools } = CONFIG.autoscale ?? { pools: [] };

test('processes of local pools are started up to what is wanted, and those that left are replaced under their names', async () => {
  const clock = new ManualClock();
  const processes = new Map<string, WorkerProcess & { runs: boolean }>();
  let wanted: number | Error = 3;
  let started: string[] = [];
  let fails = false;
  const process = (id: string) => ({
    runs: true,
    start: async () => {
      started.push(id);
      if (fails) throw new RangeError('no memory');
    },
  });
  for (const id of firstWorkers(pools)) processes.set(id, process(id));
  expect([...processes.keys()]).toEqual(['spot-0', 'spot-1']);
  const status = { min: 2, max: 4, up: 2, draining: 0, open: 0, waitMs: 0, lagMs: 0, why: '' };
  const scale = async () => {
    if (wanted instanceof Error) throw wanted;
    return ['spot', 'pods'].map((pool) => ({ ...status, pool, wanted: wanted as number }));
  };
  const workers = new LocalWorkers({ pools, api: { scale }, processes, process, clock, logger: nullLogger });
  const pass = async (ms: number): Promise<string[]> => {
    started = [];
    await clock.advance(ms);
    return started;
  };
  expect(await pass(2_000)).toEqual(['spot-2']);
  // One leaves by its own: as many are wanted, so another one takes its place.
  (processes.get('spot-0') as { runs: boolean }).runs = false;
  expect(await pass(2_000)).toEqual(['spot-0']);
  wanted = new RangeError('no leader');
  expect(await pass(2_000)).toEqual([]);
  wanted = 99;
  fails = true;
  expect(await pass(9_000), 'one that does not start is no reason to hurry').toEqual(['spot-3']);
  fails = false;
  expect(await pass(4_000)).toEqual(['spot-3']);
  wanted = 2;
  expect(await pass(3_000), 'fewer come about by drains').toEqual([]);
  await workers.close();
  wanted = 4;
  (processes.get('spot-0') as { runs: boolean }).runs = false;
  expect(await pass(5_000)).toEqual([]);
});
