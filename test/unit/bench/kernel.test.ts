import { describe, expect, test } from 'vitest';
import type { Kit } from '../../../bench/kernel/kit.ts';
import { machineStallMs, timerLateMs } from '../../../bench/kernel/late.ts';
import { NactKit } from '../../../bench/kernel/nact.ts';
import { TroupeKit } from '../../../bench/kernel/troupe.ts';
import { births, type Job, spawnAll, WORK } from '../../../bench/kernel/work.ts';
import { XstateKit } from '../../../bench/kernel/xstate.ts';

type AnyKit = Kit<unknown, unknown>;
const KITS: readonly (readonly [string, () => AnyKit])[] = [
  ['troupe', () => new TroupeKit() as AnyKit],
  ['nact', () => new NactKit() as AnyKit],
  ['xstate', () => new XstateKit() as AnyKit],
];

async function twice(job: Job): Promise<void> {
  expect(job.units).toBe(2_000);
  for (let n = 0; n < 2; n++) expect(await job.piece()).toBeGreaterThan(0);
}

describe.each(KITS)('the work of the kernel benchmark, done by %s', (name, makeKit) => {
  test('is done, and counted', async () => {
    const kit = makeKit();
    for (const work of Object.values(WORK)) await twice(work(kit, 2));
    if (name !== 'xstate') await twice(births(kit, 10, 2));
    await (await spawnAll(kit, 1_500)).touch();
    await kit.end();
  });
});

describe('a library', () => {
  class Repeater extends TroupeKit {
    override tell(...[to, message]: Parameters<TroupeKit['tell']>): void {
      super.tell(to, message);
      if (message.value === 1) super.tell(to, message);
    }
  }

  test.each(['tell', 'fanout'] as const)('that handles a message twice has no figure for %s', async (name) => {
    await expect(WORK[name](new Repeater(), 2).piece()).rejects.toThrow(/messages handled|messages of one actor/);
  });

  test.each(['ask', 'ask1000'] as const)('that answers without asking has no figure for %s', async (name) => {
    const kit = new TroupeKit();
    kit.ask = async (_, value) => value;
    await expect(WORK[name](kit, 2).piece()).rejects.toThrow('sum of answers');
  });
});

test('timers are measured under a flood', async () => {
  expect(await timerLateMs(60)).toBeGreaterThan(0);
  expect(machineStallMs(2)).toBeGreaterThan(0);
});
