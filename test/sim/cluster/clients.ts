import { isTroupeError, type Random } from '../../../src/core/index.ts';
import { exponential, pick, stream } from '../plan.ts';
import type { Actor } from '../world.ts';
import { type Done, KINDS, type Work } from './agents.ts';
import type { Later } from './letters.ts';
import type { Machine } from './machine.ts';
import type { Surroundings } from './surroundings.ts';

/** How long a client waits for an answer before it asks elsewhere, ms. */
const PATIENCE_MS = 10_500;
const ASK_MS = 10_000;
/** Share of operations for which a client stays with its node. */
const FAITHFUL = 0.9;
/** Pause before an operation that failed is tried again, ms. */
const AGAIN_MS = 150;

/** How long a timer waits, at most, and the time between two rings of a schedule, ms. */
const RING_MS = 4_000;
const TICK_MS = [200, 1_500] as const;

/** What a client hears from a node that leaves, while nothing else goes wrong. */
const LEAVING: ReadonlySet<string> = new Set(['SHUTTING_DOWN', 'UNKNOWN_AGENT']);

/** Refusals after which the same request is simply made again. */
const PASSING: ReadonlySet<string> = new Set([
  'TIMEOUT',
  'NODE_UNAVAILABLE',
  'SHUTTING_DOWN',
  'NOT_OWNER',
  'OVERLOADED',
  'CANCELLED',
  // A node that has just begun may not know the kinds yet.
  'UNKNOWN_AGENT',
]);

/** One operation of a client. */
export interface Operation {
  readonly client: string;
  readonly kind: string;
  readonly key: string;
  readonly work: Work;
  /** By which lives of nodes it was asked, and when among all that were. */
  readonly asked: { readonly from: string; readonly order: number }[];
  /** Sent as a durable message: it is over for the client when the agent has it. */
  readonly posted: boolean;
  /** When the client heard so, among all events. */
  acceptedAt: number | undefined;
  /** What the agent answered; only that it has, when its reply is forgotten. */
  done: Done | 'forgotten' | undefined;
}

/**
 * A client outside the cluster: it asks by way of any node, and makes the same request again until it is answered.
 */
export class Client {
  readonly actor: Actor;
  readonly operations: Operation[] = [];
  readonly #shared: Surroundings;
  readonly #random: Random;
  #home: Machine | undefined;
  #open = 0;
  #stopped = false;

  constructor(number: number, shared: Surroundings) {
    this.#shared = shared;
    this.actor = { name: `c${number}`, life: 0, pausedUntil: 0 };
    this.#random = stream(shared.seed, `client ${number}`);
  }

  /** Operations that aren't answered. */
  get open(): number {
    return this.#open;
  }

  start(): void {
    const { plan, world } = this.#shared;
    const think = (): void => {
      if (this.#stopped) return;
      if (this.#open < plan.openMax) this.#begin();
      world.schedule(exponential(this.#random, plan.thinkMs), this.actor, think);
    };
    world.schedule(exponential(this.#random, plan.thinkMs), this.actor, think);
  }

  /** Begins nothing new. */
  stop(): void {
    this.#stopped = true;
  }

  #begin(): void {
    const { plan, tally } = this.#shared;
    const random = this.#random;
    const kind = pick(random, ['steady', 'steady', 'shaky', KINDS[2]]);
    const sink = kind !== 'sink' && random.next() < 0.5 ? `k${random.int(0, plan.keys)}` : undefined;
    const work: Work = {
      op: `${this.actor.name}-${this.operations.length + 1}`,
      steps: kind === 'sink' ? 0 : random.int(0, 4),
      beside: random.next() < 0.4,
      policy: random.next() < 0.6 ? 'reconcile' : 'retry',
      sink,
      notes: sink !== undefined && random.next() < 0.7,
      throws: kind === 'shaky' && random.next() < 0.08 ? pick(random, ['before', 'after']) : undefined,
      later: random.next() < 0.3 ? this.#later() : undefined,
    };
    const operation: Operation = {
      client: this.actor.name,
      kind,
      key: `k${random.int(0, plan.keys)}`,
      work,
      asked: [],
      posted: random.next() < 0.15,
      acceptedAt: undefined,
      done: undefined,
    };
    this.operations.push(operation);
    this.#open++;
    tally.count('operations');
    this.#try(operation);
  }

  #later(): Later {
    const { plan } = this.#shared;
    const random = this.#random;
    const count = random.int(0, 4);
    const letters = Array.from({ length: count }, () => ({
      kind: pick(random, KINDS),
      key: `k${random.int(0, plan.keys)}`,
    }));
    const timer = plan.timers ? random.next() : 1;
    return {
      letters,
      ringMs: timer < 0.4 ? random.int(0, RING_MS) : undefined,
      tickMs: timer < 0.15 ? random.int(...TICK_MS) : undefined,
    };
  }

  #try(operation: Operation): void {
    const { world, network, trace } = this.#shared;
    const machine = this.#anyNode();
    const again = (): void =>
      void world.schedule(AGAIN_MS * (0.5 + this.#random.next()), this.actor, () => this.#try(operation));
    if (machine === undefined) {
      again();
      return;
    }
    let settled = false;
    const settle = (act: () => void): void => {
      if (settled) return;
      settled = true;
      act();
    };
    const { op } = operation.work;
    trace.note(world.now, this.actor.name, 'asks', machine.id, op, operation.kind, operation.key);
    world.schedule(PATIENCE_MS, this.actor, () => settle(again));
    world.schedule(network.delay(this.actor.name, machine.id), machine.actor, () => {
      const { life } = machine.actor;
      const answer = (act: () => void): void => {
        if (life === machine.actor.life)
          world.schedule(network.delay(machine.id, this.actor.name), this.actor, () => settle(act), true);
      };
      const host = machine.node?.host;
      if (host === undefined) return answer(again);
      const { kind, key, work } = operation;
      operation.asked.push({ from: `${machine.id}#${machine.node?.life.self.incarnation}`, order: world.events });
      const heard = operation.posted
        ? host.send({ kind, key }, 'work', work, op).then(() => () => this.#accepted(operation))
        : host
            .ask({ kind, key }, 'work', work, { requestId: op, timeoutMs: ASK_MS })
            .then((value) => () => this.#done(operation, value as Done));
      heard.then(answer, (error: unknown) => answer(() => this.#failed(operation, error, again)));
    });
  }

  #done(operation: Operation, done: Done): void {
    const { world, trace, report } = this.#shared;
    trace.note(world.now, this.actor.name, 'has', done.op, done.count);
    if (done.op !== operation.work.op) report(`${operation.work.op} got the answer to ${done.op}`);
    operation.done = done;
    this.#open--;
  }

  #accepted(operation: Operation): void {
    const { world, trace } = this.#shared;
    trace.note(world.now, this.actor.name, 'has posted', operation.work.op);
    operation.acceptedAt = world.events;
    this.#open--;
  }

  #failed(operation: Operation, error: unknown, again: () => void): void {
    const { world, plan, trace, report, tally } = this.#shared;
    const { kind, key, work } = operation;
    const code = isTroupeError(error) ? error.code : 'none';
    const message = error instanceof Error ? error.message : String(error);
    trace.note(world.now, this.actor.name, 'hears', code, work.op);
    tally.count(`answers: ${code}`);
    // Pauses between restarts grow past any ask's patience.
    const crashed =
      kind === 'shaky' &&
      ((code === 'HANDLER_FAILED' && message === 'a whim') || code === 'ACTOR_TERMINATED' || code === 'TIMEOUT');
    if (code === 'REPLY_FORGOTTEN') {
      operation.done = 'forgotten';
      this.#open--;
    } else if (crashed || (plan.gentle ? LEAVING : PASSING).has(code)) again();
    else report(`${work.op} of ${kind}/${key} was answered ${code}: ${message}`);
  }

  /** Mostly the node of last time. */
  #anyNode(): Machine | undefined {
    const { machines } = this.#shared;
    const usable = (machine: Machine | undefined): boolean => machine?.state === 'up';
    if (usable(this.#home) && this.#random.next() < FAITHFUL) return this.#home;
    const up = [...machines.values()].filter(usable);
    this.#home = up.length === 0 ? undefined : pick(this.#random, up);
    return this.#home;
  }
}
