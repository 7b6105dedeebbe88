import { threadTimes } from '../cpu.ts';
import type { NodeCluster } from '../nodes.ts';
import { runParts } from '../parts.ts';
import { type FigureSpec, OURS, Report } from '../report.ts';
import { eventually, sleep } from '../resources.ts';
import type { BenchOptions, Suite } from '../suite.ts';
import { Round, type RoundResult } from './round.ts';

/** Processes that host players. */
const PROCESSES = 4;
/** The node in this process: it asks and counts, and is the one voter. */
const TABLE = 'table';
/** How long each player thinks, ms. */
const DELAY_MS = 1_000;
/** How long players think while they are measured, ms. */
const MEASURED_DELAY_MS = 20_000;
/** Longest time for one round, ms. */
const ROUND_MS = 100_000;
const PLACED_MS = 30_000;
/** Shards of a process at most, in fair shares: the busiest ends last. */
const SHARE_MAX = 1.25;
/** What of a round has been answered when a process is killed. */
const KILLED_AT = 0.4;
const KILL_LOOK_MS = 5;

const FULL = { players: 1_000_000, measured: 100_000 } as const;
const QUICK = { players: 20_000, measured: 4_000 } as const;

/** Everything that `bench -- swarm` measures. */
const FIGURES: readonly FigureSpec[] = [
  { name: 'swarmS', unit: 's', title: 'first ask to last answer, each player thinks for 1 s', goal: { atMost: 15 } },
  {
    name: 'swarmKilledS',
    unit: 's',
    title: 'the same, one of the four processes killed (SIGKILL) on the way',
    goal: { atMost: 15 },
  },
  { name: 'answers', unit: 'players', title: 'players counted in a round, the fewest of all rounds' },
  { name: 'countedTwice', unit: 'answers', title: 'answers of players already counted', goal: { atMost: 0 } },
  { name: 'openMax', unit: 'asks', title: 'most answers awaited at a time' },
  { name: 'playerUs', unit: 'us', title: 'processor time for a player, all processes together' },
  { name: 'tableUs', unit: 'us', title: 'of that in the process that asks and counts' },
  { name: 'residentBytes', unit: 'B', title: 'memory of a resident agent that has answered', goal: { atMost: 2_048 } },
  { name: 'waitingBytes', unit: 'B', title: 'memory of a resident agent that thinks, its message and timer included' },
];

/** A million agents in four processes play one round of "guess two thirds of the average". */
export const swarmSuite: Suite = {
  name: 'swarm',
  parts: ['round', 'killed', 'memory'],
  rounds: 1,
  run: (options) => new SwarmBench(options).run(),
};

class SwarmBench {
  readonly #options: BenchOptions;
  readonly #report: Report = new Report('swarm', FIGURES);
  readonly #size: typeof FULL | typeof QUICK;
  #fewest = Number.POSITIVE_INFINITY;
  #twice = 0;

  constructor(options: BenchOptions) {
    this.#options = options;
    this.#size = options.quick ? QUICK : FULL;
  }

  async run(): Promise<Report> {
    const players = Array.from({ length: PROCESSES }, (_, at) => ({
      id: `players-${at + 1}`,
      labels: { role: 'player' },
    }));
    const placedThen = (work: (cluster: NodeCluster) => Promise<void>) => async (cluster: NodeCluster) => {
      await placed(cluster, 'player');
      await work(cluster);
    };
    await runParts(this.#options, {
      config: {
        name: 'swarm',
        agents: [new URL('./player.ts', import.meta.url)],
        nodes: [{ id: TABLE, voter: true }, ...players],
      },
      here: TABLE,
      limitMs: PLACED_MS + ROUND_MS,
      parts: {
        round: placedThen((cluster) => this.#round(cluster)),
        killed: placedThen((cluster) => this.#killed(cluster)),
        memory: placedThen((cluster) => this.#memory(cluster)),
      },
    });
    if (this.#fewest < Number.POSITIVE_INFINITY) {
      this.#report.add('answers', OURS, this.#fewest);
      this.#report.add('countedTwice', OURS, this.#twice);
    }
    return this.#report;
  }

  async #round(cluster: NodeCluster): Promise<void> {
    const pids = [process.pid, ...cluster.processes.map(({ child }) => child.pid)];
    const before = pids.map(allMs);
    const result = await new Round(cluster.here, this.#size.players, DELAY_MS).play();
    const used = pids.map((pid, at) => allMs(pid) - (before[at] ?? 0));
    this.#account(result);
    const each = 1_000 / this.#size.players;
    this.#report.add('swarmS', OURS, result.ms / 1_000);
    this.#report.add('openMax', OURS, result.openMax);
    this.#report.add('playerUs', OURS, used.reduce((sum, ms) => sum + ms, 0) * each);
    this.#report.add('tableUs', OURS, (used[0] ?? 0) * each);
  }

  async #killed(cluster: NodeCluster): Promise<void> {
    const round = new Round(cluster.here, this.#size.players, DELAY_MS);
    const playing = round.play();
    const victim = cluster.processes[0];
    while (round.answers < this.#size.players * KILLED_AT) await sleep(KILL_LOOK_MS);
    const answered = round.answers;
    await victim?.child.kill();
    const result = await playing;
    this.#account(result);
    this.#report.add('swarmKilledS', OURS, result.ms / 1_000);
    this.#report.note(`killed ${victim?.id} when ${answered.toLocaleString('en-GB')} had answered`);
  }

  async #memory(cluster: NodeCluster): Promise<void> {
    const { measured } = this.#size;
    const used = async (): Promise<number> => {
      const bytes = await Promise.all(cluster.processes.map((process) => process.memoryBytes()));
      return bytes.reduce((sum, each) => sum + each, 0);
    };
    // Code is compiled and tables have grown before anything is measured.
    await new Round(cluster.here, measured, 0, measured).play();
    const before = await used();
    const round = new Round(cluster.here, measured, MEASURED_DELAY_MS, measured * 2);
    const playing = round.play();
    await round.asked;
    await sleep(DELAY_MS);
    const waiting = await used();
    if (round.answers > 0) throw new Error('players answered before they were measured');
    await playing;
    const resident = await used();
    this.#report.add('waitingBytes', OURS, (waiting - before) / measured);
    this.#report.add('residentBytes', OURS, (resident - before) / measured);
  }

  /** @throws Error when a player is missing, was counted twice, or answered what it can't have answered */
  #account({ answers, countedTwice, wrong, failures, failure, refused, target }: RoundResult): void {
    this.#fewest = Math.min(this.#fewest, answers);
    this.#twice += countedTwice;
    this.#report.note(`two thirds of the average: ${target.toFixed(4)}; asks refused and made again: ${refused}`);
    if (answers === this.#size.players && countedTwice === 0 && wrong === 0 && failures === 0) return;
    const account = `${answers} answers, ${countedTwice} counted twice, ${wrong} wrong, ${failures} failed`;
    throw new Error(`the round is not right: ${account}`, { cause: failure });
  }
}

/** Processor time of all threads of a process, ms. */
function allMs(pid: number): number {
  return [...threadTimes(pid).values()].reduce((sum, ms) => sum + ms, 0);
}

/** Resolves when all shards of a group have a home, none is about to move, and each process has about its share. */
async function placed({ here }: NodeCluster, group: string): Promise<void> {
  await eventually(PLACED_MS, `the shards of ${group} are placed`, () => {
    const shards = here.life.map.shards().filter((shard) => shard.group === group);
    const homes = Map.groupBy(shards, ({ owner }) => owner?.node);
    const still = shards.every(({ owner, target }) => owner !== undefined && target === undefined);
    const most = Math.max(...[...homes.values()].map(({ length }) => length));
    return still && homes.size === PROCESSES && most <= (shards.length / PROCESSES) * SHARE_MAX ? true : undefined;
  });
}
