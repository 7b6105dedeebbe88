import { type ClientLimits, CoordinatorClient, type Voters } from '../../src/coordinator/index.ts';
import {
  fromWireError,
  isTroupeError,
  type Random,
  SeededRandom,
  TroupeError,
  toWireError,
} from '../../src/core/index.ts';
import { MachineClock } from './clocks.ts';
import { Violation } from './invariants.ts';
import type { Input, Operation, Output } from './linearizability.ts';
import type { Machine, Surroundings } from './machine.ts';
import { exponential, pick, stream } from './plan.ts';
import type { Actor, Event } from './world.ts';

/** A client that is as patient as the defaults, and looks at its deadlines less often: that costs an event each time. */
const LIMITS: Partial<ClientLimits> = {
  attemptMs: 2_000,
  retryMinMs: 20,
  retryMaxMs: 400,
  sweepMs: 500,
  sessionIdleMs: 30_000,
};

const CALL_MS = 6_000;

/** Operations of a client in a hurry, and the mean time between them, ms. */
const HURRIED_OPERATIONS = 6;
const HURRY_MS = 32;

/** Mean time between two reads of a contest, ms. */
const CONTEST_MS = 128;

/** Writes of a client to each machine that is elected during a contest. */
const CONTEST_WRITES = 3;

/** Operations of a rush. */
const RUSHED_OPERATIONS = 4;

/** Codes that say that nothing was done and nothing will be: the operation might as well not have been tried. */
const UNDONE = ['NO_QUORUM', 'OVERLOADED'];

/** What the clients of a run have in common: the history, and what is known to be written. */
export class History {
  readonly operations: Operation[] = [];
  /** Counts calls and returns: an order of them all. */
  #moment = 0;
  #values = 0;
  /** Newest version that anybody was told of, by key. */
  readonly versions: Map<string, number> = new Map();

  moment(): number {
    return ++this.#moment;
  }

  /** A value that was never written before. */
  value(fillerBytes: number): string {
    return `v${++this.#values}${'.'.repeat(fillerBytes)}`;
  }
}

/**
 * A program on a machine of its own that writes and reads, one operation after the other: puts, compare-and-sets and deletes
 * through sessions; reads from the leader, from followers and under the leader's lease. What isn't answered in time is unknown.
 */
export class Client {
  readonly actor: Actor;
  readonly #shared: Surroundings;
  readonly #history: History;
  readonly #number: number;
  readonly #random: Random;
  readonly #clock: MachineClock;
  readonly #coordinator: CoordinatorClient;
  /** Clients that know one voter only. */
  readonly #alones: Map<string, CoordinatorClient> = new Map();
  #next: Event | undefined;
  /** Operations that it does without a pause between them, and the machine that it reads from meanwhile. */
  #hurried = 0;
  #reading: Machine | undefined;
  /** A machine that may believe that it leads though another does. */
  #contest: { readonly machine: Machine; readonly key: string; readonly untilMs: number } | undefined;
  #stopped = false;
  #busy = false;
  /** Operations that aren't answered. */
  #open = 0;

  constructor(number: number, shared: Surroundings, history: History) {
    this.actor = { name: `c${number}`, life: 0, pausedUntil: 0 };
    this.#shared = shared;
    this.#history = history;
    this.#number = number;
    this.#random = stream(shared.seed, `client ${number}`);
    this.#clock = new MachineClock(shared.world, this.actor, shared.plan.drift());
    this.#coordinator = this.#connect([...shared.machines.keys()]);
  }

  /** Works until `stop`. */
  start(): void {
    this.#nextIn(exponential(this.#random, this.#shared.plan.thinkMs));
  }

  /** Does its next few operations one right after the other: half of the clients read from `machine`, when `inMs` have passed. */
  hurry(machine: Machine, inMs: number): void {
    if (this.#random.next() < 0.5) return;
    this.#hurried = HURRIED_OPERATIONS;
    const reads = this.#random.next() < 0.5;
    this.#reading = reads ? machine : undefined;
    const { tickMs, electionTicks } = this.#shared.plan;
    const soon = inMs > 0 ? inMs - HURRY_MS / 2 : pick(this.#random, [0, tickMs * electionTicks * this.#random.next()]);
    if (!this.#busy) this.#nextIn(this.#random.next() * HURRY_MS + (reads ? soon : 0));
  }

  /** Writes several keys at once, now and then. */
  rush(): void {
    if (this.#stopped || this.#random.next() < 0.8) return;
    for (let i = 0; i < RUSHED_OPERATIONS; i++) {
      const work = this.write(`k${this.#random.int(0, this.#shared.plan.keys)}`);
      work.catch((error: unknown) => this.#shared.invariants.report(error));
    }
  }

  /** Until virtual time `untilMs` reads `key` from `machine`, and writes it to whoever else is elected meanwhile. */
  contest(machine: Machine, key: string, untilMs: number): void {
    if (this.#random.next() < 0.4) return;
    this.#contest = { machine, key, untilMs };
    // A read that hangs must not keep the next from coming.
    this.#keepOn(
      untilMs,
      CONTEST_MS,
      Number.POSITIVE_INFINITY,
      async () => void this.#heard(this.#readAt(machine, key)),
    );
  }

  /** Another machine may not know yet that this one leads. */
  elected(machine: Machine): void {
    if (this.#contest === undefined || this.#contest.machine === machine) return;
    const { key, untilMs } = this.#contest;
    this.#keepOn(untilMs, HURRY_MS, CONTEST_WRITES, () => this.#heard(this.#writeAt(machine, key)));
  }

  /** Operates again and again, `meanMs` apart. */
  #keepOn(untilMs: number, meanMs: number, times: number, operate: () => Promise<void>): void {
    const { world } = this.#shared;
    world.schedule(exponential(this.#random, meanMs), this.actor, () => {
      if (this.#stopped || world.now >= untilMs || times === 0) return;
      void operate().then(() => this.#keepOn(untilMs, meanMs, times - 1, operate));
    });
  }

  /** Operations report for themselves, but for what should never be thrown. */
  async #heard(work: Promise<boolean>): Promise<void> {
    await work.catch((error: unknown) => this.#shared.invariants.report(error));
  }

  /** Begins nothing new. */
  stop(): void {
    this.#stopped = true;
  }

  /** Whether an operation isn't answered yet. */
  get busy(): boolean {
    return this.#open > 0;
  }

  close(): void {
    this.#coordinator.close();
    for (const alone of this.#alones.values()) alone.close();
  }

  /** Reads a key through the leader. @returns whether an answer came */
  read(key: string): Promise<boolean> {
    return this.#record(key, { kind: 'get' }, async () =>
      toRead(await this.#coordinator.query('kv.get', { key }, { timeoutMs: CALL_MS })),
    );
  }

  /** Writes a value to a key. @returns whether an answer came */
  write(key: string): Promise<boolean> {
    const value = this.#value();
    return this.#record(key, { kind: 'put', value }, () => this.#put(key, value, undefined));
  }

  #nextIn(delayMs: number): void {
    if (this.#next !== undefined) this.#next.run = undefined;
    this.#next = this.#shared.world.schedule(delayMs, this.actor, () => this.#work());
  }

  #work(): void {
    this.#next = undefined;
    if (this.#stopped) return;
    this.#busy = true;
    this.#operate()
      .catch((error: unknown) => this.#shared.invariants.report(error))
      .finally(() => {
        this.#busy = false;
        if (this.#hurried > 0) this.#hurried--;
        else this.#reading = undefined;
        this.#nextIn(exponential(this.#random, this.#hurried > 0 ? HURRY_MS : this.#shared.plan.thinkMs));
      });
  }

  #operate(): Promise<boolean> {
    const random = this.#random;
    const key = `k${random.int(0, this.#shared.plan.keys)}`;
    const reading = this.#reading;
    if (reading !== undefined) return this.#readAt(reading, key);
    const dice = random.next();
    if (dice < 0.25) return this.write(key);
    if (dice < 0.45) {
      const value = this.#value();
      const expect = this.#history.versions.get(key) ?? 0;
      return this.#record(key, { kind: 'put', value, expect }, () => this.#put(key, value, expect));
    }
    if (dice < 0.5) return this.#record(key, { kind: 'delete' }, () => this.#delete(key));
    if (dice < 0.7) return this.read(key);
    const machine = pick(random, [...this.#shared.machines.values()]);
    if (dice < 0.85) return this.#record(key, { kind: 'get' }, () => this.#readFrom(machine, key));
    return this.#record(key, { kind: 'get' }, () => this.#readUnderLease(machine, key));
  }

  #value(): string {
    const { fillerBytesMax } = this.#shared.plan;
    return this.#history.value(fillerBytesMax === 0 ? 0 : this.#random.int(0, fillerBytesMax));
  }

  async #put(key: string, value: string, expect: number | undefined, through = this.#coordinator): Promise<Output> {
    const request = { key, value: Buffer.from(value), ...(expect === undefined ? {} : { expect }) };
    const { version } = await through.execute('kv.put', request, { timeoutMs: CALL_MS });
    return { kind: 'written', version };
  }

  async #delete(key: string): Promise<Output> {
    await this.#coordinator.execute('kv.delete', { key }, { timeoutMs: CALL_MS });
    return { kind: 'written' };
  }

  /** Reads from one machine, most often under a lease when there are leases. */
  #readAt(machine: Machine, key: string): Promise<boolean> {
    const lease = this.#shared.plan.leaseReads && this.#random.next() < 0.7;
    return this.#record(key, { kind: 'get' }, () =>
      lease ? this.#readUnderLease(machine, key) : this.#readFrom(machine, key),
    );
  }

  /** A linearizable read by one voter, which may be a follower. */
  async #readFrom(machine: Machine, key: string): Promise<Output> {
    return toRead(await this.#alone(machine).query('kv.get', { key }, { timeoutMs: CALL_MS / 2 }));
  }

  /** Writes through one voter. */
  #writeAt(machine: Machine, key: string): Promise<boolean> {
    const value = this.#value();
    return this.#record(key, { kind: 'put', value }, () => this.#put(key, value, undefined, this.#alone(machine)));
  }

  /** A client that knows this voter only. */
  #alone(machine: Machine): CoordinatorClient {
    const known = this.#alones.get(machine.id) ?? this.#connect([machine.id]);
    this.#alones.set(machine.id, known);
    return known;
  }

  /** A read under a leader's lease, if it has one. */
  async #readUnderLease(machine: Machine, key: string): Promise<Output> {
    const answer = await this.#call(machine, CALL_MS / 2, async () => {
      const { member, ledger } = machine.running ?? unavailable(machine.id);
      await member.barrier({ lease: true });
      return ledger.query('kv.get', { key });
    });
    return toRead(answer);
  }

  /** Does an operation and writes down what it said. @returns whether an answer came */
  async #record(key: string, input: Input, work: () => Promise<Output>): Promise<boolean> {
    const { trace, world, tally } = this.#shared;
    const history = this.#history;
    const head = { client: this.#number, key, call: history.moment(), input };
    trace.note(
      world.now,
      this.actor.name,
      input.kind,
      key,
      'value' in input ? input.value.replace(/\.+$/, '') : undefined,
    );
    let output: Output;
    this.#open++;
    try {
      output = await work();
    } catch (error) {
      const refusal = refused(error);
      if (refusal === undefined) {
        this.#failed(error, head);
        return false;
      }
      output = refusal;
    } finally {
      this.#open--;
    }
    tally.count(`operations: ${input.kind}`);
    trace.note(world.now, this.actor.name, 'got', output.kind, output.version);
    if (output.version !== undefined && output.version >= (history.versions.get(key) ?? 0))
      history.versions.set(key, output.version);
    history.operations.push({ ...head, return: history.moment(), output });
    return true;
  }

  #failed(error: unknown, head: { client: number; key: string; call: number; input: Input }): void {
    const { tally, trace, world } = this.#shared;
    if (!isTroupeError(error)) throw error;
    trace.note(world.now, this.actor.name, 'failed', error.code);
    if (head.input.kind === 'get' || UNDONE.includes(error.code)) {
      if (error.code === 'INVARIANT_VIOLATED') throw error;
      tally.count('operations: failed');
    } else if (['TIMEOUT', 'SESSION_EXPIRED'].includes(error.code)) {
      tally.count('operations: unknown');
      this.#history.operations.push({ ...head, return: Number.POSITIVE_INFINITY });
    } else throw new Violation(`${this.actor.name} was told ${error.code} (${error.message}), which makes no sense`);
  }

  #connect(voters: readonly string[]): CoordinatorClient {
    const { seed } = this.#shared;
    const transport: Voters = {
      call: (to, kind, body, timeoutMs, traceparent) => {
        const machine = this.#shared.machines.get(to) as Machine;
        const serve = () => (machine.running ?? unavailable(to)).server.call(kind, body, traceparent);
        return this.#call(machine, timeoutMs, serve);
      },
      // biome-ignore lint/correctness/useYield: nobody watches
      watch: async function* () {
        throw new TroupeError('NODE_UNAVAILABLE', 'watches are not simulated');
      },
    };
    const random = new SeededRandom(stream(seed, `${this.actor.name} ${voters.join()}`).int(0, 2 ** 31));
    return new CoordinatorClient({
      self: this.actor.name,
      voters,
      transport,
      clock: this.#clock,
      random,
      limits: LIMITS,
    });
  }

  /** Has `serve` done on a machine when the request arrives there; the first answer to arrive here counts. */
  #call<T>(machine: Machine, timeoutMs: number, serve: () => Promise<T>): Promise<T> {
    const { network } = this.#shared;
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new TroupeError('TIMEOUT', `no answer from ${machine.id}`));
      const timer = this.#clock.schedule(timeoutMs, late);
      const settle = (how: () => void): void =>
        network.carry(machine.actor, this.actor, () => {
          timer.cancel();
          how();
        });
      let served: Promise<T> | undefined;
      network.carry(this.actor, machine.actor, () => {
        // A connection brings a request once, else a refusal could not be believed: its copies fetch the same answer.
        served ??= (async () => serve())();
        served.then(
          (answer) => settle(() => resolve(answer)),
          (error) => settle(() => reject(fromWireError(toWireError(error)))),
        );
      });
    });
  }
}

function toRead(found: { readonly value: Uint8Array; readonly version: number } | undefined): Output {
  if (found === undefined) return { kind: 'read', value: undefined, version: 0 };
  return { kind: 'read', value: Buffer.from(found.value).toString(), version: found.version };
}

function refused(error: unknown): Output | undefined {
  if (!isTroupeError(error, 'CONFLICT')) return undefined;
  return { kind: 'refused', version: Number(error.data.version) };
}

function unavailable(id: string): never {
  throw new TroupeError('NODE_UNAVAILABLE', `${id} is down`);
}
