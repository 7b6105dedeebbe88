import { join } from 'node:path';
import { OURS, percentile, Report } from '../report.ts';
import { removeFolder, within } from '../resources.ts';
import type { BenchOptions, Suite } from '../suite.ts';
import type { Cluster, Timing, ValueClient } from './cluster.ts';
import { EtcdCluster, etcdVersion } from './etcd.ts';
import { type Failovers, killLeaders } from './failover.ts';
import { FIGURES } from './figures.ts';
import { laggard } from './laggard.ts';
import { echoes, syncMs } from './limits.ts';
import { memoryUse } from './memory.ts';
import { throughput } from './throughput.ts';
import { transfers } from './transfer.ts';
import { TroupeCluster } from './troupe.ts';

/** Time-outs of 150 to 300 ms. */
const FAST = { heartbeatMs: 25, electionMs: 150 } as const;
/** etcd as it may be tuned on a fast network: its guide asks for ten heartbeats to an election. */
const TUNED = { heartbeatMs: 50, electionMs: 500 } as const;
/** Defaults, but a node that is silent for a while isn't given up. */
const PATIENT = { heartbeatMs: 50, electionMs: 300, downAfterMs: 120_000 } as const;
/** Suffixes of the laggard's figures: a voter that catches up, the same at half load, and a node that also has to join anew. */
const LAGGARDS = [
  ['', PATIENT, 'full'],
  ['Half', PATIENT, 'half'],
  ['Joining', undefined, 'full'],
] as const;
/** Longest time for one part of a round on one cluster, ms. */
const PART_MS = 420_000;
const ECHO_CLIENTS: readonly number[] = [1, 64, 256];

const FULL = {
  slice: { warmUpMs: 1_000, durationMs: 3_000 },
  kills: 8,
  transfers: 5,
  memory: { warmUp: 1_500_000, writes: 1_000_000, limitMs: 360_000 },
  laggard: { laps: 4, writesBehind: 60_000 },
} as const;
const QUICK = {
  slice: { warmUpMs: 400, durationMs: 1_000 },
  kills: 3,
  transfers: 2,
  memory: { warmUp: 30_000, writes: 30_000, limitMs: 15_000 },
  laggard: { laps: 1, writesBehind: 60_000 },
} as const;

/** Three voters of ours against three members of etcd. */
export const raftSuite: Suite = {
  name: 'raft',
  parts: ['limits', 'load', 'failover', 'transfer', 'memory', 'laggard'],
  rounds: 3,
  run: (options) => new RaftBench(options).run(),
};

class RaftBench {
  readonly #options: BenchOptions;
  readonly #report: Report = new Report('raft', FIGURES);
  readonly #size: typeof FULL | typeof QUICK;
  readonly #etcd: string | undefined = etcdVersion();
  #clusters = 0;
  #lost: Map<string, number> = new Map();

  constructor(options: BenchOptions) {
    this.#options = options;
    this.#size = options.quick ? QUICK : FULL;
  }

  async run(): Promise<Report> {
    this.#report.note(
      this.#etcd ? `etcd ${this.#etcd}` : 'etcd is missing: only troupe was run (apt-get install etcd-server)',
    );
    const failovers = new Map<string, number[]>();
    for (let round = 1; round <= this.#options.rounds; round++) {
      this.#options.progress(`round ${round} of ${this.#options.rounds}`);
      // Who goes first changes, as what runs second finds a warmer client and a busier disk.
      const turn = <T>(items: readonly T[]): readonly T[] => (round % 2 === 0 ? items.toReversed() : items);
      if (this.#wants('limits')) await this.#limits();
      if (this.#wants('load')) {
        await this.#with('load', this.#cluster(OURS), (ours) => this.#load(ours, turn));
      }
      if (this.#wants('failover')) {
        for (const name of turn([OURS, `${OURS}Default`, 'etcd', 'etcdTuned'])) {
          await this.#with('failover', this.#cluster(name), async (cluster, client) => {
            const found = await killLeaders(cluster, client, this.#size.kills);
            failovers.set(name, [...(failovers.get(name) ?? []), ...found.timesMs]);
            this.#countLost(cluster, found);
          });
        }
      }
      if (this.#wants('transfer')) {
        for (const name of turn([OURS, 'etcd'])) {
          await this.#with('transfer', this.#cluster(name), (cluster, client) => this.#transfers(cluster, client));
        }
      }
    }
    for (const [name, times] of failovers) this.#failovers(name, times);
    if (this.#wants('memory'))
      await this.#with('memory', this.#ours(), (cluster, client) => this.#memory(cluster, client));
    if (this.#wants('laggard')) {
      for (const [figure, timing, load] of LAGGARDS) {
        await this.#with('laggard', this.#ours(timing), (cluster, client) =>
          this.#laggard(cluster, client, figure, load),
        );
      }
    }
    for (const [column, lost] of this.#lost) this.#report.add('lost', column, lost);
    return this.#report;
  }

  async #load(ours: Cluster, turn: <T>(items: readonly T[]) => readonly T[]): Promise<void> {
    const { slice } = this.#size;
    const peer = this.#cluster('etcd');
    if (peer === undefined) return throughput([ours], slice, this.#report);
    await this.#with('load', peer, (theirs) => throughput(turn([ours, theirs]), slice, this.#report));
  }

  #wants(part: string): boolean {
    return this.#options.only.size === 0 || this.#options.only.has(part);
  }

  #folder(name: string): string {
    return join(this.#options.folder, `${name}-${++this.#clusters}`);
  }

  #ours(timing?: Timing): TroupeCluster {
    const { profile } = this.#options;
    const env: Record<string, string> =
      profile === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profile}` };
    return new TroupeCluster(this.#folder(OURS), timing, env);
  }

  /** @returns undefined for a peer that isn't installed */
  #cluster(name: string): Cluster | undefined {
    if (name === OURS) return this.#ours(FAST);
    if (name === `${OURS}Default`) return this.#ours();
    if (this.#etcd === undefined) return undefined;
    return new EtcdCluster(this.#folder(name), name === 'etcdTuned' ? TUNED : undefined, name);
  }

  /** Starts a cluster, works with it for a bounded time, and leaves nothing of it. */
  async #with<C extends Cluster>(
    part: string,
    cluster: C | undefined,
    work: (cluster: C, client: ValueClient) => Promise<void>,
  ): Promise<void> {
    if (cluster === undefined) return;
    this.#options.progress(`${part}: ${cluster.name}`);
    try {
      await within(PART_MS, `${part} on ${cluster.name}`, this.#run(cluster, work));
    } finally {
      await cluster[Symbol.asyncDispose]();
      removeFolder(cluster.folder);
    }
  }

  async #run<C extends Cluster>(cluster: C, work: (cluster: C, client: ValueClient) => Promise<void>): Promise<void> {
    await cluster.start();
    const client = cluster.connect('best');
    try {
      await work(cluster, client);
    } finally {
      await client.close();
    }
  }

  async #limits(): Promise<void> {
    this.#report.add('syncMs', OURS, syncMs(this.#options.folder));
    const results = await echoes(ECHO_CLIENTS, this.#size.slice.durationMs);
    for (const [at, name] of ['echoMs', 'echo64', 'echo256'].entries()) {
      const result = results[at];
      if (result !== undefined) this.#report.add(name, OURS, name === 'echoMs' ? result.p50Ms : result.perSecond);
    }
  }

  #failovers(name: string, times: readonly number[]): void {
    // Every way of ours stands against every way of etcd's, since each is what its users may run.
    const figures =
      name === `${OURS}Default`
        ? ['failoverDefaultMs']
        : name === OURS
          ? ['failoverMs']
          : ['failoverMs', 'failoverDefaultMs'];
    const column = name === `${OURS}Default` ? OURS : name;
    for (const figure of figures) {
      this.#report.add(`${figure}P50`, column, percentile(times, 0.5));
      this.#report.add(`${figure}P99`, column, percentile(times, 0.99));
    }
    this.#report.note(
      `${name}: ${times.length} kills, ${Math.round(Math.min(...times))} to ${Math.round(Math.max(...times))} ms`,
    );
  }

  async #transfers(cluster: Cluster, client: ValueClient): Promise<void> {
    const found = await transfers(cluster, client, this.#size.transfers);
    for (const ms of found.pausesMs) this.#report.add('transferMs', cluster.name, ms);
    for (const ms of found.quietMs) this.#report.add('transferQuietMs', cluster.name, ms);
    this.#report.add('transferRefused', cluster.name, found.refused);
    this.#countLost(cluster, found);
  }

  async #memory(cluster: Cluster, client: ValueClient): Promise<void> {
    const load = this.#size.memory;
    const found = await memoryUse(cluster, client, load);
    if (found.growthMb !== undefined) this.#report.add('residentMbGrowth', OURS, found.growthMb);
    this.#report.add('residentMb', OURS, found.residentMb);
    const [done, writes] = [found.done, load.writes].map((count) => count.toLocaleString('en-GB'));
    this.#report.note(`memory: ${done} writes; growth over the last ${writes}, if there was time for them`);
  }

  async #laggard(cluster: TroupeCluster, client: ValueClient, suffix: string, load: 'full' | 'half'): Promise<void> {
    const { laps, writesBehind } = this.#size.laggard;
    const found = await laggard(cluster, client, laps, writesBehind, load);
    this.#report.add(`laggardRateShare${suffix}`, OURS, found.rateShare);
    for (const ms of found.catchUpMs) this.#report.add(`laggardCatchUpMs${suffix}`, OURS, ms);
    this.#report.note(`laggard${suffix}: ${laps} laps, ${found.snapshots} snapshots installed`);
  }

  #countLost({ name }: Cluster, { lost }: Pick<Failovers, 'lost'>): void {
    this.#lost.set(name, (this.#lost.get(name) ?? 0) + lost);
  }
}
