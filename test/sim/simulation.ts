import { Client, History } from './clients.ts';
import { Faults } from './faults.ts';
import { Invariants, Violation } from './invariants.ts';
import { checkLinearizable, describeViolation } from './linearizability.ts';
import { Machine, type Surroundings } from './machine.ts';
import { Network } from './network.ts';
import { planOf, stream } from './plan.ts';
import { Tally } from './tally.ts';
import { Trace } from './trace.ts';
import { World } from './world.ts';

/** What may be told of a run besides its seed. */
export interface SimOptions {
  /** How many voters it begins with; drawn from the seed by default. */
  readonly voters?: number;
}

/** What one seed came to. */
export interface SimResult {
  readonly seed: number;
  readonly ok: boolean;
  /** What was wrong. */
  readonly reason?: string;
  /** The last lines of the trace, when something was wrong. */
  readonly tail: readonly string[];
  /** Equal for equal runs. */
  readonly traceHash: string;
  /** Virtual time that passed, ms. */
  readonly simulatedMs: number;
  readonly events: number;
  /** How often each fault came, and what else is worth counting. */
  readonly counts: Readonly<Record<string, number>>;
  /** Operations that the checker was given. */
  readonly operations: number;
}

/** Far more than any seed needs. */
const EVENTS_MAX = 500_000;

/** Virtual time within which a cluster without faults must be one again, ms. */
const CONVERGE_MS = 60_000;

/**
 * Runs the whole coordinator on several machines under the faults that the seed draws, checks what must hold after each event,
 * lets the cluster mend, and checks what its clients saw.
 *
 * @param seed any whole number
 */
export async function runSeed(seed: number, options: SimOptions = {}): Promise<SimResult> {
  const { stackTraceLimit } = Error;
  // Refusals are everyday here, and their stacks cost more than the rest of them.
  Error.stackTraceLimit = 0;
  const simulation = new Simulation(seed, options);
  const unheard = (error: unknown): void => simulation.unheard(error);
  process.on('unhandledRejection', unheard);
  try {
    return await simulation.run();
  } finally {
    process.off('unhandledRejection', unheard);
    Error.stackTraceLimit = stackTraceLimit;
    simulation.close();
  }
}

/** Election time-outs within which an election that was under way when faults stopped has ended. */
const SETTLE_ELECTIONS = 3;

/** Election time-outs for which a cluster without faults is looked at. */
const REST_ELECTIONS = 6;

class Simulation {
  readonly #shared: Surroundings;
  readonly #history = new History();
  #clients: readonly Client[] = [];
  readonly #faults: Faults;

  constructor(seed: number, options: SimOptions) {
    const plan = planOf(seed, options.voters);
    const world = new World(stream(seed, 'world'));
    const tally = new Tally();
    const machines: Surroundings['machines'] = new Map();
    this.#shared = {
      seed,
      plan,
      world,
      tally,
      machines,
      network: new Network(world, stream(seed, 'network'), plan.links, tally),
      invariants: new Invariants(plan.voters),
      trace: new Trace(),
      clients: Array.from({ length: plan.clients }, (_, i) => `c${i + 1}`),
      unrest: (machine, inMs) => {
        for (const client of this.#clients) client.hurry(machine, inMs);
      },
      contest: (machine, untilMs) => {
        const key = `k${world.events % plan.keys}`;
        for (const client of this.#clients) client.contest(machine, key, untilMs);
      },
      elected: (machine) => {
        this.#faults.elected();
        for (const client of this.#clients) client.elected(machine);
      },
      rush: () => {
        for (const client of this.#clients) client.rush();
      },
    };
    for (const id of [...plan.voters, ...plan.spares]) machines.set(id, new Machine(id, this.#shared));
    this.#clients = Array.from({ length: plan.clients }, (_, i) => new Client(i + 1, this.#shared, this.#history));
    this.#faults = new Faults(this.#shared);
    world.afterEvent = (actor) => {
      const machine = machines.get(actor.name);
      if (machine !== undefined) machine.check();
      // What the operator or a client does may reach any of them.
      else for (const each of machines.values()) each.check();
    };
  }

  async run(): Promise<SimResult> {
    const { seed, plan, world, invariants, trace, tally, machines } = this.#shared;
    try {
      for (const id of plan.voters) machines.get(id)?.start();
      for (const client of this.#clients) client.start();
      this.#faults.start();
      await this.#pass(plan.activeMs);
      this.#faults.stop();
      for (const client of this.#clients) client.stop();
      await this.#mend();
      await this.#rest();
      await this.#readAll();
      await this.#mend();
      this.#compareLedgers();
      this.#judge();
    } catch (error) {
      invariants.report(error);
    }
    const reason = invariants.violation?.message;
    return {
      seed,
      ok: reason === undefined,
      ...(reason === undefined ? {} : { reason }),
      tail: reason === undefined ? [] : trace.tail,
      traceHash: trace.hash,
      simulatedMs: world.now,
      events: world.events,
      counts: tally.counts,
      operations: this.#history.operations.length,
    };
  }

  /** A promise was rejected and nobody listens: that would end a node. */
  unheard(error: unknown): void {
    this.#shared.invariants.report(error instanceof Violation ? error : new Violation(`nobody listens to ${error}`));
  }

  close(): void {
    for (const client of this.#clients) client.close();
    for (const machine of this.#shared.machines.values()) machine.close();
  }

  /** Lets time pass. */
  async #pass(forMs: number, done: () => boolean = () => false): Promise<void> {
    const { world, invariants } = this.#shared;
    await world.run(world.now + forMs, () => invariants.violation !== undefined || world.events > EVENTS_MAX || done());
    if (world.events > EVENTS_MAX)
      throw new Violation(`more than ${EVENTS_MAX} events: something goes round and round`);
    if (invariants.violation !== undefined) throw invariants.violation;
  }

  /** Without faults there is soon one leader, and every member has everything. */
  async #mend(): Promise<void> {
    let apart: string | undefined;
    await this.#pass(CONVERGE_MS, () => {
      apart = this.#clients.some(({ busy }) => busy) ? 'a client still waits' : this.#apart();
      return apart === undefined;
    });
    if (apart !== undefined) throw new Violation(`after ${CONVERGE_MS / 1000} s without faults ${apart}`);
  }

  /** Without faults nobody has a reason to be elected: who was removed, or once cut off, deposes no leader. */
  async #rest(): Promise<void> {
    const { tickMs, electionTicks } = this.#shared.plan;
    const leads = (): string => {
      const { id, running } = this.#leader as Machine;
      return `${id} leads term ${running?.member.status.term}`;
    };
    // A transfer that was under way when faults stopped may still be.
    await this.#pass(SETTLE_ELECTIONS * electionTicks * tickMs);
    await this.#mend();
    const before = leads();
    await this.#pass(REST_ELECTIONS * electionTicks * tickMs);
    // A client's sign of life may be on its way just now.
    await this.#mend();
    if (leads() !== before) throw new Violation(`${before}, and without a fault ${leads()}`);
  }

  /** Who leads, of the latest term. */
  get #leader(): Machine | undefined {
    const leading = [...this.#shared.machines.values()].filter(
      ({ running }) => running?.member.status.role === 'leader',
    );
    return leading.sort((a, b) => termOf(b) - termOf(a))[0];
  }

  /** What keeps the cluster from being one; undefined when it is. */
  #apart(): string | undefined {
    const { machines } = this.#shared;
    const leader = this.#leader;
    if (leader === undefined) return 'nobody leads';
    const status = leader.running?.member.status;
    const { voters, learners = [], votersOutgoing } = status?.configuration ?? { voters: [] };
    if (votersOutgoing !== undefined) return 'the configuration is joint';
    // What isn't committed may be a change that removes this leader as soon as it is.
    if (leader.running?.log.lastIndex() !== status?.commit) return `${leader.id} has not committed its log`;
    for (const id of [...voters, ...learners]) {
      const machine = machines.get(id) as Machine;
      if (machine.state === 'refused' && machine.disk.damaged) continue;
      const applied = machine.running?.member.status.applied;
      if (applied === undefined) return `${id} is ${machine.state}`;
      if (applied !== status?.commit) return `${id} has applied ${applied} of ${status?.commit}`;
    }
    return undefined;
  }

  /** Each key is read, and one written: the cluster serves, and the checker sees what is there in the end. */
  async #readAll(): Promise<void> {
    const { plan } = this.#shared;
    const client = new Client(0, this.#shared, this.#history);
    const work = [client.write('k0')];
    for (let i = 0; i < plan.keys; i++) work.push(client.read(`k${i}`));
    let answers: readonly boolean[] | undefined;
    void Promise.all(work).then((all) => {
      answers = all;
    });
    await this.#pass(CONVERGE_MS, () => answers !== undefined);
    client.close();
    if (answers?.every((each) => each) !== true) throw new Violation('the cluster does not serve after its faults');
  }

  #compareLedgers(): void {
    const { machines, invariants } = this.#shared;
    for (const { id, running } of machines.values()) {
      if (running !== undefined) invariants.digest(id, running.ledger.appliedIndex, running.ledger.digest());
    }
  }

  #judge(): void {
    const verdict = checkLinearizable(this.#history.operations);
    if (verdict.ok === 'unknown') this.#shared.tally.count('histories too wide to check');
    else if (!verdict.ok) throw new Violation(describeViolation(verdict));
  }
}

function termOf({ running }: Machine): number {
  return running?.member.status.term ?? 0;
}
