import { agentRef, type Host } from '../../src/agent/index.ts';
import { counter } from './counter.ts';

/** An ask may have to wait until its agent has another home, ms. */
const ASK_MS = 30_000;
/** Agents read at a time. */
const READERS = 64;

/** What an agent was asked, and what it said. */
interface Known {
  asked: number;
  /** The largest number that it answered. */
  acknowledged: number;
}

/** Agents that count, and what each of them must have come to. */
export class Counters {
  readonly #host: Host;
  readonly #known: ReadonlyMap<string, Known>;

  constructor(host: Host, agents: number) {
    this.#host = host;
    this.#known = new Map(Array.from({ length: agents }, (_, at) => [`c${at}`, { asked: 0, acknowledged: 0 }]));
  }

  get keys(): readonly string[] {
    return [...this.#known.keys()];
  }

  /** Lets one count. Resolves when it has answered. */
  async add(key: string): Promise<void> {
    const known = this.#known.get(key) as Known;
    known.asked++;
    const count = (await agentRef(this.#host, counter, key).ask('add', undefined, { timeoutMs: ASK_MS })) as number;
    known.acknowledged = Math.max(known.acknowledged, count);
  }

  /** Compares, once no ask is under way. @returns additions that were acknowledged and are gone, and that were done more than once */
  async account(): Promise<{ readonly lost: number; readonly repeated: number }> {
    let lost = 0;
    let repeated = 0;
    const left = this.#known.entries();
    const read = async (): Promise<void> => {
      for (const [key, { asked, acknowledged }] of left) {
        const count = (await agentRef(this.#host, counter, key).ask('read', undefined, {
          timeoutMs: ASK_MS,
        })) as number;
        lost += Math.max(0, acknowledged - count);
        repeated += Math.max(0, count - asked);
      }
    };
    await Promise.all(Array.from({ length: READERS }, read));
    return { lost, repeated };
  }
}
