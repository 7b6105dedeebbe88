import {
  asTroupeError,
  errorMessage,
  invariant,
  isTroupeError,
  type Logger,
  type NodeId,
  nullLogger,
  nullTracer,
  type Span,
  type Timer,
  TroupeError,
} from '../../core/index.ts';
import {
  type AppendWork,
  type ApplyWork,
  type Configuration,
  type MembershipChange,
  type Message,
  RaftNode,
  type SnapshotMeta,
  type Status,
} from '../consensus/index.ts';
import { Barriers } from './barriers.ts';
import { Changes } from './changes.ts';
import {
  BARRIER_ELECTIONS_MAX,
  CHANGE_ELECTIONS_MAX,
  FETCH_IDLE_ELECTIONS_MAX,
  type MemberSettings,
  ORPHAN_ELECTIONS_MAX,
  type RaftMemberOptions,
} from './options.ts';
import type { BarrierOptions, Committed, ProposeOptions, RaftMember } from './port.ts';
import { type Proposal, Proposals, refuse } from './proposals.ts';
import { SnapshotFetch } from './snapshot-fetch.ts';

/**
 * Opens a member: brings the state machine up to the log's snapshot when it is behind it, and starts to tick.
 *
 * @throws TroupeError LOG_CORRUPT when log and state machine can't belong together, SNAPSHOT_CORRUPT, INVALID_CONFIGURATION
 *
 * @example
 * const log = await openDiskLog({ disk: new FileDisk(path), clusterId, id });
 * const member = await openRaftMember({ id, clusterId, voters, log, transport, stateMachine, clock, random });
 * const { index, reply } = await member.propose(command);
 */
export async function openRaftMember(options: RaftMemberOptions): Promise<RaftMember> {
  const settings: MemberSettings = {
    logger: nullLogger,
    tracer: nullTracer,
    tickMs: 50,
    electionTicks: 6,
    heartbeatTicks: 1,
    snapshotEveryEntries: 10_000,
    snapshotEveryBytes: 8 * 2 ** 20,
    keepEntries: 1_000,
    proposalsMax: 16_384,
    barriersMax: 65_536,
    applyBytesMax: 256 * 1024,
    ...options,
  };
  const { log, stateMachine } = settings;
  const snapshot = log.snapshot();
  if (snapshot !== undefined && stateMachine.appliedIndex < log.firstIndex() - 1) {
    await stateMachine.restore(snapshot, log.readSnapshot(snapshot.index));
  }
  return new Member(settings, snapshot?.configuration ?? { voters: settings.voters });
}

/**
 * The loop around one RaftNode. Messages leave at once; appends go to the log, whose group commit joins them, and their replies
 * go out when they are durable; committed entries are applied meanwhile. All calls into the node are made from this thread, and
 * after each the node is asked what to do (`#pump`).
 */
class Member implements RaftMember {
  readonly failed: Promise<unknown>;
  readonly #settings: MemberSettings;
  readonly #logger: Logger;
  readonly #node: RaftNode;
  readonly #proposals = new Proposals();
  readonly #barriers: Barriers;
  readonly #changes: Changes;
  readonly #fetch: SnapshotFetch;
  readonly #listeners: Set<(status: Status) => void> = new Set();
  readonly #configurationListeners: Set<(configuration: Configuration) => void> = new Set();
  readonly #transfers: Set<{ readonly resolve: () => void; readonly reject: (error: unknown) => void }> = new Set();
  readonly #ticker: Timer;
  readonly #resolveFailed: (error: unknown) => void;
  /** Proposals of this turn. */
  #fresh: Proposal[] = [];
  /** Ticks since the leadership was lost while proposals of it wait. */
  #orphanTicks = 0;
  #role: Status['role'] = 'follower';
  #applied: number;
  /** Applied when a snapshot was last taken or tried, and bytes applied since. */
  #snapshotIndex: number;
  #snapshotBytes = 0;
  #saving: Promise<void> | undefined;
  /** While a snapshot is being installed, later appends wait for it. */
  #installing: Promise<void> | undefined;
  #pumping = false;
  /** Why nothing more is done. */
  #stopped: TroupeError | undefined;
  #closing: Promise<void> | undefined;

  constructor(settings: MemberSettings, configuration: Configuration) {
    const { id, log, clock, electionTicks, stateMachine } = settings;
    this.#settings = settings;
    this.#logger = settings.logger.child({ component: 'raft', cluster: settings.clusterId, node: id });
    this.#applied = stateMachine.appliedIndex;
    this.#snapshotIndex = log.snapshot()?.index ?? 0;
    this.#node = new RaftNode({
      id,
      log,
      hardState: log.recovered.hardState,
      applied: this.#applied,
      configuration,
      random: settings.random,
      electionTicks,
      heartbeatTicks: settings.heartbeatTicks,
      applyBytesMax: settings.applyBytesMax,
    });
    this.#barriers = new Barriers({
      ask: (context) => this.#node.readIndex(context),
      applied: () => this.#applied,
      askAgainTicks: electionTicks,
      ticksMax: electionTicks * BARRIER_ELECTIONS_MAX,
      waitingMax: settings.barriersMax,
    });
    this.#changes = new Changes(electionTicks * CHANGE_ELECTIONS_MAX);
    this.#fetch = new SnapshotFetch({
      transport: settings.transport,
      log,
      logger: this.#logger,
      idleTicksMax: electionTicks * FETCH_IDLE_ELECTIONS_MAX,
      deliver: (message) => {
        this.#step(message);
        this.#pump();
      },
    });
    const failed = Promise.withResolvers<unknown>();
    this.failed = failed.promise;
    this.#resolveFailed = failed.resolve;
    this.#ticker = clock.repeat(settings.tickMs, () => this.#tick());
    // Alone there is nobody to wait for.
    if (configuration.voters.length === 1) this.#node.campaign();
    this.#pump();
  }

  get status(): Status {
    return this.#node.status();
  }

  propose(data: Uint8Array, options: ProposeOptions = {}): Promise<Committed> {
    const { proposalsMax, tracer } = this.#settings;
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
    if (this.#proposals.size + this.#fresh.length >= proposalsMax) {
      return Promise.reject(new TroupeError('OVERLOADED', `${proposalsMax} proposals are waiting for their outcome`));
    }
    const { traceparent } = options;
    const span: Span | undefined =
      traceparent === undefined ? undefined : tracer.start('raft.propose', { parent: traceparent });
    return new Promise((resolve, reject) => {
      this.#fresh.push({ data, span, resolve, reject });
      if (this.#fresh.length === 1) queueMicrotask(() => this.#proposeFresh());
    });
  }

  barrier(_options: BarrierOptions = {}): Promise<number> {
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
    return this.#barriers.wait(() => {
      this.#barriers.askFresh();
      this.#pump();
    });
  }

  transferLeadership(to?: NodeId): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#stopped !== undefined) throw this.#stopped;
      if (to === this.#settings.id) throw new TroupeError('INVALID_ARGUMENT', `${to} can't hand over to itself`);
      // Consensus refuses proposals from here on; those of this turn came before.
      this.#proposeFresh();
      this.#node.transferLeader(to);
      this.#transfers.add({ resolve, reject });
      this.#pump();
    });
  }

  async changeMembers(change: MembershipChange): Promise<Configuration> {
    if (this.#stopped !== undefined) throw this.#stopped;
    this.#proposeFresh();
    const proposed = this.#node.proposeChange(change);
    return new Promise((resolve, reject) => {
      this.#changes.add(proposed, { resolve, reject });
      this.#pump();
    });
  }

  disconnected(peer: NodeId): void {
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
    if (this.#stopped !== undefined) throw this.#stopped;
    await this.#installing;
    await (this.#saving ?? this.#takeSnapshot());
  }

  onStatus(listener: (status: Status) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
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
    this.#node.tick();
    this.#barriers.tick();
    this.#fetch.tick();
    this.#changes.tick();
    const orphaned = this.#role !== 'leader' && this.#proposals.size > 0;
    this.#orphanTicks = orphaned ? this.#orphanTicks + 1 : 0;
    if (this.#orphanTicks >= electionTicks * ORPHAN_ELECTIONS_MAX) this.#proposals.dropAll();
    if (this.#transfers.size > 0 && this.#role === 'leader' && this.#node.transferee === undefined) {
      this.#endTransfers(new TroupeError('TIMEOUT', 'nobody took the leadership over'));
    }
    this.#pump();
  }

  #proposeFresh(): void {
    const fresh = this.#fresh;
    this.#fresh = [];
    if (fresh.length === 0) return;
    try {
      this.#proposals.place(fresh, this.#node.propose(fresh.map((each) => each.data)));
    } catch (error) {
      for (const proposal of fresh) refuse(proposal, error);
    }
    this.#pump();
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
    else if (this.#stopped === undefined) this.#fetch.start(message, snapshot);
  }

  /** Does what the node wants done until it wants nothing more. */
  #pump(): void {
    // Listeners and state machines may call back in: the loop that is running sees what they caused.
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      let bytes = 0;
      while (this.#stopped === undefined && this.#node.hasReady()) {
        const ready = this.#node.ready();
        if (ready.status !== undefined) this.#changed(ready.status);
        if (ready.configuration !== undefined) this.#configured(ready.configuration);
        if (ready.messages.length > 0) this.#send(ready.messages);
        if (ready.append !== undefined) this.#persist(ready.append);
        for (const read of ready.reads) this.#barriers.answered(read.context, read.index);
        if (ready.apply === undefined) continue;
        if (bytes < this.#settings.applyBytesMax) bytes += this.#apply(ready.apply);
        else this.#applyLater(ready.apply);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#pumping = false;
    }
  }

  #changed(status: Status): void {
    const { role, term, leader } = status;
    this.#logger.info('raft status', { role, term, leader });
    this.#role = role;
    if (role !== 'leader') this.#endTransfers(undefined);
    if (leader !== undefined) this.#barriers.askAgain();
    for (const listener of this.#listeners) listener(status);
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

  #persist(work: AppendWork): void {
    if (work.snapshot !== undefined || this.#installing !== undefined) {
      const before = this.#installing ?? Promise.resolve();
      const done = before.then(() => this.#install(work));
      this.#installing = done;
      done.then(
        () => {
          if (this.#installing === done) this.#installing = undefined;
          this.#deliver(work.replies);
        },
        (error) => this.#fail(error),
      );
      return;
    }
    this.#settings.log.append(work.hardState, work.entries).then(
      () => this.#deliver(work.replies),
      (error) => this.#fail(error),
    );
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

  async #install(work: AppendWork): Promise<void> {
    const { log } = this.#settings;
    if (work.snapshot === undefined) return log.append(work.hardState, work.entries);
    await log.append(work.hardState, []);
    await this.#saving;
    await log.installSnapshot(work.snapshot);
    await this.#restore(work.snapshot);
    await log.append(undefined, work.entries);
  }

  async #restore(meta: SnapshotMeta): Promise<void> {
    const { log, stateMachine } = this.#settings;
    await stateMachine.restore(meta, log.readSnapshot(meta.index));
    invariant(stateMachine.appliedIndex === meta.index, 'a restored state machine is at its snapshot');
    this.#logger.info('installed a snapshot', { index: meta.index, term: meta.term });
    this.#snapshotIndex = meta.index;
    this.#snapshotBytes = 0;
    this.#proposals.dropThrough(meta.index);
    this.#changes.dropThrough(meta.index);
    this.#advance(meta.index);
  }

  #applyLater(work: ApplyWork): void {
    this.#settings.clock.yieldThen(() => {
      if (this.#stopped !== undefined) return;
      try {
        this.#apply(work);
      } catch (error) {
        this.#fail(error);
      }
      this.#pump();
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
    this.#snapshotBytes += bytes;
    this.#advance((entries.at(-1) as (typeof entries)[number]).index);
    return bytes;
  }

  #advance(applied: number): void {
    const { snapshotEveryEntries, snapshotEveryBytes } = this.#settings;
    this.#applied = applied;
    this.#barriers.advance();
    const due = applied - this.#snapshotIndex >= snapshotEveryEntries || this.#snapshotBytes >= snapshotEveryBytes;
    if (!due || this.#saving !== undefined || this.#installing !== undefined) return;
    // The log itself says when it can't go on; until then a missing snapshot only means a longer log.
    this.#takeSnapshot().catch((error) => this.#logger.error('no snapshot was taken', { error: errorMessage(error) }));
  }

  #takeSnapshot(): Promise<void> {
    this.#saving = this.#save().finally(() => {
      this.#saving = undefined;
    });
    return this.#saving;
  }

  async #save(): Promise<void> {
    const { log, stateMachine, keepEntries } = this.#settings;
    const index = stateMachine.appliedIndex;
    this.#snapshotIndex = index;
    this.#snapshotBytes = 0;
    if (index <= (log.snapshot()?.index ?? 0)) return;
    const term = log.term(index);
    invariant(term !== undefined, 'what was applied is in the log');
    const { configuration } = this.#node.status();
    await log.saveSnapshot({ index, term, configuration }, stateMachine.snapshot(), keepEntries);
    this.#logger.debug('took a snapshot', { index, term });
  }

  #endTransfers(error: TroupeError | undefined): void {
    for (const transfer of this.#transfers) {
      if (error === undefined) transfer.resolve();
      else transfer.reject(error);
    }
    this.#transfers.clear();
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
    for (const proposal of this.#fresh) refuse(proposal, error);
    this.#fresh = [];
    this.#proposals.dropAll(error);
    this.#changes.dropAll(error);
    this.#barriers.dropAll(error);
    this.#endTransfers(error);
  }

  async #close(): Promise<void> {
    if (this.#stopped === undefined) this.#stop(new TroupeError('SHUTTING_DOWN', 'the member is closed'));
    await this.#fetch.stop();
    await Promise.allSettled([this.#saving, this.#installing]);
    await this.#settings.log.close();
  }
}
