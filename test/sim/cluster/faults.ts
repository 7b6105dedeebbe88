import type { Notice } from '../../../src/cluster/index.ts';
import type { Random } from '../../../src/core/index.ts';
import { exponential, pick, stream } from '../plan.ts';
import type { Actor } from '../world.ts';
import type { Machine } from './machine.ts';
import type { Weather } from './network.ts';
import type { ClusterFault } from './plan.ts';
import type { Surroundings } from './surroundings.ts';

/** Links as they are when all faults have stopped. */
const CALM: Weather = { delayMs: 1, jitterMs: 1, loss: 0 };

/** An append that its node gave up reaches the ledger so much later, at most, ms. */
const LATE_MS = 1_500;
/** How long what is down stays down, what is cut stays cut, at most, ms. */
const DOWN_MS = 4_000;
const CUT_MS = 6_000;
const PAUSE_MS = 5_000;
/** How long after an append or an effect a machine may die that is to die at it, ms. */
const SOON_MS = 6;
/** How often one who is about to get a shard is looked for, how long, and how much longer it lives, at most, ms. */
const TARGET_LOOK_MS = 2;
const TARGET_WAIT_MS = 6_000;
const TARGET_LIVES_MS = 60;
/** What is added to the delay of slow links, at most, ms. */
const SLOW_MS = 800;
/** The same where notices must leave time enough: to a node that can't be connected to, and answer, within a second no shard is moved. */
const SLOW_MS_GENTLE = 200;
/**
 * How far a clock jumps, at most; where nothing may be asked twice, as sessions end after a minute of logged time; and where somebody waits
 * for a timer, ms.
 */
const JUMP_MS = 60_000;
const JUMP_MS_GENTLE = 10_000;
const JUMP_MS_TIMERS = 1_000;
/** Time without any worker, at most, ms. */
const LOST_MS = 8_000;

/** How much time notices leave, and how much is enough when nothing else goes wrong, ms. */
const NOTICES_MS = [0, 300, 1_500, 6_000, 20_000] as const;
const ENOUGH_MS = [6_000, 20_000] as const;
/** How soon a notice is cancelled, at most, ms. */
const CANCELLED_MS = 1_500;
/** After this it is known whether that was too late, ms. */
const SETTLED_MS = 3_000;

/** Makes things go wrong, by the plan, and has an operator who starts again whatever is down. */
export class ClusterFaults {
  readonly #shared: Surroundings;
  readonly #random: Random;
  readonly #actor: Actor = { name: 'operator', life: 0, pausedUntil: 0 };
  readonly #cuts: Set<() => void> = new Set();
  /** Who is to die at its next append, or when the next effect of one of its steps has happened. */
  #atAppend: string | undefined;
  #atEffect: string | undefined;
  /** Whose next append is to come late. */
  #lateAppend: string | undefined;
  /** Who has been told to go, and may be going. */
  readonly #leaving: Set<string> = new Set();
  readonly #standing: Map<Machine, readonly Notice[]> = new Map();
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
    watch.late = ({ id }) => {
      if (this.#lateAppend !== id || this.#over) return undefined;
      this.#lateAppend = undefined;
      return LATE_MS * this.#random.next();
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
        return this.#jump(machine);
      case 'stop':
        void machine.node?.stop();
        return true;
      case 'lose-workers':
        return this.#loseWorkers();
      case 'notice':
        return this.#mayLeave(machine) && this.#notice(machine, this.#leftMs());
      case 'two-notices': {
        const other = this.#any();
        if (other === machine || other === undefined || !this.#mayLeave(machine, other)) return false;
        return this.#notice(machine, this.#leftMs()) && this.#notice(other, this.#leftMs());
      }
      case 'notice-to-workers': {
        const leftMs = pick(random, NOTICES_MS);
        const workers = this.#up().filter(({ id }) => this.#shared.plan.workers.includes(id));
        for (const worker of workers) this.#notice(worker, leftMs);
        return workers.length > 0;
      }
      case 'false-alarm':
        return this.#mayLeave(machine) && this.#falseAlarm(machine);
      case 'advice':
        this.#say(machine, { id: 'advice', kind: 'advisory', reason: 'rebalance recommended' });
        this.#in(CUT_MS * random.next(), () => this.#unsay(machine, 'advice'));
        return true;
      case 'order':
        if (!this.#mayLeave(machine)) return false;
        void machine.node?.drain({ reason: 'ordered', deadlineMs: this.#leftMs() });
        return true;
      case 'kill-target':
        this.#killNextTarget(TARGET_WAIT_MS / TARGET_LOOK_MS);
        return true;
      case 'late-append':
        this.#lateAppend = machine.id;
        return true;
    }
  }

  #jump(machine: Machine): boolean {
    const { timers, gentle } = this.#shared.plan;
    const atMostMs = timers ? JUMP_MS_TIMERS : gentle ? JUMP_MS_GENTLE : JUMP_MS;
    machine.clock.jump(atMostMs * (2 * this.#random.next() - 1));
    return true;
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

  #leftMs(): number {
    return pick(this.#random, this.#shared.plan.gentle ? ENOUGH_MS : NOTICES_MS);
  }

  /** Whether the cluster can do without these machines: where nothing may be lost, voters must keep their majority. */
  #mayLeave(...leaving: readonly Machine[]): boolean {
    const { plan, machines } = this.#shared;
    if (!plan.gentle) return true;
    const stays = ({ id }: Machine): boolean =>
      machines.get(id)?.state === 'up' && !this.#leaving.has(id) && !leaving.some((each) => each.id === id);
    const voters = plan.voters.filter((id) => stays(machines.get(id) as Machine)).length;
    const homes = plan.spotOnly ? plan.workers : [...machines.keys()];
    return 2 * voters > plan.voters.length && homes.some((id) => stays(machines.get(id) as Machine));
  }

  /** The cloud takes the machine away when the time is over, ready or not; it comes back later. */
  #notice(machine: Machine, leftMs: number): boolean {
    const { life } = machine.actor;
    this.#leaving.add(machine.id);
    this.#say(machine, { id: 'final', kind: 'final', reason: 'preemption', leftMs });
    this.#in(leftMs, () => {
      if (machine.actor.life === life && !this.#over) this.#crash(machine);
    });
    return true;
  }

  /** A final notice that is cancelled, perhaps too late. */
  #falseAlarm(machine: Machine): boolean {
    const { life } = machine.actor;
    this.#leaving.add(machine.id);
    this.#say(machine, { id: 'alarm', kind: 'final', reason: 'preemption', leftMs: ENOUGH_MS[0] });
    this.#in(CANCELLED_MS * this.#random.next() * this.#random.next(), () => {
      this.#unsay(machine, 'alarm');
      this.#in(SETTLED_MS, () => machine.actor.life === life && this.#leaving.delete(machine.id));
    });
    return true;
  }

  /** All notices that stand for a machine, with this one. */
  #say(machine: Machine, notice: Notice): void {
    const standing = [...(this.#standing.get(machine) ?? []).filter(({ id }) => id !== notice.id), notice];
    this.#standing.set(machine, standing);
    machine.notices.say(...standing);
  }

  #unsay(machine: Machine, gone: string): void {
    const standing = (this.#standing.get(machine) ?? []).filter(({ id }) => id !== gone);
    this.#standing.set(machine, standing);
    machine.notices.say(...standing);
  }

  /** Somebody who is about to get a shard dies, as soon as there is one, within the looks that are left. */
  #killNextTarget(looks: number): void {
    if (this.#over || looks === 0) return;
    const delayMs = this.#target() === undefined ? TARGET_LOOK_MS : TARGET_LIVES_MS * this.#random.next() ** 2;
    this.#in(delayMs, () => this.#over || this.#killTarget() || this.#killNextTarget(looks - 1));
  }

  #killTarget(): boolean {
    const target = this.#target();
    return target !== undefined && this.#kill(target);
  }

  /** A machine that is about to get a shard. */
  #target(): Machine | undefined {
    const { machines } = this.#shared;
    for (const { node } of this.#up()) {
      const shard = node?.life.map.shards().find(({ target }) => target !== undefined);
      const target = machines.get(shard?.target?.node ?? '');
      if (target?.state === 'up') return target;
    }
    return undefined;
  }

  #slow(machine: Machine): boolean {
    const { network, machines, plan } = this.#shared;
    const byMs = 20 + (plan.gentle ? SLOW_MS_GENTLE : SLOW_MS) * this.#random.next();
    // Where nobody may be taken for dead, keep-alives are as fast as ever.
    const ports = plan.gentle ? ['data'] : ['data', 'control'];
    const ways = [...machines.keys()].filter(() => this.#random.next() < 0.6);
    const set = (ms: number): void => {
      for (const other of ways) for (const port of ports) network.slow(machine.id, other, port, ms);
    };
    set(byMs);
    this.#healIn(CUT_MS, () => set(0));
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
    if (machine.state !== 'off' && machine.state !== 'ended') return;
    this.#leaving.delete(machine.id);
    this.#standing.delete(machine);
    machine.start();
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
