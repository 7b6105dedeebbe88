import { agentRef } from '../../src/agent/index.ts';
import { DRIVER, layout } from '../layout.ts';
import type { NodeCluster } from '../nodes.ts';
import { runParts } from '../parts.ts';
import { type FigureSpec, OURS, Report } from '../report.ts';
import { eventually, sleep } from '../resources.ts';
import type { BenchOptions, Suite } from '../suite.ts';
import { resident } from './resident.ts';
import { Traffic } from './traffic.ts';

const LEAVING = 'worker-1';
const PART_MS = 110_000;
/** An ask may have to wait for a move, ms. */
const ASK_MS = 60_000;
/** Agents made at a time. */
const AT_ONCE = 200;
/** How long traffic runs before the notice, and goes on after the node has left, ms. */
const STEADY_MS = 2_000;
/** Time that the notice leaves, ms. */
const NOTICE_MS = 30_000;
const PLACED_MS = 30_000;
const KIB = 1024;

/** One part: so many agents with so much state, and how many messages a second they get together. */
interface Load {
  readonly agents: number;
  readonly bytes: number;
  readonly perSecond: number;
  /** Agents made at a time. */
  readonly atOnce: number;
}

const PARTS: Readonly<Record<string, Load>> = {
  '1k': { agents: 1_000, bytes: KIB, perSecond: 400, atOnce: AT_ONCE },
  '10k': { agents: 10_000, bytes: KIB, perSecond: 400, atOnce: AT_ONCE },
  // Each message that changes a state writes it whole.
  '100x1MB': { agents: 100, bytes: KIB * KIB, perSecond: 4, atOnce: 4 },
};

/** Everything that `bench -- drain` measures. */
const FIGURES: readonly FigureSpec[] = [
  { name: 'emptyMs1k', unit: 'ms', title: 'notice to gone, 1,000 agents with 1 kB', goal: { atMost: 3_000 } },
  { name: 'emptyMs10k', unit: 'ms', title: 'the same, 10,000 agents', goal: { atMost: 15_000 } },
  { name: 'emptyMs100x1MB', unit: 'ms', title: 'the same, 100 agents with 1 MB' },
  { name: 'lost', unit: 'messages', title: 'messages that took no effect', goal: { atMost: 0 } },
  { name: 'repeated', unit: 'messages', title: 'messages that took effect twice', goal: { atMost: 0 } },
  { name: 'reordered', unit: 'messages', title: 'messages that took effect out of order', goal: { atMost: 0 } },
  { name: 'pauseMsP99', unit: 'ms', title: 'an agent of 1 kB stands still, 99th percentile', goal: { atMost: 250 } },
  { name: 'pauseMsP99Of1MB', unit: 'ms', title: 'the same, 1 MB' },
  { name: 'answerMsP99', unit: 'ms', title: 'time for an answer while 1,000 or 10,000 move, 99th percentile' },
];

/** A node under steady traffic is told to leave, and hands over all it has. */
export const drainSuite: Suite = {
  name: 'drain',
  parts: Object.keys(PARTS),
  rounds: 1,
  run: (options) => new DrainBench(options).run(),
};

class DrainBench {
  readonly #options: BenchOptions;
  readonly #report: Report = new Report('drain', FIGURES);
  /** What all parts of a round come to. */
  readonly #sums = { lost: 0, repeated: 0, reordered: 0 };
  #pauseMs = 0;
  #answerMs = 0;

  constructor(options: BenchOptions) {
    this.#options = options;
  }

  async run(): Promise<Report> {
    const works = Object.entries(PARTS).map(([name, load]) => {
      const work = (cluster: NodeCluster): Promise<void> => this.#part(cluster, name, load);
      return [name, work] as const;
    });
    await runParts(this.#options, {
      config: {
        name: 'drain',
        agents: [new URL('./resident.ts', import.meta.url)],
        nodes: layout([LEAVING, 'worker-2']),
      },
      here: DRIVER,
      limitMs: PART_MS,
      parts: Object.fromEntries(works),
    });
    for (const [name, sum] of Object.entries(this.#sums)) this.#report.add(name, OURS, sum);
    if (this.#pauseMs > 0) this.#report.add('pauseMsP99', OURS, this.#pauseMs);
    if (this.#answerMs > 0) this.#report.add('answerMsP99', OURS, this.#answerMs);
    return this.#report;
  }

  async #part(cluster: NodeCluster, name: string, load: Load): Promise<void> {
    const { life, host } = cluster.here;
    const agents = this.#options.quick ? Math.ceil(load.agents / 10) : load.agents;
    const small = load.bytes < KIB * KIB;
    await placed(cluster);
    const keys = keysOf(cluster, agents);
    let next = 0;
    const settleIn = async (): Promise<void> => {
      for (let key = keys[next++]; key !== undefined; key = keys[next++]) {
        await agentRef(host, resident, key).ask('settle', load.bytes, { timeoutMs: ASK_MS });
      }
    };
    await Promise.all(Array.from({ length: load.atOnce }, settleIn));
    const traffic = new Traffic(keys, load.perSecond, (key) =>
      agentRef(host, resident, key).ask('add', null, { timeoutMs: ASK_MS }),
    );
    await sleep(STEADY_MS);
    const noticedAt = performance.now();
    await life.drainOther(LEAVING, { reason: 'benchmark', deadlineMs: NOTICE_MS });
    const emptyMs = performance.now() - noticedAt;
    await sleep(STEADY_MS);
    const result = await traffic.stop();
    const account = life.map.node(LEAVING)?.account;
    if (account === undefined) throw new Error(`${LEAVING} left no account`);
    if (account.agents < agents) throw new Error(`${account.agents} of ${agents} agents were handed over`);
    for (const key of keys) {
      const count = await agentRef(host, resident, key).ask('read', null, { timeoutMs: ASK_MS });
      const sent = traffic.sent.get(key) ?? 0;
      this.#sums.lost += Math.max(0, sent - count);
      this.#sums.repeated += Math.max(0, count - sent);
    }
    this.#sums.reordered += result.reordered;
    this.#report.add(`emptyMs${name}`, OURS, emptyMs);
    if (small) {
      this.#pauseMs = Math.max(this.#pauseMs, account.pauseMsP99);
      this.#answerMs = Math.max(this.#answerMs, result.answerMsP99);
    } else this.#report.add('pauseMsP99Of1MB', OURS, account.pauseMsP99);
    const { sent, failures, failure, answerMsMax } = result;
    this.#report.note(
      `${name}: ${account.agents} agents and ${account.messages} messages moved in ${account.drainMs} ms, pause ${account.pauseMsP50} ms at the median; ` +
        `${sent} messages sent, ${failures} not answered${failure === undefined ? '' : ` (${failure})`}, the slowest after ${Math.round(answerMsMax)} ms`,
    );
  }
}

/** Keys of agents that live on the node that is to leave. */
function keysOf({ here }: NodeCluster, count: number): string[] {
  const { map } = here.life;
  const keys: string[] = [];
  for (let i = 0; keys.length < count; i++) {
    const shard = map.shardOf(resident.kind, `${i}`);
    if (shard !== undefined && map.shard(shard)?.owner?.node === LEAVING) keys.push(`${i}`);
  }
  return keys;
}

/** Resolves when both workers have their part of the shards, and none is about to move. */
async function placed({ here }: NodeCluster): Promise<void> {
  await eventually(PLACED_MS, 'the shards are placed', () => {
    const shards = here.life.map.shards().filter(({ group }) => group === resident.kind);
    const own = shards.filter(({ owner }) => owner?.node === LEAVING).length;
    const still = shards.every(({ owner, target }) => owner !== undefined && target === undefined);
    return still && shards.length > 0 && own * 2 === shards.length ? true : undefined;
  });
}
