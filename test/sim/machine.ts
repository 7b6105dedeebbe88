import { DatabaseSync, StatementSync } from 'node:sqlite';
import { CoordinatorServer, type Ledger, raftLog, stateMachineOf } from '../../src/coordinator/index.ts';
import { type Clock, isTroupeError, type NodeId, SeededRandom, type TroupeError } from '../../src/core/index.ts';
import {
  type Entry,
  fromWire,
  type Message,
  openDiskLog,
  openRaftMember,
  type RaftLog,
  type RaftMember,
  type RaftTransport,
  type SnapshotMeta,
  type StateMachine,
  toWire,
} from '../../src/raft/index.ts';
import { MachineClock } from './clocks.ts';
import { MachineDisk } from './disks.ts';
import { type Invariants, Violation } from './invariants.ts';
import { returnLedger, takeLedger } from './ledgers.ts';
import type { Network } from './network.ts';
import { type Plan, stream } from './plan.ts';
import type { Tally } from './tally.ts';
import type { Trace } from './trace.ts';
import { WatchedLog } from './watched-log.ts';
import type { Actor, World } from './world.ts';

/** SQLite's code for a full disk, which is what a dying process looks like from within. */
const SQLITE_FULL = 13;

const CLUSTER = 'simulated';

/** Ledgers are compared as a whole at every index that this divides. */
const DIGEST_EVERY = 128;

/** What all machines of a run share. */
export interface Surroundings {
  readonly seed: number;
  readonly plan: Plan;
  readonly world: World;
  readonly network: Network;
  readonly invariants: Invariants;
  readonly trace: Trace;
  readonly tally: Tally;
  readonly machines: Map<NodeId, Machine>;
  /** Names of the clients, for partitions. */
  readonly clients: readonly string[];
  /** Who leads may change, or what this machine believes of it be wrong: clients look closely, some when `inMs` have passed. */
  unrest(machine: Machine, inMs: number): void;
  /** Until virtual time `untilMs` this machine may believe that it leads while another does: clients read from it. */
  contest(machine: Machine, untilMs: number): void;
  /** There is a new leader. */
  elected(machine: Machine): void;
  /** Many writes come at once, and the leader may have no time to pass them on. */
  rush(): void;
}

/** What runs on a machine that is up. */
export interface Running {
  readonly member: RaftMember;
  readonly server: CoordinatorServer;
  readonly ledger: Ledger;
  readonly log: RaftLog;
}

/**
 * One machine with its disk, its clock and, while it is up, the whole coordinator on it: log, member, ledger, server. It can
 * lose its power or only its process, and be started again.
 */
export class Machine {
  readonly actor: Actor;
  readonly disk: MachineDisk;
  running: Running | undefined;
  /** `stopped`: the member ended by itself; `refused`: the log did not open. */
  state: 'off' | 'starting' | 'up' | 'stopped' | 'refused' = 'off';
  /** Whether it was ever started. */
  started = false;
  /** The process dies at this call to the ledger's database during its next apply. */
  breakApplyAt: number | undefined;
  /** Called when it has stopped, or could not start. */
  onDown: () => void = () => {};
  /** Called when a vote has been given, or asked for, which gives one's own. */
  onVote: () => void = () => {};
  /** Called when a message of this type has left. */
  onSent: (type: Message['type']) => void = () => {};
  readonly #shared: Surroundings;
  readonly #clock: Clock;
  readonly #transport: RaftTransport;
  #ledger: Ledger | undefined;
  /** What a process that died left of its ledger: the file outlives it, but not the machine. */
  #file: { readonly index: number; readonly image: readonly Uint8Array[] } | undefined;
  #restoring = false;
  /** The process died in the middle of an apply. */
  #dying = false;

  constructor(id: NodeId, shared: Surroundings) {
    const { seed, plan, world } = shared;
    this.actor = { name: id, life: 0, pausedUntil: 0 };
    this.#shared = shared;
    this.disk = new MachineDisk(world, this.actor, stream(seed, `disk ${id}`), plan);
    this.#clock = new MachineClock(world, this.actor, plan.drift());
    this.#transport = {
      send: (to, messages) => this.#send(to, messages),
      fetchSnapshot: (from, meta, signal) => this.#fetch(from, meta, signal),
    };
  }

  get id(): NodeId {
    return this.actor.name;
  }

  /** Starts it on what its disk holds; it is up after the time that its disk takes. */
  start(): void {
    this.state = 'starting';
    this.started = true;
    this.#open().catch((error: unknown) => this.#refused(error));
  }

  /** The power goes. @param mercy whether part of what wasn't synced survives */
  crash(mercy: boolean): void {
    this.#end();
    this.disk.crash(mercy);
    this.#dropLedger();
  }

  /** The process dies; what it wrote is still there, and its connections break. */
  kill(): void {
    this.#disconnect();
    this.#end();
    this.disk.kill();
    this.#leaveFile();
  }

  /** For good. */
  close(): void {
    this.#end();
    this.#dropLedger();
  }

  /** Lets the invariants look at it. */
  check(): void {
    if (this.running === undefined) return;
    const { member, log } = this.running;
    this.#shared.invariants.check({ id: this.id, status: member.status, log, matches: member.matches });
  }

  async #open(): Promise<void> {
    const { seed, plan, invariants, trace, world } = this.#shared;
    const { id, actor } = this;
    const log = await openDiskLog({
      disk: this.disk.current,
      clusterId: CLUSTER,
      id,
      segmentBytes: plan.segmentBytes,
      cacheBytesMax: plan.cacheBytesMax,
      mustExist: invariants.hasPromised(id),
    });
    invariants.recovered(id, log.recovered.hardState, log);
    trace.note(
      world.now,
      id,
      'recovered',
      log.recovered.hardState?.term,
      log.firstIndex(),
      log.lastIndex(),
      'commit',
      log.recovered.hardState?.commit,
      'snapshot',
      log.snapshot()?.index,
      'ledger',
      this.#ledger?.appliedIndex,
      'known',
      invariants.commit,
    );
    const watched = new WatchedLog(id, log, invariants);
    this.#ledger ??= await takeLedger();
    const ledger = this.#ledger;
    if (this.#file !== undefined) await ledger.restore(this.#file.index, this.#file.image);
    this.#file = undefined;
    const member = await openRaftMember({
      id,
      clusterId: CLUSTER,
      voters: plan.voters,
      log: watched,
      transport: this.#transport,
      stateMachine: this.#watch(ledger),
      clock: this.#clock,
      random: new SeededRandom(stream(seed, `member ${id} ${actor.life}`).int(0, 2 ** 31)),
      tickMs: plan.tickMs,
      electionTicks: plan.electionTicks,
      heartbeatTicks: plan.heartbeatTicks,
      snapshotEveryEntries: plan.snapshotEveryEntries,
      keepEntries: plan.keepEntries,
      appendBytesMax: plan.appendBytesMax,
      applyBytesMax: plan.applyBytesMax,
      catchUpBytesPerSecond: plan.catchUpBytesPerSecond,
      leaseReads: plan.leaseReads,
    });
    const server = new CoordinatorServer({
      log: raftLog(member),
      ledger,
      clock: this.#clock,
      limits: { dutyPeriodMs: 10 * plan.tickMs },
    });
    this.running = { member, server, ledger, log: watched };
    this.state = 'up';
    member.onStatus((status) => {
      trace.note(world.now, id, status.role, status.term, status.leader);
      if (status.role !== 'leader') return;
      invariants.elected({ id, status, log: watched }, actor.life);
      this.#shared.unrest(this, 0);
      this.#shared.elected(this);
    });
    if (member.status.role === 'leader') invariants.elected({ id, status: member.status, log: watched }, actor.life);
    const { life } = actor;
    void member.failed.then((error) => {
      if (life === actor.life) this.#stopped(error);
    });
  }

  #watch(ledger: Ledger): StateMachine {
    const { invariants } = this.#shared;
    const machine = stateMachineOf(ledger);
    const { id } = this;
    return {
      get appliedIndex() {
        return machine.appliedIndex;
      },
      apply: (entries) => {
        const replies: unknown[] = [];
        for (let from = 0; from < entries.length; ) {
          let to = from + 1;
          while (to < entries.length && (entries[to - 1] as { index: number }).index % DIGEST_EVERY !== 0) to++;
          const part = entries.slice(from, to);
          if (part[0]?.index !== machine.appliedIndex + 1) {
            this.#report(`${id} applies ${part[0]?.index} after ${machine.appliedIndex}`);
          }
          replies.push(...this.#apply(machine, part));
          for (let i = from; i < to; i++) invariants.applies(id, entries[i] as (typeof entries)[number], replies[i]);
          if (machine.appliedIndex % DIGEST_EVERY === 0) invariants.digest(id, machine.appliedIndex, ledger.digest());
          from = to;
        }
        return replies;
      },
      snapshot: () => machine.snapshot(),
      restore: async (meta, chunks) => {
        this.#restoring = true;
        await machine.restore(meta, chunks);
        this.#restoring = false;
        invariants.digest(id, meta.index, ledger.digest());
      },
    };
  }

  /** Applies entries, unless the process is to die in the middle: then the database takes back what wasn't committed. */
  #apply(machine: StateMachine, entries: readonly Entry[]): readonly unknown[] {
    const at = this.breakApplyAt;
    if (at === undefined) return machine.apply(entries);
    this.breakApplyAt = undefined;
    const { exec } = DatabaseSync.prototype;
    const { run } = StatementSync.prototype;
    let calls = 0;
    const live = (): void => {
      if (calls++ === at) throw Object.assign(new Error('the process died'), { errcode: SQLITE_FULL });
    };
    DatabaseSync.prototype.exec = function (sql) {
      live();
      return exec.call(this, sql);
    };
    StatementSync.prototype.run = function (this: StatementSync, ...values: unknown[]) {
      live();
      return Reflect.apply(run, this, values);
    };
    this.#dying = true;
    try {
      const replies = machine.apply(entries);
      this.#dying = false;
      return replies;
    } finally {
      DatabaseSync.prototype.exec = exec;
      StatementSync.prototype.run = run;
    }
  }

  #send(to: NodeId, messages: readonly Message[]): void {
    const { network, machines, invariants, trace, world } = this.#shared;
    const target = machines.get(to);
    for (const message of messages) {
      invariants.sends(this.id, message);
      trace.note(world.now, this.id, message.type, to, message.term, message.index, message.commit);
      if (message.type === 'vote' || (message.type === 'voteReply' && !message.reject)) this.onVote();
    }
    if (target === undefined) return;
    const wire = messages.map(toWire);
    network.carry(this.actor, target.actor, () => target.running?.member.receive(wire.map(fromWire)));
    for (const { type } of messages) this.onSent(type);
  }

  async *#fetch(from: NodeId, meta: SnapshotMeta, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { network, machines, tally } = this.#shared;
    const source = machines.get(from);
    tally.count('snapshots fetched');
    if (source === undefined) return;
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    aborted.catch(() => {});
    const { life } = source.actor;
    await Promise.race([network.pass(this.actor, source.actor), aborted]);
    const chunks = source.running?.member.readSnapshot(meta.index)[Symbol.asyncIterator]();
    while (chunks !== undefined && source.actor.life === life) {
      const next = await chunks.next();
      await Promise.race([network.pass(source.actor, this.actor), aborted]);
      if (next.done) return;
      yield next.value;
    }
    throw new Error(`${from} is gone`);
  }

  #disconnect(): void {
    const { network, machines, tally } = this.#shared;
    if (this.running === undefined) return;
    for (const other of machines.values()) {
      if (other === this || other.running === undefined) continue;
      tally.count('connections broken');
      network.carry(this.actor, other.actor, () => other.running?.member.disconnected(this.id));
    }
  }

  #end(): void {
    this.running?.server.close();
    this.running = undefined;
    this.state = 'off';
    this.actor.life++;
    this.actor.pausedUntil = 0;
    this.disk.onSync = () => {};
    this.onVote = () => {};
    this.onSent = () => {};
    this.breakApplyAt = undefined;
    if (this.#dying) this.#leaveFile();
    this.#dying = false;
  }

  /** The process is gone, and with it what its ledger had not committed. */
  #leaveFile(): void {
    const ledger = this.#ledger;
    if (ledger === undefined) return;
    if (this.#restoring) {
      this.#dropLedger();
      return;
    }
    // No entry comes before the first: at that the ledger fails, and takes back what it would have lost.
    expectFailure(() => ledger.apply([{ index: 0, term: 0, data: new Uint8Array(0) }]));
    this.#file = { index: ledger.appliedIndex, image: [...ledger.snapshot()] };
  }

  #dropLedger(): void {
    if (this.#ledger !== undefined) returnLedger(this.#ledger, this.#restoring);
    this.#ledger = undefined;
    this.#file = undefined;
    this.#restoring = false;
  }

  /** The member ended by itself: right when its disk had a fault, wrong otherwise. */
  #stopped(error: unknown): void {
    this.check();
    this.#shared.trace.note(this.#shared.world.now, this.id, 'stopped', String(error));
    this.#disconnect();
    if (!this.#mayStop(error)) this.#report(`${this.id} stopped for no fault of its disk: ${String(error)}`);
    this.#end();
    this.state = 'stopped';
    this.onDown();
  }

  #refused(error: unknown): void {
    this.#shared.trace.note(this.#shared.world.now, this.id, 'refused', String(error));
    if (!this.#mayStop(error)) this.#report(`${this.id} can't start: ${String(error)}`);
    this.#end();
    this.state = 'refused';
    this.onDown();
  }

  #report(message: string): void {
    this.#shared.invariants.report(new Violation(message));
  }

  #mayStop(error: unknown): error is TroupeError {
    if (!isTroupeError(error)) return false;
    if (this.#dying) return true;
    const { troubled, damaged } = this.disk;
    return (
      (troubled && ['LOG_POISONED', 'DISK_FULL'].includes(error.code)) ||
      (damaged && ['LOG_CORRUPT', 'SNAPSHOT_CORRUPT'].includes(error.code))
    );
  }
}

function expectFailure(work: () => unknown): void {
  try {
    work();
  } catch {
    return;
  }
  throw new Violation('an entry out of order was applied');
}
