import { agentRef } from '../../src/agent/index.ts';
import { SeededRandom } from '../../src/core/index.ts';
import type { Point } from '../crash/points.ts';
import type { NodeCluster } from '../nodes.ts';
import { Fate } from './fate.ts';
import { journalled, type Moment } from './worker.ts';

/** Longest time for a run, ms: it may be killed a dozen times. */
const RUN_MS = 100_000;

/** What is the same for all runs. */
export interface Work {
  readonly tool: string;
  readonly steps: number;
  readonly stepMs: number;
}

/** What came of the runs. */
export interface Outcome {
  /** Runs that came to their end, with one effect a step and each step with its own. */
  readonly completed: number;
  /** Effects that a run should have had once, and had again. */
  readonly repeated: number;
  /** How often a worker was killed. */
  readonly kills: number;
  /** How often an agent died at each moment. */
  readonly struck: Readonly<Record<Moment, number>>;
  /** What the first run that failed said. */
  readonly failure: unknown;
}

/** A run under way. */
interface Run {
  readonly fate: Fate;
  /** The node that it was last heard of from; undefined since that was killed. */
  node: string | undefined;
  /** It has reached its fate and waits for it. */
  doomed: boolean;
}

/**
 * Runs side by side, each with a fate of its own. An agent that is to die waits where it is until all others on its worker have ended or
 * are to die too, then the worker is killed: so each dies where its fate says, and none otherwise.
 */
export class Trial {
  readonly #cluster: NodeCluster;
  readonly #name: string;
  readonly #runs: Map<string, Run>;
  readonly #restarts: Set<string> = new Set();
  readonly #struck: Record<Moment, number> = { before: 0, after: 0, recovering: 0 };
  #restarting: Promise<unknown> = Promise.resolve();
  #kills = 0;

  /** @param name of no other trial on this cluster */
  constructor(cluster: NodeCluster, name: string, runs: number, probability: number) {
    this.#cluster = cluster;
    this.#name = name;
    const run = (at: number): Run => {
      const random = new SeededRandom(at * 1_000 + probability * 100);
      return { fate: new Fate(random, probability), node: undefined, doomed: false };
    };
    this.#runs = new Map(Array.from({ length: runs }, (_, at) => [`${name}-${at}`, run(at)]));
  }

  /** An agent has reached a point. @returns whether it may go on */
  reached({ key, moment, node }: Point): boolean {
    const run = this.#runs.get(key);
    if (run === undefined) return true;
    run.node = node;
    run.doomed = run.fate.strikes(moment as Moment);
    if (run.doomed) {
      this.#struck[moment as Moment]++;
      this.#look(node);
    }
    return !run.doomed;
  }

  /** @param record what the tool has written down, once all is over */
  async play(work: Work, points: string, record: () => readonly string[]): Promise<Outcome> {
    const keys = [...this.#runs.keys()];
    const ended = await Promise.allSettled(
      keys.map(async (key) => {
        const ref = agentRef(this.#cluster.here.host, journalled, key);
        const options = { timeoutMs: RUN_MS, requestId: key };
        const effects = await ref.ask('run', { ...work, points }, options).finally(() => this.#ended(key));
        return effects as readonly number[];
      }),
    );
    await this.#restarting;
    const account = new Account(record(), this.#name);
    for (const [at, result] of ended.entries()) {
      if (result.status === 'fulfilled') account.check(keys[at] as string, result.value, work.steps);
    }
    const failure = ended.find((result) => result.status === 'rejected')?.reason;
    return { ...account.sum, kills: this.#kills, struck: this.#struck, failure };
  }

  #ended(key: string): void {
    const node = this.#runs.get(key)?.node;
    this.#runs.delete(key);
    if (node !== undefined) this.#look(node);
  }

  /** Kills a worker when all that runs there waits for that. */
  #look(node: string): void {
    const there = [...this.#runs.values()].filter((run) => run.node === node);
    if (there.length === 0 || there.some(({ doomed }) => !doomed) || this.#restarts.has(node)) return;
    for (const run of there) {
      run.node = undefined;
      run.doomed = false;
    }
    this.#kills++;
    this.#restarts.add(node);
    const restarted = this.#cluster.restart(node).finally(() => this.#restarts.delete(node));
    this.#restarting = Promise.all([this.#restarting, restarted]);
  }
}

/** Holds what runs say against what the tool has written down. */
export class Account {
  /** Keys of the tool's record in order, as far as they are of this trial. */
  readonly #record: readonly string[];
  #completed = 0;
  readonly #repeated: number;

  /** @param record keys, `journalled/<agent>/<request>/<step>` each @param name of the trial */
  constructor(record: readonly string[], name: string) {
    this.#record = record;
    const own = record.filter((key) => key.startsWith(`${journalled.kind}/${name}-`));
    this.#repeated = own.length - new Set(own).size;
  }

  /** Takes the result of a run, in which each step must have its own effect, and no other. */
  check(run: string, effects: readonly number[], steps: number): void {
    const keys = effects.map((effect) => this.#record[effect]);
    const own = keys.every((key, at) => key === `${journalled.kind}/${run}/${run}/use${at === 0 ? '' : `#${at + 1}`}`);
    if (own && effects.length === steps) this.#completed++;
  }

  get sum(): Pick<Outcome, 'completed' | 'repeated'> {
    return { completed: this.#completed, repeated: this.#repeated };
  }
}
