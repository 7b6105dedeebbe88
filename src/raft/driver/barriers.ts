import { isTroupeError, TroupeError } from '../../core/index.ts';

interface Waiter {
  readonly resolve: (index: number) => void;
  readonly reject: (error: unknown) => void;
}

/** Calls of one turn, which share one question to the quorum. */
interface Group {
  readonly waiters: readonly Waiter[];
  /** Ticks since the first question. */
  age: number;
  /** What must be applied, once the quorum has said. */
  index: number | undefined;
}

/** What barriers need of the member. */
export interface BarrierContext {
  /** Asks the quorum under a number of its own; the answer comes to `answered`. May throw NOT_LEADER, OVERLOADED. */
  ask(context: number): void;
  applied(): number;
  /** Ticks after which an unanswered question is put again. */
  readonly askAgainTicks: number;
  /** Ticks after which a barrier gives up. */
  readonly ticksMax: number;
  /** Barriers that may wait. */
  readonly waitingMax: number;
}

/**
 * Linearizable read barriers. Those asked for in one turn share a question; a question is put again, under a new number, when
 * the leader changes or no answer comes. Asking later is always safe: it can only ask for more to be applied.
 */
export class Barriers {
  readonly #context: BarrierContext;
  #fresh: Waiter[] = [];
  readonly #asked: Map<number, Group> = new Map();
  #applying: Group[] = [];
  #waiting = 0;
  #lastContext = 0;

  constructor(context: BarrierContext) {
    this.#context = context;
  }

  /** @param flush called in a microtask after the first of a turn; it is to call `askFresh` */
  wait(flush: () => void): Promise<number> {
    if (this.#waiting >= this.#context.waitingMax) {
      return Promise.reject(new TroupeError('OVERLOADED', `${this.#waiting} reads are waiting`));
    }
    this.#waiting++;
    return new Promise((resolve, reject) => {
      this.#fresh.push({ resolve, reject });
      if (this.#fresh.length === 1) queueMicrotask(flush);
    });
  }

  /** Puts the question of those that came in this turn. */
  askFresh(): void {
    if (this.#fresh.length === 0) return;
    const group: Group = { waiters: this.#fresh, age: 0, index: undefined };
    this.#fresh = [];
    try {
      this.#ask(group);
    } catch (error) {
      this.#reject(group, error);
    }
  }

  /** The quorum's answer. */
  answered(context: number, index: number): void {
    const group = this.#asked.get(context);
    if (group === undefined) return;
    this.#asked.delete(context);
    group.index = index;
    this.#applying.push(group);
    this.advance();
  }

  /** More may have been applied. */
  advance(): void {
    if (this.#applying.length === 0) return;
    const applied = this.#context.applied();
    this.#applying = this.#applying.filter((group) => {
      if ((group.index as number) > applied) return true;
      this.#waiting -= group.waiters.length;
      for (const waiter of group.waiters) waiter.resolve(group.index as number);
      return false;
    });
  }

  /** The leader changed: earlier questions went to one that may not answer. */
  askAgain(): void {
    const groups = [...this.#asked.values()];
    this.#asked.clear();
    for (const group of groups) this.#retry(group);
  }

  tick(): void {
    const { askAgainTicks, ticksMax } = this.#context;
    for (const [context, group] of [...this.#asked]) {
      group.age++;
      if (group.age < ticksMax && group.age % askAgainTicks !== 0) continue;
      this.#asked.delete(context);
      if (group.age < ticksMax) this.#retry(group);
      else this.#reject(group, new TroupeError('TIMEOUT', 'no quorum answered the read'));
    }
    this.#applying = this.#applying.filter((group) => {
      if (++group.age < ticksMax) return true;
      this.#reject(group, new TroupeError('TIMEOUT', 'the state machine is too far behind'));
      return false;
    });
  }

  /** Fails all that wait. */
  dropAll(error: unknown): void {
    const fresh: Group = { waiters: this.#fresh, age: 0, index: undefined };
    const groups = [fresh, ...this.#asked.values(), ...this.#applying];
    this.#fresh = [];
    this.#asked.clear();
    this.#applying = [];
    for (const group of groups) this.#reject(group, error);
  }

  #ask(group: Group): void {
    const context = ++this.#lastContext;
    this.#asked.set(context, group);
    try {
      this.#context.ask(context);
    } catch (error) {
      this.#asked.delete(context);
      throw error;
    }
  }

  /** Without a leader the group stays under a number that nobody answers, until the next try. */
  #retry(group: Group): void {
    try {
      this.#ask(group);
    } catch (error) {
      if (isTroupeError(error, 'NOT_LEADER')) this.#asked.set(++this.#lastContext, group);
      else this.#reject(group, error);
    }
  }

  #reject(group: Group, error: unknown): void {
    this.#waiting -= group.waiters.length;
    for (const waiter of group.waiters) waiter.reject(error);
  }
}
