import { percentile } from '../report.ts';

/** Time between two handfuls of messages, ms. */
const TICK_MS = 20;
/** Messages that go to one agent at once: that they are handled in order is no matter of course then. */
const IN_A_ROW = 2;

/** Makes an agent count one message; resolves with its number. */
export type Count = (key: string) => Promise<number>;

/** What became of steady traffic. */
export interface TrafficResult {
  readonly sent: number;
  /** Messages that took effect at another place than that in which they were sent. */
  readonly reordered: number;
  /** Messages whose sender got no answer, and what the first of them heard. */
  readonly failures: number;
  readonly failure: unknown;
  /** Time for an answer, 99th percentile and longest, ms. */
  readonly answerMsP99: number;
  readonly answerMsMax: number;
}

/** Sends messages to agents in turn, so many a second whatever becomes of them, and checks the number that each is answered with. */
export class Traffic {
  /** Messages sent to each agent. */
  readonly sent: Map<string, number> = new Map();
  readonly #count: Count;
  readonly #keys: readonly string[];
  readonly #open: Set<Promise<void>> = new Set();
  readonly #latencies: number[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #startedAt: number = performance.now();
  readonly #perSecond: number;
  #next = 0;
  #total = 0;
  #reordered = 0;
  #failures = 0;
  #failure: unknown;

  constructor(keys: readonly string[], perSecond: number, count: Count) {
    this.#keys = keys;
    this.#perSecond = perSecond;
    this.#count = count;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Sends nothing more. @returns what became of all, once all are answered */
  async stop(): Promise<TrafficResult> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    return {
      sent: this.#total,
      reordered: this.#reordered,
      failures: this.#failures,
      failure: this.#failure,
      answerMsP99: percentile(this.#latencies, 0.99),
      answerMsMax: this.#latencies.reduce((most, ms) => Math.max(most, ms), 0),
    };
  }

  #tick(): void {
    const due = ((performance.now() - this.#startedAt) / 1_000) * this.#perSecond;
    while (this.#total < due) {
      const key = this.#keys[this.#next++ % this.#keys.length] as string;
      for (let i = 0; i < IN_A_ROW; i++) this.#send(key);
    }
  }

  #send(key: string): void {
    const number = (this.sent.get(key) ?? 0) + 1;
    this.sent.set(key, number);
    this.#total++;
    const at = performance.now();
    const sending = this.#count(key)
      .then((counted) => {
        this.#latencies.push(performance.now() - at);
        if (counted !== number) this.#reordered++;
      })
      .catch((error) => {
        this.#failures++;
        this.#failure ??= error;
      })
      .finally(() => this.#open.delete(sending));
    this.#open.add(sending);
  }
}
