import type { Clock, Timer } from '../../src/core/index.ts';
import type { Actor, World } from './world.ts';

/** Wall-clock time at virtual time 0, ms since 1970. */
const EPOCH_MS = 1_700_000_000_000;

/** How wrong a machine's clock is. */
export interface ClockDrift {
  /** Its seconds for each true one; 1.01 is 1 % fast. */
  readonly rate: number;
  /** How far its wall clock is ahead, ms. */
  readonly offsetMs: number;
}

/** One machine's clock: runs at its own rate from its own offset, and stops for nobody. Timers die with the life that set them. */
export class MachineClock implements Clock {
  readonly #world: World;
  readonly #actor: Actor;
  readonly #drift: ClockDrift;
  #jumpedMs = 0;

  constructor(world: World, actor: Actor, drift: ClockDrift) {
    this.#world = world;
    this.#actor = actor;
    this.#drift = drift;
  }

  now(): number {
    return Math.floor(EPOCH_MS + this.#drift.offsetMs + this.#jumpedMs + this.#world.now * this.#drift.rate);
  }

  /** Somebody sets the wall clock. */
  jump(byMs: number): void {
    this.#jumpedMs += byMs;
  }

  monotonic(): number {
    return this.#world.now * this.#drift.rate;
  }

  schedule(delayMs: number, fn: () => void): Timer {
    const event = this.#world.schedule(delayMs / this.#drift.rate, this.#actor, fn);
    return {
      cancel: () => {
        event.run = undefined;
      },
    };
  }

  repeat(periodMs: number, fn: () => void): Timer {
    let timer = this.schedule(periodMs, tick);
    const clock = this;
    function tick(): void {
      timer = clock.schedule(periodMs, tick);
      fn();
    }
    return { cancel: () => timer.cancel() };
  }

  yieldThen(fn: () => void): void {
    this.#world.schedule(0, this.#actor, fn);
  }
}
