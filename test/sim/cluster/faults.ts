import type { Random } from '../../../src/core/index.ts';
import { exponential, pick, stream } from '../plan.ts';
import type { Actor } from '../world.ts';
import type { Machine } from './machine.ts';
import type { Weather } from './network.ts';
import type { ClusterFault } from './plan.ts';
import type { Surroundings } from './surroundings.ts';

/** Links as they are when all faults have stopped. */
const CALM: Weather = { delayMs: 1, jitterMs: 1, loss: 0 };

/** How long what is down stays down, what is cut stays cut, at most, ms. */
const DOWN_MS = 4_000;
const CUT_MS = 6_000;
const PAUSE_MS = 5_000;
/** How long after an append or an effect a machine may die that is to die at it, ms. */
const SOON_MS = 6;
/** Time without any worker, at most, ms. */
const LOST_MS = 8_000;

/** Makes things go wrong, by the plan, and has an operator who starts again whatever is down. */
export class ClusterFaults {
  readonly #shared: Surroundings;
  readonly #random: Random;
  readonly #actor: Actor = { name: 'operator', life: 0, pausedUntil: 0 };
  readonly #cuts: Set<() => void> = new Set();
  /** Who is to die at its next append, or when the next effect of one of its steps has happened. */
  #atAppend: string | undefined;
  #atEffect: string | undefined;
  #over = false;

  constructor(shared: Surroundings) {
    this.#shared = shared;
    this.#random = stream(shared.seed, 'cluster faults');
  }

  /** Begins; each kind of fault comes by chance, as often as planned. */
  start(): void {
    const { machines, plan, tally, tool, trace, world, watch } = this.#shared;
    for (const machine of machines.values()) machine.onEnd = () => this.#restartLater(machine);
    const killSoon = (machine: Machine): void =>
      this.#in(this.#random.next() < 0.5 ? 0 : SOON_MS * this.#random.next(), () => this.#over || this.#kill(machine));
    watch.onAppend = (machine) => {
      if (this.#atAppend !== machine.id) return;
      this.#atAppend = undefined;
      killSoon(machine);
    };
    tool.onEffect = ({ name }) => {
      if (this.#atEffect !== name) return;
      this.#atEffect = undefined;
      killSoon(machines.get(name) as Machine);
    };
    for (const [fault, meanMs] of plan.faults) {
      const again = (): void => {
        if (this.#over) return;
        if (this.#strike(fault)) {
          tally.count(`faults: ${fault}`);
          trace.note(world.now, 'fault', fault);
        }
        this.#in(exponential(this.#random, meanMs), again);
      };
      this.#in(exponential(this.#random, meanMs), again);
    }
  }

  /** Everything is mended, and everything runs. */
  stop(): void {
    const { network, machines, world } = this.#shared;
    this.#over = true;
    for (const heal of this.#cuts) heal();
    network.weather = CALM;
    for (const machine of machines.values()) {
      machine.onEnd = () => this.#in(100, () => this.#restart(machine));
      machine.actor.pausedUntil = Math.min(machine.actor.pausedUntil, world.now);
      this.#restart(machine);
    }
  }

  #strike(fault: ClusterFault): boolean {
    const random = this.#random;
    const machine = this.#any();
    if (machine === undefined) return false;
    switch (fault) {
      case 'crash':
        return this.#crash(machine);
      case 'blackout':
        for (const each of this.#up()) this.#crash(each);
        return true;
      case 'kill':
        return this.#kill(machine);
      case 'crash-at-append':
        this.#atAppend = machine.id;
        return true;
      case 'crash-at-effect':
        this.#atEffect = machine.id;
        return true;
      case 'pause':
        machine.actor.pausedUntil = this.#shared.world.now + PAUSE_MS * random.next();
        return true;
      case 'cut-one':
        return this.#cut((a, b) => (a === machine.id) !== (b === machine.id));
      case 'cut-halves': {
        const left = new Set([...this.#shared.machines.keys()].filter(() => random.next() < 0.5));
        return this.#cut((a, b) => left.has(a) !== left.has(b));
      }
      case 'cut-one-way':
        return random.next() < 0.5 ? this.#cut((a) => a === machine.id) : this.#cut((_, b) => b === machine.id);
      case 'reset':
        this.#shared.network.broken(machine, pick(random, [...this.#shared.machines.values()]));
        return true;
      case 'slow':
        return this.#slow(machine);
      case 'clock-jump':
        machine.clock.jump(random.int(-60_000, 60_000));
        return true;
      case 'stop':
        void machine.node?.stop();
        return true;
      case 'lose-workers':
        return this.#loseWorkers();
    }
  }

  #crash(machine: Machine): boolean {
    machine.crash(this.#random.next() < 0.7);
    this.#restartLater(machine);
    return true;
  }

  #kill(machine: Machine): boolean {
    if (machine.state === 'off') return false;
    machine.kill();
    this.#restartLater(machine);
    return true;
  }

  /** All spot capacity goes at once, some of it with a process, some with the power; it returns one by one. */
  #loseWorkers(): boolean {
    const { plan, machines } = this.#shared;
    for (const id of plan.workers) {
      const machine = machines.get(id) as Machine;
      if (machine.state === 'off') continue;
      if (this.#random.next() < 0.5) machine.crash(true);
      else machine.kill();
      this.#in(LOST_MS * (0.2 + 0.8 * this.#random.next()), () => this.#restart(machine));
    }
    return true;
  }

  #slow(machine: Machine): boolean {
    const { network, machines } = this.#shared;
    const byMs = 20 + 800 * this.#random.next() * this.#random.next();
    const ways = [...machines.keys()].filter(() => this.#random.next() < 0.6);
    for (const other of ways) network.slow(machine.id, other, byMs);
    this.#healIn(CUT_MS, () => {
      for (const other of ways) network.slow(machine.id, other, 0);
    });
    return true;
  }

  #cut(separates: (from: string, to: string) => boolean): boolean {
    const { network, machines } = this.#shared;
    const breaks = this.#random.next() < 0.4;
    const blocks: (() => void)[] = [];
    for (const from of machines.values()) {
      for (const to of machines.values()) {
        if (from === to || !separates(from.id, to.id)) continue;
        blocks.push(network.block(from.id, to.id));
        // What cuts a line may also break its connections, though both ends live.
        if (breaks) this.#in(CUT_MS * this.#random.next(), () => network.broken(from, to));
      }
    }
    this.#healIn(CUT_MS, () => {
      for (const end of blocks) end();
    });
    return true;
  }

  #healIn(atMostMs: number, end: () => void): void {
    const heal = (): void => {
      end();
      this.#cuts.delete(heal);
    };
    this.#cuts.add(heal);
    this.#in(atMostMs * this.#random.next(), heal);
  }

  #restartLater(machine: Machine): void {
    this.#in(DOWN_MS * this.#random.next() * this.#random.next(), () => this.#restart(machine));
  }

  #restart(machine: Machine): void {
    if (machine.state === 'off' || machine.state === 'ended') machine.start();
  }

  #any(): Machine | undefined {
    const up = this.#up();
    return up.length === 0 ? undefined : pick(this.#random, up);
  }

  #up(): Machine[] {
    return [...this.#shared.machines.values()].filter(({ state }) => state === 'up');
  }

  #in(delayMs: number, run: () => unknown): void {
    this.#shared.world.schedule(delayMs, this.#actor, run);
  }
}
