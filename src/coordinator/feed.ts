import type { ServerLimits } from './limits.ts';

/**
 * A bounded ring of recent frames that any number of followers read at their own pace. A follower that lags behind the ring
 * starts again from the opening frames. With no followers nothing is kept.
 */
export class Feed {
  readonly #limits: ServerLimits;
  readonly #opening: () => readonly Uint8Array[];
  readonly #slots: (Uint8Array | undefined)[];
  readonly #wakes: Set<() => void> = new Set();
  /** Positions of frames kept: [first, next). */
  #first = 0;
  #next = 0;
  #bytes = 0;
  #followers = 0;

  /** @param opening makes the frames that stand for everything before now */
  constructor(limits: ServerLimits, opening: () => readonly Uint8Array[]) {
    this.#limits = limits;
    this.#opening = opening;
    this.#slots = new Array(limits.feedDeliveriesMax);
  }

  /** Whether anybody would read a frame: a caller needn't encode one otherwise. */
  get followed(): boolean {
    return this.#followers > 0;
  }

  /** Adds a frame. */
  push(frame: Uint8Array): void {
    if (!this.followed) return;
    const { feedDeliveriesMax, feedBytesMax } = this.#limits;
    this.#slots[this.#next % feedDeliveriesMax] = frame;
    this.#next++;
    this.#bytes += frame.byteLength;
    while (this.#next - this.#first >= feedDeliveriesMax || this.#bytes > feedBytesMax) this.#forget();
    this.#wake();
  }

  /** What was pushed no longer leads to the present: every follower starts again. */
  reset(): void {
    this.#next++;
    while (this.#first < this.#next) this.#forget();
    this.#wake();
  }

  /** Opening frames, then each frame pushed afterwards, in order, until `signal` fires. */
  async *follow(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    let cursor = -1;
    this.#followers++;
    try {
      while (!signal.aborted) {
        if (cursor < this.#first) {
          const opening = this.#opening();
          cursor = this.#next;
          // A frame pushed while the opening is being read may be forgotten again: the loop then starts over.
          yield* opening;
        } else if (cursor < this.#next) {
          yield this.#slots[cursor++ % this.#limits.feedDeliveriesMax] as Uint8Array;
        } else await this.#changed(signal);
      }
    } finally {
      this.#followers--;
      if (this.#followers === 0) while (this.#first < this.#next) this.#forget();
    }
  }

  #forget(): void {
    const slot = this.#first % this.#limits.feedDeliveriesMax;
    this.#bytes -= this.#slots[slot]?.byteLength ?? 0;
    this.#slots[slot] = undefined;
    this.#first++;
  }

  #wake(): void {
    const wakes = [...this.#wakes];
    this.#wakes.clear();
    for (const wake of wakes) wake();
  }

  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        this.#wakes.delete(wake);
        resolve();
      };
      this.#wakes.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
