import type { Point } from '../crash/points.ts';

/** Lets agents of all nodes but one go on at their points; those of that one gather, until all that are expected are there. */
export class Gate {
  readonly #node: string;
  readonly #expected: number;
  readonly #waiting: Map<string, () => void> = new Map();
  readonly #full: PromiseWithResolvers<void> = Promise.withResolvers();
  #open = false;

  constructor(node: string, expected: number) {
    this.#node = node;
    this.#expected = expected;
  }

  /** Resolves when all are there. */
  get full(): Promise<void> {
    return this.#full.promise;
  }

  /** An agent has reached a point. @returns when it may go on */
  reached({ key, node }: Point): true | Promise<void> {
    if (this.#open || node !== this.#node) return true;
    return new Promise((resolve) => {
      this.#waiting.set(key, resolve);
      if (this.#waiting.size >= this.#expected) this.#full.resolve();
    });
  }

  /** Whoever comes from now on may pass; those who wait go on waiting. */
  open(): void {
    this.#open = true;
  }

  /** Those who wait may go on. */
  release(): void {
    for (const go of this.#waiting.values()) go();
  }
}
