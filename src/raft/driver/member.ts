import {
  asTroupeError,
  invariant,
  isTroupeError,
  type Logger,
  type NodeId,
  type Span,
  type Timer,
  TroupeError,
} from '../../core/index.ts';
import {
  type ApplyWork,
  type Configuration,
  type MembershipChange,
  type Message,
  RaftNode,
  type Status,
} from '../consensus/index.ts';
import { Barriers } from './barriers.ts';
import { Changes } from './changes.ts';
import { Handover } from './handover.ts';
import {
  ANNOUNCE_MS,
  BARRIER_ELECTIONS_MAX,
  CHANGE_ELECTIONS_MAX,
  FETCH_IDLE_ELECTIONS_MAX,
  HANDOVER_ELECTIONS_MAX,
  leaseTicksOf,
  type MemberSettings,
  ORPHAN_ELECTIONS_MAX,
  TICK_LATE_FACTOR,
} from './options.ts';
import type { BarrierOptions, Committed, ProposeOptions, RaftMember } from './port.ts';
import { Proposals } from './proposals.ts';
import { SnapshotFetch } from './snapshot-fetch.ts';
import { Snapshots } from './snapshots.ts';
import { Storage } from './storage.ts';

/**
 * The loop around one RaftNode. Messages leave at once; appends go to the log, whose group commit joins them, and their replies
 * go out when they are durable; committed entries are applied meanwhile. All calls into the node are made from this thread, and
 * after each the node is asked what to do (`#pump`).
 */
export class Member implements RaftMember {
  readonly failed: Promise<unknown>;
  readonly #settings: MemberSettings;
  readonly #logger: Logger;
  readonly #node: RaftNode;
  readonly #proposals = new Proposals();
  readonly #barriers: Barriers;
  readonly #changes: Changes;
  readonly #handover: Handover;
  readonly #fetch: SnapshotFetch;
  readonly #snapshots: Snapshots;
  readonly #storage: Storage;
  readonly #statusListeners: Set<(status: Status) => void> = new Set();
  readonly #configurationListeners: Set<(configuration: Configuration) => void> = new Set();
  readonly #ticker: Timer;
  readonly #resolveFailed: (error: unknown) => void;
  /** Monotonic time of the last tick, ms. */
  #tickedAt: number;
  /** Ticks since the leadership was lost while proposals of it wait. */
  #orphanTicks = 0;
  #role: Status['role'] = 'follower';
  #applied: number;
  /** Entries that are applied in a turn of their own. */
  #applyingLater: Promise<void> | undefined;
  #pumping = false;
  #announcing = false;
  /** Why nothing more is done. */
  #stopped: TroupeError | undefined;
  #closing: Promise<void> | undefined;

  constructor(settings: MemberSettings, configuration: Configuration) {
    const { id, log, clock, electionTicks, stateMachine } = settings;
    this.#settings = settings;
    this.#logger = settings.logger.child({ component: 'raft', cluster: settings.clusterId, node: id });
    const logger = this.#logger;
    this.#applied = stateMachine.appliedIndex;
    this.#node = new RaftNode({
      id,
      log,
      hardState: log.recovered.hardState,
      applied: this.#applied,
      configuration,
      random: settings.random,
      electionTicks,
      heartbeatTicks: settings.heartbeatTicks,
      leaseTicks: leaseTicksOf(settings),
      applyBytesMax: settings.applyBytesMax,
      appendBytesMax: settings.appendBytesMax,
      catchUpBytes: Math.ceil((settings.catchUpBytesPerSecond * settings.tickMs) / 1_000),
    });
    this.#barriers = new Barriers({
      ask: (context) => this.#ask(() => this.#node.readIndex(context)),
      applied: () => this.#applied,
      askAgainTicks: electionTicks,
      ticksMax: electionTicks * BARRIER_ELECTIONS_MAX,
      waitingMax: settings.barriersMax,
    });
    this.#changes = new Changes(electionTicks * CHANGE_ELECTIONS_MAX);
    this.#handover = new Handover(electionTicks * HANDOVER_ELECTIONS_MAX);
    this.#fetch = new SnapshotFetch({
      transport: settings.transport,
      log,
      logger,
      idleTicksMax: electionTicks * FETCH_IDLE_ELECTIONS_MAX,
      deliver: (message) => {
        this.#step(message);
        this.#pump();
      },
    });
    this.#snapshots = new Snapshots({
      log,
      stateMachine,
      logger,
      meta: () => this.#node.snapshotMeta(),
      neededAfter: () => this.#node.neededAfter(),
      everyEntries: settings.snapshotEveryEntries,
      everyBytes: settings.snapshotEveryBytes,
      keepEntries: settings.keepEntries,
    });
    this.#storage = new Storage({
      log,
      stateMachine,
      logger,
      idle: async () => {
        await this.#applyingLater;
        await this.#snapshots.idle();
      },
      installed: ({ index }) => this.#installed(index),
      durable: ({ replies }) => this.#deliver(replies),
      failed: (error) => this.#fail(error),
    });
    const failed = Promise.withResolvers<unknown>();
    this.failed = failed.promise;
    this.#resolveFailed = failed.resolve;
    this.#tickedAt = clock.monotonic();
    this.#ticker = clock.repeat(settings.tickMs, () => this.#tick());
    this.#pump();
    // Alone there is nobody to wait for.
    const { voters, votersOutgoing } = this.#node.status().configuration;
    if (voters.length > 1 || votersOutgoing !== undefined) return;
    this.#node.campaign();
    this.#pump();
  }

  get status(): Status {
    return this.#node.status();
  }

  get matches(): ReadonlyMap<NodeId, number> | undefined {
    const progress = this.#node.progress();
    return progress && new Map([...progress.values()].map(({ id, match }) => [id, match]));
  }

  propose(data: Uint8Array, options: ProposeOptions = {}): Promise<Committed> {
    const { proposalsMax, tracer } = this.#settings;
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
    if (this.#proposals.size >= proposalsMax) {
      return Promise.reject(new TroupeError('OVERLOADED', `${proposalsMax} proposals are waiting for their outcome`));
    }
    const { traceparent } = options;
    const span: Span | undefined =
      traceparent === undefined ? undefined : tracer.start('raft.propose', { parent: traceparent });
    return new Promise((resolve, reject) => {
      const first = this.#proposals.add({ data, span, resolve, reject });
      if (first) queueMicrotask(() => this.#proposeFresh());
    });
  }

  barrier({ lease = false }: BarrierOptions = {}): Promise<number> {
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
    const index = lease ? this.#leaseIndex() : undefined;
    if (index !== undefined && index <= this.#applied) return Promise.resolve(index);
    return this.#barriers.wait(() => {
      this.#barriers.askFresh();
      this.#pump();
    });
  }

  async transferLeadership(to?: NodeId): Promise<void> {
    this.#proposeFresh();
    if (this.#stopped !== undefined) throw this.#stopped;
    if (to === this.#settings.id) throw new TroupeError('INVALID_ARGUMENT', `${to} can't hand over to itself`);
    this.#ask(() => this.#node.transferLeader(to));
    return new Promise((resolve, reject) => {
      this.#handover.begin({ resolve, reject });
      this.#pump();
    });
  }

  async changeMembers(change: MembershipChange): Promise<Configuration> {
    this.#proposeFresh();
    if (this.#stopped !== undefined) throw this.#stopped;
    const proposed = this.#ask(() => this.#node.proposeChange(change));
    return new Promise((resolve, reject) => {
      this.#changes.add(proposed, { resolve, reject });
      this.#pump();
    });
  }

  campaign(): void {
    if (this.#stopped !== undefined) return;
    this.#node.campaign();
    this.#pump();
  }

  disconnected(peer: NodeId): void {
    if (this.#stopped !== undefined) return;
    this.#node.disconnected(peer);
    this.#pump();
  }

  receive(messages: readonly Message[]): void {
    for (const message of messages) {
      if (message.type === 'snapshot') this.#onSnapshot(message);
      else this.#step(message);
    }
    this.#pump();
  }

  readSnapshot(index: number): AsyncIterable<Uint8Array> {
    return this.#settings.log.readSnapshot(index);
  }

  async compact(): Promise<void> {
    while (this.#storage.installing !== undefined) await this.#storage.installing;
    if (this.#stopped !== undefined) throw this.#stopped;
    await this.#snapshots.take();
  }

  onStatus(listener: (status: Status) => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  onConfiguration(listener: (configuration: Configuration) => void): () => void {
    this.#configurationListeners.add(listener);
    return () => this.#configurationListeners.delete(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #tick(): void {
    const { electionTicks } = this.#settings;
    try {
      if (this.#late) this.#node.voidLease();
      this.#tickedAt = this.#settings.clock.monotonic();
      this.#node.tick();
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#barriers.tick();
    this.#fetch.tick();
    this.#changes.tick();
    this.#handover.tick(this.#node.transferee !== undefined);
    const orphaned = this.#role !== 'leader' && this.#proposals.placed;
    this.#orphanTicks = orphaned ? this.#orphanTicks + 1 : 0;
    if (this.#orphanTicks >= electionTicks * ORPHAN_ELECTIONS_MAX) this.#proposals.dropPlaced();
    this.#proposeFresh();
    this.#pump();
  }

  /** Whether more time has passed since the last tick than a lease bears. */
  get #late(): boolean {
    const { clock, tickMs } = this.#settings;
    return clock.monotonic() - this.#tickedAt > tickMs * TICK_LATE_FACTOR;
  }

  #leaseIndex(): number | undefined {
    return this.#late ? undefined : this.#node.leaseIndex();
  }

  /** While the leadership is handed over, proposals wait until it is known who leads then. */
  #proposeFresh(): void {
    if (this.#handover.holds) return;
    this.#proposals.flush((data) => this.#ask(() => this.#node.propose(data)));
    this.#pump();
  }

  /** Asks the node for something. A refusal is the caller's; any other error is a defect, and ends this member. */
  #ask<T>(request: () => T): T {
    try {
      return request();
    } catch (error) {
      if (!isTroupeError(error) || error.code === 'INVARIANT_VIOLATED' || error.code === 'LOG_CORRUPT') {
        this.#fail(error);
      }
      throw error;
    }
  }

  /** Gives the node a message. One that can't be right is dropped; any other error ends this member. */
  #step(message: Message): void {
    if (this.#stopped !== undefined) return;
    try {
      this.#node.step(message);
    } catch (error) {
      if (isTroupeError(error, 'PROTOCOL_VIOLATION')) {
        this.#logger.warn('dropped a message that breaks the protocol', { from: message.from, error: error.message });
      } else {
        this.#fail(error);
      }
    }
  }

  /** The node hears of a snapshot it may need only when the bytes are here. */
  #onSnapshot(message: Message): void {
    const { snapshot } = message;
    const { term, commit } = this.#node.status();
    if (snapshot === undefined || message.term < term || snapshot.index <= commit) this.#step(message);
    // The log keeps one that it has received: another must not take its place while it is being installed.
    else if (this.#stopped === undefined && this.#storage.installing === undefined)
      this.#fetch.start(message, snapshot);
  }

  /** Does what the node wants done until it wants nothing more. */
  #pump(): void {
    // Listeners and state machines may call back in: the loop that is running sees what they caused.
    if (this.#pumping) return;
    this.#pumping = true;
    const { applyBytesMax, clock } = this.#settings;
    const afterTurn = (run: () => void): void => clock.yieldThen(run);
    // What a turn sends reaches the socket at the end of the next.
    const afterSends = (run: () => void): void => clock.yieldThen(() => clock.yieldThen(run));
    try {
      let bytes = 0;
      while (this.#stopped === undefined && this.#node.hasReady()) {
        const ready = this.#node.ready();
        if (ready.status !== undefined) this.#changed(ready.status);
        if (ready.configuration !== undefined) this.#configured(ready.configuration);
        if (ready.messages.length > 0) this.#send(ready.messages);
        // What is sent leaves only when this turn ends, so others could not sync meanwhile.
        if (ready.append !== undefined) this.#storage.persist(ready.append, ready.messages.length === 0);
        for (const read of ready.reads) this.#barriers.answered(read.context, read.index);
        if (ready.apply === undefined) continue;
        // Much to apply lets others have a turn. The log writes first, so that its sync runs meanwhile; and where nobody waits for
        // what is applied, the reply that it is durable leaves first.
        if (bytes >= applyBytesMax) this.#applyLater(ready.apply, afterTurn);
        else if (ready.append !== undefined)
          this.#applyLater(ready.apply, this.#role === 'leader' ? queueMicrotask : afterSends);
        else bytes += this.#apply(ready.apply);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#pumping = false;
    }
    if (!this.#announcing && this.#node.unannounced) this.#announceSoon();
  }

  #announceSoon(): void {
    this.#announcing = true;
    const { commit } = this.#node.status();
    this.#settings.clock.schedule(ANNOUNCE_MS, () => {
      this.#announcing = false;
      if (this.#stopped !== undefined) return;
      this.#node.announce(commit);
      this.#pump();
    });
  }

  #changed(status: Status): void {
    const { role, term, leader } = status;
    this.#logger.info('raft status', { role, term, leader });
    this.#role = role;
    this.#handover.changed(status);
    this.#proposeFresh();
    if (leader !== undefined) this.#barriers.askAgain();
    for (const listener of this.#statusListeners) listener(status);
  }

  #configured(configuration: Configuration): void {
    this.#logger.info('raft members', { ...configuration });
    for (const listener of this.#configurationListeners) listener(configuration);
  }

  #send(messages: readonly Message[]): void {
    const { transport } = this.#settings;
    if (messages.length === 1) {
      const message = messages[0] as Message;
      transport.send(message.to, messages);
      return;
    }
    const byMember = Map.groupBy(messages, (message) => message.to);
    for (const [to, theirs] of byMember) transport.send(to, theirs);
  }

  /** What the replies promise is durable now. */
  #deliver(replies: readonly Message[]): void {
    if (this.#stopped !== undefined) return;
    const { id } = this.#settings;
    const others = replies.filter((reply) => reply.to !== id);
    if (others.length > 0) this.#send(others);
    for (const reply of replies) if (reply.to === id) this.#step(reply);
    this.#pump();
  }

  #installed(index: number): void {
    this.#snapshots.installed(index);
    this.#proposals.dropThrough(index);
    this.#changes.dropThrough(index);
    this.#applied = index;
    this.#barriers.advance();
  }

  #applyLater(work: ApplyWork, later: (run: () => void) => void): void {
    this.#applyingLater = new Promise((resolve) => {
      later(() => {
        resolve();
        if (this.#stopped !== undefined) return;
        try {
          this.#apply(work);
        } catch (error) {
          this.#fail(error);
        }
        this.#pump();
      });
    });
  }

  /** @returns bytes applied */
  #apply(work: ApplyWork): number {
    const { entries } = work;
    const replies = this.#settings.stateMachine.apply(entries);
    invariant(replies.length === entries.length, 'the state machine replies to each entry');
    let bytes = 0;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i] as (typeof entries)[number];
      bytes += entry.data.byteLength;
      this.#proposals.settle(entry.index, entry.term, replies[i]);
    }
    this.#node.step(work.reply);
    this.#changes.applied(entries, this.#node.status().configuration);
    this.#applied = (entries.at(-1) as (typeof entries)[number]).index;
    this.#barriers.advance();
    this.#snapshots.applied(this.#applied, bytes);
    return bytes;
  }

  #fail(cause: unknown): void {
    if (this.#stopped !== undefined) return;
    const error = asTroupeError(cause, 'INVARIANT_VIOLATED');
    this.#logger.error('the member stops', { code: error.code, error: error.message, address: error.address });
    this.#stop(error);
    this.#resolveFailed(error);
  }

  #stop(error: TroupeError): void {
    this.#stopped = error;
    this.#ticker.cancel();
    this.#proposals.dropAll(error);
    this.#changes.dropAll(error);
    this.#barriers.dropAll(error);
    this.#handover.fail(error);
  }

  async #close(): Promise<void> {
    if (this.#stopped === undefined) this.#stop(new TroupeError('SHUTTING_DOWN', 'the member is closed'));
    await this.#fetch.stop();
    await Promise.allSettled([this.#snapshots.idle(), this.#storage.installing]);
    await this.#settings.log.close();
  }
}
