import type { Random } from '../core/index.ts';
import type { ReadyQueue, Runnable } from './dispatcher.ts';

/**
 * Gives the next turn to any of those who are ready, and a turn is one message: every order of turns that the kernel's promises
 * allow can happen. Only the order per sender and receiver is kept, as always.
 */
export class RandomTurns implements ReadyQueue {
  readonly #random: Random;
  readonly #ready: Runnable[] = [];

  /** @param random chooses; the same choices give the same run */
  constructor(random: Random) {
    this.#random = random;
  }

  push(runnable: Runnable): void {
    this.#ready.push(runnable);
  }

  shift(): Runnable | undefined {
    if (this.#ready.length === 0) return undefined;
    const [chosen] = this.#ready.splice(this.#random.int(0, this.#ready.length), 1);
    return { step: () => chosen?.step(1) ?? 0 };
  }
}
