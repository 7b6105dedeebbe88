import {
  ActorSystem,
  type ActorSystemOptions,
  type BehaviorFactory,
  type Ref,
  type SpawnOptions,
} from '../actor/index.ts';
import { SeededRandom } from '../core/index.ts';
import { ManualClock } from './clock.ts';
import { Probe } from './probe.ts';

/** Longer than any stop of an actor may take with default limits, ms. */
const SHUTDOWN_MS = 60_000;

/** How a test system is made: as any, but for time and chance, which are its own. */
export interface TestSystemOptions extends Omit<ActorSystemOptions, 'clock' | 'random' | 'turns'> {
  /** Chooses the order of turns, and everything else that is up to chance. Without it turns come in order. */
  readonly seed?: number;
}

/**
 * An actor system in virtual time: nothing happens unless the test lets time pass, and each run is the same.
 *
 * @example
 * await using kit = new TestSystem();
 * const greeter = kit.spawn(() => ({ receive: ({ name, to }: Greet) => void to.tell(`hello ${name}`) }));
 */
export class TestSystem implements AsyncDisposable {
  readonly clock: ManualClock = new ManualClock();
  readonly seed: number | undefined;
  /** Chance for the test's own use, of the same seed. */
  readonly random: SeededRandom;
  readonly system: ActorSystem;

  /** @throws TroupeError INVALID_ARGUMENT when an option can't work */
  constructor(options: TestSystemOptions = {}) {
    const { seed, ...rest } = options;
    this.seed = seed;
    this.random = new SeededRandom(seed ?? 1);
    const chance = { random: new SeededRandom(this.random.int(0, 2 ** 32)) };
    const turns = seed === undefined ? {} : { turns: new SeededRandom(this.random.int(0, 2 ** 32)) };
    this.system = new ActorSystem({ ...rest, ...chance, ...turns, clock: this.clock });
  }

  /** Starts a top-level actor; see `ActorSystem.spawn`. */
  spawn<M>(factory: BehaviorFactory<M>, options?: SpawnOptions<M>): Ref<M> {
    return this.system.spawn(factory, options);
  }

  /** An actor that the test holds in its hand; what it expects lets time pass. */
  probe<M>(name?: string): Probe<M> {
    return new Probe(this.system, (done, limitMs) => this.clock.advanceUntil(done, limitMs), name);
  }

  /** Lets time pass, ms. */
  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  /** Lets everything happen that takes no time. */
  settle(): Promise<void> {
    return this.clock.settle();
  }

  /** Stops all actors, and lets the time pass that this takes. */
  async [Symbol.asyncDispose](): Promise<void> {
    let stopped = false;
    void this.system.shutdown().then(() => {
      stopped = true;
    });
    await this.clock.advanceUntil(() => stopped, SHUTDOWN_MS);
  }
}
