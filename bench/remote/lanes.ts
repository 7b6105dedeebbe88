import { fileURLToPath } from 'node:url';
import { OURS, type Report } from '../report.ts';
import { Child, within } from '../resources.ts';
import type { BenchOptions } from '../suite.ts';
import type { Addresses, LaneWord, Lateness } from './lane-process.ts';
import type { Slice } from './loads.ts';

const ANSWER_MS = 30_000;
/** The state that moves, bytes; several times, one behind the other, so that there are enough answers for a percentile. */
const STATE_BYTES = 100_000_000;
const STATES = 3;

/**
 * How much one lane's load delays another: answers on the control lane (a port and a thread of its own) and on the system lane under
 * a user lane that takes all it can, and small messages of the user lane while 100 MB move on the bulk lane. Each figure is the 99th percentile under load less
 * that without, taken right before.
 */
export async function lanes(options: BenchOptions, { durationMs }: Slice, report: Report): Promise<void> {
  await using near = new Process('a', 'b');
  await using far = new Process('b', 'a');
  const [a, b] = await Promise.all([near.hear<Addresses>(), far.hear<Addresses>()]);
  await near.tell({ type: 'connect', to: b });
  await far.tell({ type: 'connect', to: a });
  const amount = 2 * durationMs;
  const quiet = { type: 'probe', load: 'none', amount } as const;
  const flood = { type: 'probe', load: 'user', amount } as const;
  const state = { type: 'probe', load: 'bulk', amount: STATES * STATE_BYTES } as const;
  // Code is compiled first.
  await near.tell({ ...flood, lane: 'system' });
  for (let round = 1; round <= options.rounds; round++) {
    options.progress(`lanes, round ${round} of ${options.rounds}`);
    for (const [figure, lane, load] of [
      ['controlLateMsP99', 'control', flood],
      ['systemLateMsP99', 'system', flood],
      ['bulkLateMsP99', 'user', state],
    ] as const) {
      const alone = await near.tell<Lateness>({ ...quiet, lane });
      const loaded = await near.tell<Lateness>({ ...load, lane });
      if (loaded.load < (load === state ? state.amount / 1e6 : 1_000) || loaded.probes < 20) {
        throw new Error(`${figure}: ${loaded.load} messages of load, ${loaded.probes} probes`);
      }
      report.add(figure, OURS, loaded.p99Ms - alone.p99Ms);
    }
  }
}

/** One process, and the conversation with it. */
class Process implements AsyncDisposable {
  readonly #child: Child;

  constructor(self: string, other: string) {
    const entry = fileURLToPath(new URL('./lane-process.ts', import.meta.url));
    const flags = ['-C', 'troupe-source', '--disable-warning=ExperimentalWarning'];
    this.#child = new Child(process.execPath, [...flags, entry, self, other], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  tell<T>(word: LaneWord): Promise<T> {
    this.#child.process.send(word);
    return this.hear<T>();
  }

  async hear<T>(): Promise<T> {
    const heard = new Promise<object>((resolve) =>
      this.#child.process.once('message', (said) => resolve(said as object)),
    );
    const ended = this.#child.gone.then(() => Promise.reject(new Error('the process has ended')));
    const answer = await within(ANSWER_MS, 'the process answers', Promise.race([heard, ended]));
    if ('failure' in answer) throw new Error(String(answer.failure));
    return answer as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.kill();
  }
}
