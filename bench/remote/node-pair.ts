import { fileURLToPath } from 'node:url';
import { Child, within } from '../resources.ts';
import type { Load, Outcome } from './drive.ts';
import type { Pair } from './pair.ts';
import type { Answer, Word } from './process.ts';
import type { Arrived } from './wire.ts';

const START_MS = 10_000;
const CLOSE_MS = 5_000;
/** Time beyond a load's own that all of it may take to arrive, ms. */
const ARRIVE_MS = 20_000;

/** How the processes of a pair are run. */
export interface NodePairOptions {
  readonly kind: 'troupe' | 'grpc';
  /** Folder with the certificates of `a` and `b`; in clear without. */
  readonly certificates?: string;
  /** Where each writes a CPU profile when it ends. */
  readonly profile: string | undefined;
}

/** A pair of Node processes. */
export class NodePair implements Pair {
  readonly #sender: Side;
  readonly #receiver: Side;

  private constructor(options: NodePairOptions) {
    this.#sender = new Side('a', 'b', options);
    this.#receiver = new Side('b', 'a', options);
  }

  static async open(options: NodePairOptions): Promise<NodePair> {
    const pair = new NodePair(options);
    const sides = [pair.#sender, pair.#receiver];
    const [a, b] = await Promise.all(sides.map((side) => side.hear<{ address: string }>(START_MS)));
    await pair.#sender.tell({ type: 'connect', address: b!.address }, START_MS);
    await pair.#receiver.tell({ type: 'connect', address: a!.address }, START_MS);
    await pair.#sender.tell({ type: 'find' }, START_MS);
    return pair;
  }

  async perSecond(load: Load, durationMs: number): Promise<number> {
    const word = { type: 'drive', load, durationMs } as const;
    const { count, elapsedMs } = await this.#sender.tell<Outcome>(word, durationMs + ARRIVE_MS);
    const { messages, bytes } = await this.#receiver.tell<Arrived>({ type: 'arrived' }, START_MS);
    const expected = load.kind === 'tell' ? count : 0;
    if (messages !== expected || bytes !== expected * load.bodyBytes) {
      throw new Error(
        `${expected} messages of ${load.bodyBytes} bytes were sent, ${messages} came with ${bytes} bytes`,
      );
    }
    return (count * 1_000) / elapsedMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#sender.close(), this.#receiver.close()]);
  }
}

/** One process, and the conversation with it. */
class Side {
  readonly #name: string;
  readonly #child: Child;

  constructor(name: string, other: string, { kind, certificates, profile }: NodePairOptions) {
    this.#name = `process ${name} of ${kind}`;
    const entry = fileURLToPath(new URL('./process.ts', import.meta.url));
    const flags = ['-C', 'troupe-source', '--disable-warning=ExperimentalWarning'];
    if (profile !== undefined)
      flags.push(
        '--cpu-prof',
        `--cpu-prof-dir=${profile}`,
        `--cpu-prof-name=${kind}-${name}${certificates ? '-tls' : ''}.cpuprofile`,
      );
    const args = [kind, name, other, ...(certificates === undefined ? [] : [certificates])];
    this.#child = new Child(process.execPath, [...flags, entry, ...args], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  tell<A extends Answer>(word: Word, limitMs: number): Promise<A> {
    this.#child.process.send(word);
    return this.hear(limitMs);
  }

  async hear<A extends Answer>(limitMs: number): Promise<A> {
    const heard = new Promise<Answer>((resolve) =>
      this.#child.process.once('message', (answer) => resolve(answer as Answer)),
    );
    const ended = this.#child.gone.then(() => Promise.reject(new Error(`${this.#name} has ended`)));
    const answer = await within(limitMs, `${this.#name} answers`, Promise.race([heard, ended]));
    if ('failure' in answer) throw new Error(`${this.#name}: ${answer.failure}`);
    return answer as A;
  }

  /** Lets it end by itself, so that it writes its profile. */
  async close(): Promise<void> {
    if (this.#child.process.connected) this.#child.process.disconnect();
    await within(CLOSE_MS, `${this.#name} ends`, this.#child.gone).catch(() => this.#child.kill());
  }
}
