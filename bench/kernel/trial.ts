/** One measurement in a process of its own: `trial.ts LIBRARY PART WARM_UP_MS DURATION_MS`; says the value on a line. */
import type { Kit } from './kit.ts';
import { machineStallMs, timerLateMs } from './late.ts';
import { bytesPerActor, residentMb } from './memory.ts';
import { NactKit } from './nact.ts';
import { TroupeKit } from './troupe.ts';
import { births, type Job, spawning, WORK } from './work.ts';
import { XstateKit } from './xstate.ts';

type AnyKit = Kit<unknown, unknown>;
const KITS: Readonly<Record<string, () => AnyKit>> = {
  troupe: () => new TroupeKit() as AnyKit,
  nact: () => new NactKit() as AnyKit,
  xstate: () => new XstateKit() as AnyKit,
};
const FAMILY = 10_000;
/** Shortest flood, and that of the warm-up, ms: a machine with other work may well stop for a tenth of a second. */
const FLOOD_MS = 500;
/** Units of a piece of work, in thousands: enough for some 10 ms or more. */
const THOUSANDS: Readonly<Record<keyof typeof WORK, number>> = {
  tell: 200,
  pingpong: 100,
  ask: 20,
  ask1000: 100,
  fanout: 300,
};

const [library = '', part = '', warmUpMs = '', durationMs = ''] = process.argv.slice(2);
const makeKit = KITS[library]!;
process.stdout.write(`${await measure()}\n`);
process.exit(0);

async function measure(): Promise<number> {
  switch (part) {
    case 'spawn':
      return (await rates(spawning(makeKit)))[0]!;
    case 'heapPerActor':
      return bytesPerActor(makeKit(), false);
    case 'heapPerActorUsed':
      return bytesPerActor(makeKit(), true);
    case 'millionMb':
      return residentMb(makeKit());
    case 'timerLateMs':
      await timerLateMs(FLOOD_MS);
      return timerLateMs(Math.max(Number(durationMs), FLOOD_MS));
    case 'machineStallMs':
      return machineStallMs(Number(durationMs));
    case 'manyChildren': {
      const [many = 0, none = 0] = await rates(births(makeKit(), FAMILY, 2), births(makeKit(), 0, 2));
      return many / none;
    }
    default:
      return (await rates(WORK[part as keyof typeof WORK](makeKit(), THOUSANDS[part as keyof typeof WORK])))[0]!;
  }
}

/** Units per second of each job; with several, they take turns until each has had its time. */
async function rates(...jobs: readonly Job[]): Promise<readonly number[]> {
  const run = async (forMs: number): Promise<readonly number[]> => {
    const spent = jobs.map(() => ({ ms: 0, units: 0 }));
    while (spent.some(({ ms }) => ms < forMs)) {
      for (const [at, job] of jobs.entries()) {
        if (spent[at]!.ms >= forMs) continue;
        spent[at]!.ms += await job.piece();
        spent[at]!.units += job.units;
      }
    }
    return spent.map(({ ms, units }) => (units / ms) * 1_000);
  };
  await run(Number(warmUpMs));
  return run(Number(durationMs));
}
