import { DRIVER, layout } from '../layout.ts';
import type { NodeCluster } from '../nodes.ts';
import { runParts } from '../parts.ts';
import { type FigureSpec, OURS, percentile, Report } from '../report.ts';
import { eventually, sleep } from '../resources.ts';
import type { BenchOptions, Suite } from '../suite.ts';
import { counter } from './counter.ts';
import { Counters } from './counters.ts';

const WORKERS = ['worker-1', 'worker-2'] as const;
const PART_MS = 285_000;
/** Longest time until all shards have a home and none is about to move, ms. */
const PLACED_MS = 30_000;
/** Loops that ask one agent after the other all the time. */
const LOOPS = 16;
/** Load before a kill, so that the killed worker has work under way, ms. */
const LOAD_MS = 500;

/** `agents` of the worker with the most, which is killed, at the least. */
const FULL = { agents: 1_000, kills: 20 } as const;
const QUICK = { agents: 100, kills: 2 } as const;

/** Everything that `bench -- failover` measures. */
const FIGURES: readonly FigureSpec[] = [
  {
    name: 'allAnswerMsP50',
    unit: 'ms',
    title: 'SIGKILL of a worker with 1,000 agents until each of them has answered again',
  },
  { name: 'allAnswerMsP99', unit: 'ms', title: 'the same, 99th percentile of the kills', goal: { atMost: 2_000 } },
  { name: 'lost', unit: 'turns', title: 'acknowledged turns that are gone', goal: { atMost: 0 } },
  { name: 'repeated', unit: 'turns', title: 'turns that took effect twice', goal: { atMost: 0 } },
  { name: 'downMsP50', unit: 'ms', title: 'until the asking node knows that the worker is down' },
  { name: 'ownedMsP50', unit: 'ms', title: 'until it knows new owners of all its shards' },
  { name: 'firstAnswerMsP50', unit: 'ms', title: 'until the first of the agents has answered' },
  { name: 'agentsMin', unit: 'agents', title: 'fewest agents that a killed worker had' },
  { name: 'turnsPerS', unit: '/s', title: 'durable turns of the load meanwhile' },
];

/** What one kill cost, ms from SIGKILL. */
interface Failover {
  readonly downMs: number;
  readonly ownedMs: number;
  readonly firstMs: number;
  readonly allMs: number;
  readonly agents: number;
}

/** A worker with a thousand agents is killed under load, again and again. */
export const failoverSuite: Suite = {
  name: 'failover',
  parts: ['kills'],
  rounds: 1,
  run: (options) => new FailoverBench(options).run(),
};

class FailoverBench {
  readonly #options: BenchOptions;
  readonly #report: Report = new Report('failover', FIGURES);
  readonly #size: typeof FULL | typeof QUICK;

  constructor(options: BenchOptions) {
    this.#options = options;
    this.#size = options.quick ? QUICK : FULL;
  }

  async run(): Promise<Report> {
    await runParts(this.#options, {
      config: {
        name: 'failover',
        agents: [new URL('./counter.ts', import.meta.url)],
        nodes: layout(WORKERS),
      },
      here: DRIVER,
      limitMs: PART_MS,
      parts: { kills: (cluster) => this.#kills(cluster) },
    });
    return this.#report;
  }

  async #kills(cluster: NodeCluster): Promise<void> {
    const { agents, kills } = this.#size;
    const counters = new Counters(cluster.here.host, agents * WORKERS.length);
    await placed(cluster);
    await Promise.all(counters.keys.map((key) => counters.add(key)));
    let stopped = false;
    let turns = 0;
    const started = performance.now();
    const loop = async (_: unknown, at: number): Promise<void> => {
      for (let n = at; !stopped; n += LOOPS) {
        await counters.add(counters.keys[n % counters.keys.length] as string);
        turns++;
      }
    };
    const loops = Promise.all(Array.from({ length: LOOPS }, loop));
    const found: Failover[] = [];
    for (let kill = 1; kill <= kills; kill++) {
      await placed(cluster);
      await sleep(LOAD_MS);
      const failover = await killOne(cluster, counters);
      const { allMs, firstMs, ownedMs, downMs } = failover;
      const times = [downMs, ownedMs, firstMs, allMs].map(Math.round).join(', ');
      this.#options.progress(`kill ${kill} of ${kills}: down, owned, first answer, all answers after ${times} ms`);
      found.push(failover);
    }
    stopped = true;
    await loops;
    this.#report.add('turnsPerS', OURS, (turns * 1_000) / (performance.now() - started));
    const { lost, repeated } = await counters.account();
    const part = (of: (failover: Failover) => number, at: number): number => percentile(found.map(of), at);
    this.#report.add(
      'allAnswerMsP50',
      OURS,
      part(({ allMs }) => allMs, 0.5),
    );
    this.#report.add(
      'allAnswerMsP99',
      OURS,
      part(({ allMs }) => allMs, 0.99),
    );
    this.#report.add('lost', OURS, lost);
    this.#report.add('repeated', OURS, repeated);
    this.#report.add(
      'downMsP50',
      OURS,
      part(({ downMs }) => downMs, 0.5),
    );
    this.#report.add(
      'ownedMsP50',
      OURS,
      part(({ ownedMs }) => ownedMs, 0.5),
    );
    this.#report.add(
      'firstAnswerMsP50',
      OURS,
      part(({ firstMs }) => firstMs, 0.5),
    );
    this.#report.add('agentsMin', OURS, Math.min(...found.map(({ agents: had }) => had)));
  }
}

/** Kills the worker with the most agents, asks each of those at once, and starts the worker again when all have answered. */
async function killOne(cluster: NodeCluster, counters: Counters): Promise<Failover> {
  const { map } = cluster.here.life;
  const home = (key: string): string | undefined => {
    const shard = map.shardOf(counter.kind, key);
    return shard && map.shard(shard)?.owner?.node;
  };
  const byHome = Map.groupBy(counters.keys, home);
  const [victim, keys] = [...byHome].reduce((most, each) => (each[1].length > most[1].length ? each : most));
  if (victim === undefined) throw new Error('agents have no home');
  const life = map.node(victim);
  const killed = performance.now();
  const since = (): number => performance.now() - killed;
  let [downMs, ownedMs, firstMs] = [Number.NaN, Number.NaN, Number.NaN];
  const stop = map.onChange(() => {
    if (life === undefined || map.isAlive(life)) return;
    downMs = Number.isNaN(downMs) ? since() : downMs;
    const owned = owners(cluster).every((owner) => owner !== undefined && owner !== victim);
    ownedMs = owned && Number.isNaN(ownedMs) ? since() : ownedMs;
  });
  cluster.process(victim).child.process.kill('SIGKILL');
  await Promise.all(
    keys.map(async (key) => {
      await counters.add(key);
      firstMs = Number.isNaN(firstMs) ? since() : firstMs;
    }),
  );
  const allMs = since();
  stop();
  await cluster.restart(victim);
  return { downMs, ownedMs, firstMs, allMs, agents: keys.length };
}

/** Resolves when each worker has its part of the shards, and none is about to move. */
async function placed(cluster: NodeCluster): Promise<void> {
  await eventually(PLACED_MS, 'the shards are placed', () => {
    const shards = cluster.here.life.map.shards().filter(({ group }) => group === counter.kind);
    const still = shards.every(({ owner, target }) => owner !== undefined && target === undefined);
    const homes = Map.groupBy(owners(cluster), (owner) => owner);
    const even = WORKERS.every((worker) => (homes.get(worker)?.length ?? 0) >= shards.length / WORKERS.length);
    return shards.length > 0 && still && even ? true : undefined;
  });
}

function owners({ here }: NodeCluster): (string | undefined)[] {
  const shards = here.life.map.shards().filter(({ group }) => group === counter.kind);
  return shards.map(({ owner }) => owner?.node);
}
