import { isTroupeError, type Random } from '../../src/core/index.ts';
import type { Configuration, MembershipChange } from '../../src/raft/index.ts';
import type { Machine, Surroundings } from './machine.ts';
import { exponential, type Fault, type LinkPlan, pick, stream } from './plan.ts';
import type { Actor } from './world.ts';

/** Links as they are when all faults have stopped. */
const CALM: LinkPlan = { loss: 0, replay: 0, replayMs: 0, delayMs: 1, jitterMs: 1, reorder: false };

/** Election time-outs for which a leader is cut off whom others replace at once: as long as it may go on believing. */
const CONTEST_ELECTIONS = 2;

/** Election time-outs for which a follower's answers are late: until its leader has lost the leadership and got it back. */
const LATE_ELECTIONS = 5;

/** Ticks for which a leader that was paused goes on without any news. */
const AWAKE_TICKS = 3;

/** Refusals of a change of the members that say that nothing was proposed. */
const NOT_PROPOSED = ['NOT_LEADER', 'INVALID_ARGUMENT', 'NOT_CAUGHT_UP', 'OVERLOADED'];

/**
 * Makes things go wrong, by the plan, and has an operator who starts machines again, gives room to full disks, and changes the
 * members. Damage that can't be made good stays below what a quorum of the members bears.
 */
export class Faults {
  readonly #shared: Surroundings;
  readonly #random: Random;
  readonly #actor: Actor = { name: 'operator', life: 0, pausedUntil: 0 };
  readonly #electionMs: number;
  readonly #cuts: Set<() => void> = new Set();
  /** Machines that were removed from the members: their ids are never used again. */
  readonly #removed: Set<string> = new Set();
  /** Voters as they may come to be, by changes whose outcome isn't known. */
  #possible: (readonly string[])[] = [];
  #over = false;

  constructor(shared: Surroundings) {
    this.#shared = shared;
    this.#random = stream(shared.seed, 'faults');
    this.#electionMs = shared.plan.tickMs * shared.plan.electionTicks;
  }

  /** Begins; each kind of fault comes by chance, as often as planned. */
  start(): void {
    for (const machine of this.#shared.machines.values()) {
      // What refuses to start on a damaged disk goes on refusing.
      machine.onDown = () => machine.disk.damaged || this.#restartLater(machine);
    }
    for (const [fault, meanMs] of this.#shared.plan.faults) {
      const again = (): void => {
        if (this.#strike(fault)) {
          this.#shared.tally.count(`faults: ${fault}`);
          this.#shared.trace.note(this.#shared.world.now, 'fault', fault);
        }
        this.#in(exponential(this.#random, meanMs), again);
      };
      this.#in(exponential(this.#random, meanMs), again);
    }
  }

  /** Everything is mended that can be; machines with damaged disks are tried once more, and may refuse. */
  stop(): void {
    const { network, machines, world } = this.#shared;
    this.#over = true;
    for (const end of this.#cuts) end();
    network.unclog();
    network.plan = CALM;
    for (const machine of machines.values()) {
      machine.onDown = () => {};
      machine.breakApplyAt = undefined;
      machine.actor.pausedUntil = Math.min(machine.actor.pausedUntil, world.now);
      machine.disk.syncMs = 1;
      if (machine.disk.troubled || machine.disk.damaged) machine.crash(true);
      this.#restart(machine);
    }
  }

  /** A leader is new: the operator may be too quick for it. */
  elected(): void {
    if (!this.#shared.plan.faults.has('membership') || this.#random.next() < 0.7) return;
    this.#in(this.#electionMs * 0.2 * this.#random.next(), () => this.#changeMembers(this.#leader()));
  }

  /** The members as the one that is furthest along knows them. */
  get configuration(): Configuration {
    let best: { commit: number; configuration: Configuration } = {
      commit: -1,
      configuration: { voters: this.#shared.plan.voters },
    };
    for (const { running } of this.#shared.machines.values()) {
      if (running !== undefined && running.member.status.commit > best.commit) best = running.member.status;
    }
    return best.configuration;
  }

  #strike(fault: Fault): boolean {
    const random = this.#random;
    const machine = this.#any();
    switch (fault) {
      case 'blackout':
        for (const each of this.#shared.machines.values()) if (each.state !== 'off') this.#powerCut(each);
        return true;
      case 'crash':
        return machine !== undefined && this.#powerCut(machine);
      case 'kill':
        return machine !== undefined && this.#kill(machine);
      case 'kill-apply':
        if (machine !== undefined) machine.breakApplyAt = random.int(1, 12);
        return machine !== undefined;
      case 'crash-at-sync':
        return (
          machine !== undefined &&
          this.#crashAt(machine, (strike) => {
            machine.disk.onSync = strike;
          })
        );
      case 'crash-at-vote':
        return (
          machine !== undefined &&
          this.#crashAt(machine, (strike) => {
            machine.onVote = strike;
          })
        );
      case 'pause':
        return machine !== undefined && this.#pause(machine);
      case 'pause-at-heartbeat':
        return this.#pauseAtHeartbeat();
      case 'cut-one':
        return machine !== undefined && this.#cut((a, b) => (a === machine.id) !== (b === machine.id));
      case 'cut-halves': {
        const side = this.#sides();
        return this.#cut((a, b) => side(a) !== side(b));
      }
      case 'cut-random':
        return this.#cut(() => random.next() < 0.3);
      case 'cut-one-way':
        return (
          machine !== undefined &&
          (random.next() < 0.5 ? this.#cut((a) => a === machine.id) : this.#cut((_, b) => b === machine.id))
        );
      case 'cut-leader':
        return this.#cutLeader();
      case 'cut-at-transfer':
        return this.#cutAtTransfer();
      case 'late-answers':
        return this.#lateAnswers();
      case 'clog':
        return this.#clog();
      case 'slow-disk':
        return machine !== undefined && this.#slowDisk(machine);
      case 'failed-sync':
        machine?.disk.breakSync();
        return machine !== undefined;
      case 'io-error':
        machine?.disk.breakWork();
        return machine !== undefined;
      case 'full-disk':
        machine?.disk.fill();
        return machine !== undefined;
      case 'flipped-bit':
        return machine !== undefined && this.#mayDamage(machine) && machine.disk.flip() && this.#powerCut(machine);
      case 'wiped-disk':
        if (machine === undefined || !this.#mayDamage(machine) || !this.#shared.invariants.hasPromised(machine.id))
          return false;
        this.#powerCut(machine);
        machine.disk.wipe();
        return true;
      case 'transfer':
        return this.#transfer();
      case 'failed-transfer':
        return this.#failedTransfer();
      case 'compact':
        machine?.running?.member.compact().catch(() => {});
        return machine?.running !== undefined;
      case 'membership':
        return this.#changeMembers(this.#leader());
      case 'hasty-membership':
        return this.#changeMembersTwice();
    }
  }

  #powerCut(machine: Machine): boolean {
    machine.crash(this.#random.next() < 0.7);
    this.#restartLater(machine);
    return true;
  }

  #kill(machine: Machine): boolean {
    machine.kill();
    this.#restartLater(machine);
    return true;
  }

  /** Cuts the power in the very moment in which something happens on the machine for the next time. */
  #crashAt(machine: Machine, arm: (strike: () => void) => void): boolean {
    let armed = true;
    arm(() => {
      if (!armed || this.#over) return;
      armed = false;
      this.#shared.world.schedule(0, machine.actor, () => this.#powerCut(machine));
    });
    return true;
  }

  /** A machine stands still. Meanwhile clients write elsewhere, and read from it in the moment in which it goes on. */
  #pause(machine: Machine): boolean {
    const forMs = this.#electionMs * (this.#random.next() < 0.5 ? 4 : 0.5) * this.#random.next();
    machine.actor.pausedUntil = this.#shared.world.now + forMs;
    this.#shared.unrest(machine, forMs);
    return true;
  }

  /**
   * A leader stands still when its heartbeats have just left: their answers wait for it, and nothing that the others send later
   * gets through for as long as it takes them to elect another, and a bit longer.
   */
  #pauseAtHeartbeat(): boolean {
    const { world, network, plan } = this.#shared;
    const leader = this.#leader();
    if (leader === undefined) return false;
    leader.onSent = (type) => {
      if (type !== 'heartbeat' || this.#over) return;
      leader.onSent = () => {};
      const forMs = this.#electionMs * (1 + 1.5 * this.#random.next());
      world.schedule(0, leader.actor, () => {
        leader.actor.pausedUntil = world.now + forMs;
      });
      this.#in(plan.tickMs, () => {
        const clogMs = forMs + AWAKE_TICKS * plan.tickMs;
        for (const { id } of this.#others(leader)) network.clog(id, leader.id, clogMs);
        this.#lost(leader);
        this.#shared.contest(leader, world.now + clogMs);
      });
    };
    return true;
  }

  /** A leader is cut off from the others, who notice at once. Clients still reach it. */
  #cutLeader(): boolean {
    const leader = this.#leader();
    if (leader === undefined) return false;
    const others = this.#others(leader);
    const blocks = others.flatMap(({ id }) => [
      this.#shared.network.block(id, leader.id),
      this.#shared.network.block(leader.id, id),
    ]);
    this.#lost(leader);
    this.#healIn(CONTEST_ELECTIONS * this.#electionMs, blocks);
    this.#shared.contest(leader, this.#shared.world.now + CONTEST_ELECTIONS * this.#electionMs);
    return true;
  }

  /** A leader hands over, and doesn't hear what comes of it. */
  #cutAtTransfer(): boolean {
    const leader = this.#leader();
    if (leader === undefined) return false;
    leader.onSent = (type) => {
      if (type !== 'timeoutNow' || this.#over) return;
      leader.onSent = () => {};
      this.#healIn(
        this.#electionMs,
        this.#others(leader).map(({ id }) => this.#shared.network.block(id, leader.id)),
      );
      this.#shared.contest(leader, this.#shared.world.now + this.#electionMs);
    };
    leader.running?.member.transferLeadership().catch(() => {});
    return true;
  }

  /**
   * A leader and one follower are alone for a while, and that follower's answers are held back: the others elect another leader,
   * which replaces what the two have. The operator then has the first lead again, and only now the old answers come.
   */
  #lateAnswers(): boolean {
    const leader = this.#leader();
    const { voters } = leader?.running?.member.status.configuration ?? { voters: [] };
    const follower = pick(this.#random, voters);
    if (leader === undefined || follower === leader.id) return false;
    const { network, world } = this.#shared;
    const inside = (id: string): boolean => id === leader.id || id === follower;
    const untilMs = LATE_ELECTIONS * this.#electionMs;
    network.clog(follower, leader.id, untilMs);
    const blocks = this.#pairs((from, to) => inside(from) !== inside(to));
    for (const { id, running } of this.#others(leader)) if (!inside(id)) running?.member.disconnected(leader.id);
    this.#shared.contest(leader, world.now + CONTEST_ELECTIONS * this.#electionMs);
    this.#shared.rush();
    this.#healIn(CONTEST_ELECTIONS * this.#electionMs, blocks);
    let called = false;
    for (const machine of this.#others(leader)) {
      machine.running?.member.onStatus(({ role }) => {
        if (role !== 'leader' || called || this.#over) return;
        called = true;
        this.#in(CONTEST_ELECTIONS * this.#electionMs, () => {
          const member = this.#leader()?.running?.member;
          member?.transferLeadership(leader.id).catch(() => {});
        });
      });
    }
    return true;
  }

  /** Lets nothing pass between these machines, in these directions. */
  #pairs(separates: (from: string, to: string) => boolean): (() => void)[] {
    const ids = [...this.#shared.machines.keys()];
    return ids.flatMap((from) =>
      ids.filter((to) => to !== from && separates(from, to)).map((to) => this.#shared.network.block(from, to)),
    );
  }

  #others(machine: Machine): Machine[] {
    return [...this.#shared.machines.values()].filter((each) => each !== machine);
  }

  /** The connections to a machine break, as the others see it. */
  #lost(machine: Machine): void {
    for (const { running } of this.#others(machine)) running?.member.disconnected(machine.id);
  }

  #restartLater(machine: Machine): void {
    this.#in(this.#while(4), () => this.#restart(machine));
  }

  /** The operator starts what is down, whatever the reason. */
  #restart(machine: Machine): void {
    if (!machine.started || !['off', 'stopped', 'refused'].includes(machine.state)) return;
    // A disk that has failed is only believed after the machine has lost what it remembers of it.
    if (machine.state === 'stopped' && machine.disk.troubled) machine.crash(true);
    else if (machine.state === 'stopped') machine.kill();
    machine.start();
  }

  #cut(separates: (from: string, to: string) => boolean): boolean {
    const { network, machines, clients } = this.#shared;
    // Clients may well reach machines that don't reach each other.
    const names = this.#random.next() < 0.5 ? [...machines.keys()] : [...machines.keys(), ...clients];
    const leader = this.#leader();
    if (leader !== undefined) {
      this.#shared.unrest(leader, this.#electionMs * (1 + 1.5 * this.#random.next()));
      this.#shared.rush();
    }
    const blocks: (() => void)[] = [];
    const breaks = this.#random.next() < 0.5;
    for (const from of names) {
      for (const to of names) {
        if (from === to || !separates(from, to)) continue;
        blocks.push(network.block(from, to));
        // What cuts a line may also break its connections, though both ends live.
        if (breaks) this.#in(this.#while(1), () => machines.get(to)?.running?.member.disconnected(from));
      }
    }
    this.#healIn(this.#while(6), blocks);
    return true;
  }

  #healIn(delayMs: number, blocks: readonly (() => void)[]): void {
    const heal = (): void => {
      for (const end of blocks) end();
      this.#cuts.delete(heal);
    };
    this.#cuts.add(heal);
    this.#in(delayMs, heal);
  }

  #sides(): (name: string) => boolean {
    const { machines, clients } = this.#shared;
    const left = new Set([...machines.keys(), ...clients].filter(() => this.#random.next() < 0.5));
    return (name) => left.has(name);
  }

  #clog(): boolean {
    const ids = [...this.#shared.machines.keys()];
    const [from, to] = [pick(this.#random, ids), pick(this.#random, ids)];
    this.#shared.network.clog(from, to, this.#while(4));
    return from !== to;
  }

  #slowDisk(machine: Machine): boolean {
    const { syncMs } = this.#shared.plan;
    machine.disk.syncMs = this.#electionMs * 0.5 * this.#random.next();
    this.#in(this.#while(5), () => {
      machine.disk.syncMs = syncMs;
    });
    return true;
  }

  #transfer(): boolean {
    const leader = this.#leader();
    if (leader === undefined) return false;
    const { voters } = leader.running?.member.status.configuration ?? { voters: [] };
    const to = this.#random.next() < 0.5 ? undefined : pick(this.#random, voters);
    leader.running?.member.transferLeadership(to).catch(() => {});
    this.#shared.unrest(leader, 0);
    return true;
  }

  /**
   * The operator has no patience: a leader that hears nobody is told a change, which reaches the others, and the one after it is
   * told another as soon as it leads.
   */
  #changeMembersTwice(): boolean {
    const leader = this.#leader();
    if (leader === undefined || !this.#changeMembers(leader)) return false;
    let told = false;
    for (const machine of this.#shared.machines.values()) {
      machine.running?.member.onStatus(({ role }) => {
        if (role !== 'leader' || told || this.#over) return;
        told = true;
        this.#changeMembers(machine);
      });
    }
    return this.#cut((_, to) => to === leader.id);
  }

  /** A leader hands over to a voter that nobody hears for a while: that stands alone, and its term gets ahead of the leader's. */
  #failedTransfer(): boolean {
    const leader = this.#leader();
    const { voters } = leader?.running?.member.status.configuration ?? { voters: [] };
    const to = pick(this.#random, voters);
    if (leader === undefined || to === leader.id) return false;
    leader.running?.member.transferLeadership(to).catch(() => {});
    return this.#cut((from) => from === to);
  }

  /** The operator adds, promotes, demotes, removes or replaces a member; what comes of it is the cluster's business. */
  #changeMembers(leader: Machine | undefined): boolean {
    const random = this.#random;
    const member = leader?.running?.member;
    if (member === undefined) return false;
    const { voters, learners = [], votersOutgoing } = member.status.configuration;
    const fresh = [...this.#shared.machines.values()].find(({ id, started }) => !this.#removed.has(id) && !started);
    const voter = voters.find((id) => this.#machine(id).disk.damaged) ?? pick(random, voters);
    const learner = learners.length > 0 ? pick(random, learners) : undefined;
    const changes: MembershipChange[] = [];
    if (fresh !== undefined) changes.push(random.next() < 0.5 ? { learners: [fresh.id] } : { voters: [fresh.id] });
    if (learner !== undefined) changes.push({ voters: [learner] }, { voters: [learner], remove: [voter] });
    if (fresh !== undefined) changes.push({ voters: [fresh.id], remove: [voter] });
    changes.push({ remove: [voter] }, { learners: [voter] });
    const chosen = pick(random, changes);
    const target = after(voters, chosen);
    if (votersOutgoing !== undefined || !this.#bears(target)) return false;
    if (fresh !== undefined && [...(chosen.voters ?? []), ...(chosen.learners ?? [])].includes(fresh.id)) fresh.start();
    const before = voters;
    this.#possible.push(target);
    member.changeMembers(chosen).then(
      () => {
        // What was tried before this and isn't part of it will never be; but members that crash may come back with the one before.
        this.#possible = [before, ...this.#possible.slice(this.#possible.indexOf(target))];
        for (const id of chosen.remove ?? []) this.#removed.add(id);
        this.#shared.tally.count('members changed');
      },
      (error: unknown) => {
        if (!isTroupeError(error) || !NOT_PROPOSED.includes(error.code)) return;
        this.#possible = this.#possible.filter((voters) => voters !== target);
      },
    );
    return true;
  }

  /** Whether these voters have a quorum of machines whose disks are whole. */
  #bears(voters: readonly string[], damaged?: string): boolean {
    const whole = voters.filter((id) => id !== damaged && !this.#machine(id).disk.damaged).length;
    return voters.length > 0 && 2 * whole > voters.length;
  }

  /** Whether the cluster can do without this machine's disk, whatever the members are by now. */
  #mayDamage(machine: Machine): boolean {
    if (machine.disk.damaged) return true;
    for (const { running } of this.#shared.machines.values()) {
      if (running === undefined) continue;
      const { voters, votersOutgoing } = running.member.status.configuration;
      if (votersOutgoing !== undefined || !this.#bears(voters, machine.id)) return false;
    }
    return [this.configuration.voters, ...this.#possible].every((voters) => this.#bears(voters, machine.id));
  }

  #leader(): Machine | undefined {
    const leaders = [...this.#shared.machines.values()].filter(
      ({ running }) => running?.member.status.role === 'leader',
    );
    return leaders.length === 0 ? undefined : pick(this.#random, leaders);
  }

  /** A machine that is up, most often the leader or another voter. */
  #any(): Machine | undefined {
    const leader = this.#random.next() < 0.4 ? this.#leader() : undefined;
    if (leader !== undefined) return leader;
    const up = [...this.#shared.machines.values()].filter(({ state }) => state === 'up');
    return up.length === 0 ? undefined : pick(this.#random, up);
  }

  #machine(id: string): Machine {
    return this.#shared.machines.get(id) as Machine;
  }

  /** How long a fault lasts: up to `elections` time-outs, most often much less. */
  #while(elections: number): number {
    return this.#electionMs * elections * this.#random.next() * this.#random.next();
  }

  /** What is still to come when faults stop doesn't come: by then all is mended. */
  #in(delayMs: number, run: () => void): void {
    this.#shared.world.schedule(delayMs, this.#actor, () => this.#over || run());
  }
}

function after(
  voters: readonly string[],
  { voters: more = [], learners = [], remove = [] }: MembershipChange,
): string[] {
  return [...new Set([...voters, ...more])].filter((id) => !remove.includes(id) && !learners.includes(id));
}
