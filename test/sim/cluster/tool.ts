import type { StepFinding } from '../../../src/agent/index.ts';
import { type NodeRef, type Random, TroupeError } from '../../../src/core/index.ts';
import { exponential } from '../plan.ts';
import type { Actor } from '../world.ts';
import type { Surroundings } from './surroundings.ts';

/** One run of a turn, which may be one of many of the same message. */
export interface Attempt {
  readonly number: number;
  readonly machine: Actor;
}

/**
 * The world outside the cluster: what agents' steps do. It does whatever it is told, however often, and keeps count. Whoever asks what became of
 * a step has it settled: calls of other runs that are still on their way are refused from then on, or `notDone` could be no promise.
 */
export class Tool {
  /** How often each step had its effect, by operation and step. */
  readonly effects: Map<string, number> = new Map();
  /** The keys under which a step came. */
  readonly keys: Map<string, Set<string>> = new Map();
  /** Called when a step has had its effect, and its machine doesn't know yet. */
  onEffect: (machine: Actor) => void = () => undefined;
  readonly #done: Map<string, string> = new Map();
  /** By key, the one run whose calls are still taken. */
  readonly #settledBy: Map<string, number> = new Map();
  readonly #shared: () => Surroundings;
  readonly #random: Random;
  readonly #actor: Actor = { name: 'tool', life: 0, pausedUntil: 0 };
  #attempts = 0;

  constructor(shared: () => Surroundings, random: Random) {
    this.#shared = shared;
    this.#random = random;
  }

  /** A turn begins to run. */
  attempt({ node }: NodeRef): Attempt {
    const machine = this.#shared().machines.get(node)?.actor as Actor;
    return { number: ++this.#attempts, machine };
  }

  /** Has its effect, each time; only the key and `find` keep it from happening twice. */
  perform(attempt: Attempt, key: string, label: string): Promise<string> {
    return this.#visit(attempt, () => {
      const settledBy = this.#settledBy.get(key);
      if (settledBy !== undefined && settledBy !== attempt.number) {
        throw new TroupeError('NODE_UNAVAILABLE', 'the tool has been told that this run is over');
      }
      this.#count(attempt, label, key);
      this.effects.set(label, (this.effects.get(label) ?? 0) + 1);
      this.#done.set(key, label);
      return label;
    });
  }

  /** Has its effect the first time that it sees the key. */
  once(attempt: Attempt, key: string, label: string): Promise<string> {
    return this.#visit(attempt, () => {
      this.#count(attempt, label, key);
      if (!this.#done.has(key)) this.effects.set(label, (this.effects.get(label) ?? 0) + 1);
      this.#done.set(key, label);
      return label;
    });
  }

  /** What became of a step, for good. */
  find(attempt: Attempt, key: string): Promise<StepFinding<string>> {
    return this.#visit(attempt, () => {
      this.#settledBy.set(key, attempt.number);
      this.#shared().tally.count('steps reconciled');
      const done = this.#done.get(key);
      return done === undefined ? { notDone: true } : { done };
    });
  }

  #count({ machine }: Attempt, label: string, key: string): void {
    const { trace, world } = this.#shared();
    trace.note(world.now, 'tool', label, key);
    const keys = this.keys.get(label) ?? new Set();
    this.keys.set(label, keys.add(key));
    this.onEffect(machine);
  }

  /** There and back; only a machine that lives hears the answer. */
  #visit<T>({ machine }: Attempt, work: () => T): Promise<T> {
    const { world, plan } = this.#shared();
    const { life } = machine;
    const way = (): number => exponential(this.#random, plan.toolMs / 2);
    return new Promise((resolve, reject) => {
      world.schedule(way(), this.#actor, () => {
        let answer: () => void;
        try {
          const value = work();
          answer = () => resolve(value);
        } catch (error) {
          answer = () => reject(error);
        }
        if (life === machine.life) world.schedule(way(), machine, answer);
      });
    });
  }
}
