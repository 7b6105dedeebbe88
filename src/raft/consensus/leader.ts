import { invariant, type NodeId, TroupeError } from '../../core/index.ts';
import { Lease } from './lease.ts';
import { encodeConfiguration, enterJoint, isSimple, leaveJoint, type MembershipChange, simple } from './membership.ts';
import type { ResolvedOptions } from './options.ts';
import { Progress } from './progress.ts';
import { isVoter, membersOf, quorumIndex, voteResult } from './quorum.ts';
import type { ConsensusLog } from './raft-log.ts';
import { ReadRounds } from './read-index.ts';
import type { Configuration, Entry, Message } from './types.ts';
import { UncommittedBytes } from './uncommitted.ts';
import { entryBytes } from './unstable.ts';

/** Where proposals went: indices from `firstIndex` to `lastIndex`, in the leader's term. */
export interface Proposed {
  readonly term: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
}

/** What a leadership needs of the member that holds it. */
export interface LeaderContext {
  readonly options: ResolvedOptions;
  readonly log: ConsensusLog;
  readonly term: number;
  readonly configuration: Configuration;
  /** Sends a message; it may go out before anything is durable. */
  send(message: Message): void;
  /** One of this member's own reads may be served at `index`. */
  readable(context: number, index: number): void;
}

const NOTHING: readonly Entry[] = [];
const NO_DATA = new Uint8Array(0);

/** Ticks without a commit, though there is something to commit, after which a member that is behind may be what is waited for. */
const STALLED_TICKS = 3;

/**
 * One leadership, in one term: made when an election is won, thrown away when it ends, so that nothing of it (progress,
 * reads, transfer) can leak into another. Sends are put off until `flush`, so that whatever was proposed or answered
 * in between leaves as one message for each member.
 */
export class Leader {
  readonly #context: LeaderContext;
  readonly #log: ConsensusLog;
  readonly #options: ResolvedOptions;
  readonly #id: NodeId;
  readonly #term: number;
  readonly #members: Map<NodeId, Progress> = new Map();
  readonly #reads: ReadRounds;
  readonly #lease: Lease;
  readonly #uncommitted: UncommittedBytes = new UncommittedBytes();
  #configuration: Configuration;
  /** Members other than this one. */
  #peers: Progress[] = [];
  #due = true;
  /** Ticks of this leadership. */
  #ticks = 0;
  #heartbeatElapsed = 0;
  #electionElapsed = 0;
  /** No change of the members may start before this index is applied: a change may be on its way below it. */
  #changeIndex: number;
  #transferee: NodeId | undefined;
  #transferElapsed = 0;
  #handedOver = false;
  /** Where the log was committed at the last tick, and ticks since it moved or had nothing to wait for. */
  #committed = 0;
  #stalledTicks = 0;
  /** The end of the log at the last two checks of the quorum, an election time-out apart. */
  #marks: readonly [older: number, newer: number];

  /** Begins the leadership: a no-op of its term goes into the log, as only that may commit what came before. */
  constructor(context: LeaderContext) {
    this.#context = context;
    this.#log = context.log;
    this.#options = context.options;
    this.#id = context.options.id;
    this.#term = context.term;
    this.#reads = new ReadRounds(context.options.readsMax);
    this.#lease = new Lease(context.options.leaseTicks);
    this.#configuration = context.configuration;
    this.#changeIndex = this.#log.lastIndex;
    this.#marks = [this.#log.lastIndex, this.#log.lastIndex];
    this.#setMembers(context.configuration, false);
    this.#append([NO_DATA], 'normal');
    this.durable();
  }

  /** Whether `flush` has something to do. */
  get due(): boolean {
    return this.#due || this.#reads.due;
  }

  /** Whom the leadership is being handed to. */
  get transferee(): NodeId | undefined {
    return this.#transferee;
  }

  /** What is known of each member, this one included. */
  get progress(): ReadonlyMap<NodeId, Progress> {
    return this.#members;
  }

  /**
   * Index of the last entry that nobody needs sent any more: members that were heard of lately are not to start over with another
   * snapshot because the log was cut in front of them.
   */
  neededAfter(): number {
    let index = this.#log.applied;
    for (const { active, activeBefore, needsAfter } of this.#members.values()) {
      if (active || activeBefore) index = Math.min(index, needsAfter);
    }
    return index;
  }

  /** The configuration changed by an entry that was applied; what is known of members that stay is kept. */
  reconfigure(configuration: Configuration): void {
    // A newcomer is given a whole election time-out before its silence counts.
    this.#setMembers(configuration, true);
    // A quorum of two changes ago need not meet one of today.
    this.#lease.void();
    // A smaller quorum may have what a larger one was waiting for.
    this.#commit();
  }

  /**
   * Appends entries to the log.
   *
   * @throws TroupeError NOT_LEADER while the leadership is being handed over (data.leader: to whom), OVERLOADED when too much is
   *   uncommitted
   */
  propose(data: readonly Uint8Array[]): Proposed {
    invariant(data.length > 0, 'a proposal has at least one entry');
    this.#refuseInTransfer();
    let bytes = 0;
    for (const each of data) bytes += each.length;
    const { uncommittedBytesMax } = this.#options;
    // One proposal always fits when nothing is waiting: its size is limited elsewhere, and refusing it would never end.
    if (this.#uncommitted.bytes > 0 && this.#uncommitted.bytes + bytes > uncommittedBytesMax) {
      throw new TroupeError('OVERLOADED', `${this.#uncommitted.bytes} of ${uncommittedBytesMax} bytes are uncommitted`);
    }
    const proposed = this.#append(data, 'normal');
    this.#uncommitted.add(proposed.lastIndex, bytes);
    return proposed;
  }

  /**
   * Proposes a change of the members: in one step when at most one voter changes, else through a joint configuration that is
   * left by itself. It holds once its entry is applied. Who is to become a voter must have caught up as a learner: else the
   * group could stand still until it has.
   *
   * @throws TroupeError INVALID_ARGUMENT when the change makes no sense, NOT_CAUGHT_UP (data.member, data.behind in entries),
   *   OVERLOADED while another is under way or before the first commit of this term; and as `propose`
   */
  change(change: MembershipChange): Proposed {
    this.#refuseInTransfer();
    if (!this.#mayChange) throw new TroupeError('OVERLOADED', 'another change of the members may be under way');
    const next = isSimple(this.#configuration, change) ? simple : enterJoint;
    const configuration = next(this.#configuration, change);
    for (const id of change.voters ?? []) this.#requireCaughtUp(id);
    return this.#proposeConfiguration(configuration);
  }

  /** Whom to leave the leadership to: the voter that was heard of and has most of the log; undefined when there is none. */
  get heir(): NodeId | undefined {
    let best: Progress | undefined;
    for (const member of this.#peers) {
      if (!member.active || !isVoter(this.#configuration, member.id)) continue;
      if (best === undefined || member.match > best.match) best = member;
    }
    return best?.id;
  }

  /** The index at which a read may be served without asking anyone; undefined without a lease. */
  get leaseIndex(): number | undefined {
    const holds = this.#committedInTerm && this.#transferee === undefined && this.#lease.holds(this.#ticks);
    return holds ? this.#log.commit : undefined;
  }

  /** Time may have passed uncounted. */
  voidLease(): void {
    this.#lease.void();
  }

  /** Leaves a joint configuration as soon as that is allowed: nobody has to ask for it. */
  leaveJoint(): void {
    if (this.#configuration.votersOutgoing === undefined || !this.#mayChange || this.#transferee !== undefined) return;
    this.#proposeConfiguration(leaveJoint(this.#configuration));
  }

  /** More of this member's own log may be durable: only now does the leader count itself. */
  durable(): void {
    const self = this.#members.get(this.#id);
    if (self === undefined) return;
    self.matched(this.#log.durableIndex);
    this.#commit();
  }

  /** A member answered an append. */
  onAppendReply(message: Message): void {
    const member = this.#members.get(message.from);
    const index = message.index ?? 0;
    if (member === undefined || message.from === this.#id) return;
    if (index > this.#log.lastIndex) {
      throw new TroupeError('PROTOCOL_VIOLATION', `${message.from} answers for ${index}, which was never sent`);
    }
    member.active = true;
    this.#due = true;
    if (message.reject) {
      member.rejected(index, this.#agreement(message));
      return;
    }
    const news = index > member.match;
    member.matched(index);
    if (member.state === 'probe' && index === member.match) member.replicate();
    else if (member.state === 'snapshot' && member.match + 1 >= this.#log.firstIndex) member.probe();
    if (news) this.#commit();
  }

  /** A member answered a heartbeat. */
  onHeartbeatReply(message: Message): void {
    const member = this.#members.get(message.from);
    if (member === undefined || message.from === this.#id) return;
    member.active = true;
    this.#due = true;
    member.lives();
    const round = message.context ?? 0;
    if (round > this.#reads.round) return;
    if (message.lease && round > member.leaseRound) {
      member.leaseRound = round;
      this.#lease.granted(this.#settled((each) => each.leaseRound));
    }
    if (round <= member.readRound) return;
    member.readRound = round;
    this.#settleReads();
  }

  /** Messages to a member didn't go out: what was pipelined may be lost. */
  onUnreachable(id: NodeId): void {
    const member = this.#members.get(id);
    if (member?.state === 'replicate') member.probe();
  }

  /** A member has fetched a snapshot, or failed to: look where it stands; a failure waits for its next sign of life. */
  onSnapshotStatus(id: NodeId, failed: boolean): void {
    const member = this.#members.get(id);
    if (member?.state !== 'snapshot') return;
    member.probe();
    member.waiting = failed;
    this.#due = true;
  }

  /**
   * Takes a read in; it is answered after a quorum has confirmed this leadership.
   *
   * @returns false when too many reads wait
   */
  read(from: NodeId, context: number): boolean {
    return this.#reads.add(from, context, this.#committedInTerm ? this.#log.commit : undefined);
  }

  /**
   * Hands the leadership to a voter: when its log is complete it is told to stand at once. Given up after `electionTicks`.
   *
   * @param to undefined for the voter that is furthest along
   * @throws TroupeError INVALID_ARGUMENT when `to` doesn't vote, NO_QUORUM when no other voter was heard of
   */
  transfer(to: NodeId | undefined): void {
    const target = to ?? this.heir;
    if (target === undefined) throw new TroupeError('NO_QUORUM', 'no other voter is there to take the leadership');
    if (target === this.#id || target === this.#transferee) return;
    const member = this.#members.get(target);
    if (member === undefined || !isVoter(this.#configuration, target)) {
      throw new TroupeError('INVALID_ARGUMENT', `${target} is not a voter and can't lead`, { address: target });
    }
    this.#transferee = target;
    this.#transferElapsed = 0;
    this.#handedOver = false;
    member.nudge = true;
    this.#due = true;
  }

  /**
   * Time passes.
   *
   * @returns false when no quorum was heard of for an election time-out: the leader must step down
   */
  tick(): boolean {
    this.#ticks++;
    this.leaveJoint();
    this.#rationTick();
    if (this.#transferee !== undefined && ++this.#transferElapsed >= this.#options.electionTicks) {
      this.#transferee = undefined;
    }
    if (++this.#electionElapsed >= this.#options.electionTicks) {
      this.#electionElapsed = 0;
      if (this.#options.checkQuorum && !this.#hearsQuorum()) return false;
      this.#marks = [this.#marks[1], this.#log.lastIndex];
      for (const member of this.#peers) {
        member.activeBefore = member.active;
        member.active = false;
        // The message that named the snapshot may have been lost, and nothing else would ever ask again.
        if (member.state === 'snapshot') member.waiting = false;
      }
      this.#due = true;
    }
    if (++this.#heartbeatElapsed < this.#options.heartbeatTicks) return true;
    for (const member of this.#peers) member.watch(this.#log.lastIndex);
    this.#heartbeat();
    return true;
  }

  /** Whether a member could commit more than it has been told. */
  get unannounced(): boolean {
    return this.#peers.some((member) => this.#news(member) !== undefined);
  }

  /** Tells members how far the log is committed where no append has told them of `commit`: a heartbeat that wants no answer. */
  announce(commit: number): void {
    for (const member of this.#peers) if (member.sentCommit < commit) this.#announceTo(member);
  }

  /** Sends what is due to each member, and starts a round for the reads that came. */
  flush(): void {
    this.#due = false;
    if (this.#reads.due) this.#heartbeat();
    for (const member of this.#peers) while (this.#sendNext(member)) {}
    this.#handOver();
  }

  #append(data: readonly Uint8Array[], kind: Entry['kind']): Proposed {
    const term = this.#term;
    const firstIndex = this.#log.lastIndex + 1;
    const entries = data.map((each, i) => ({ term, index: firstIndex + i, kind, data: each }));
    this.#log.append(entries);
    const bytes = bytesOf(entries);
    for (const member of this.#peers) member.catchUp.grew(bytes);
    this.#due = true;
    return { term, firstIndex, lastIndex: this.#log.lastIndex };
  }

  #refuseInTransfer(): void {
    const leader = this.#transferee;
    if (leader === undefined) return;
    throw new TroupeError('NOT_LEADER', `leadership is being handed to ${leader}`, { data: { leader } });
  }

  /** Whether an entry of this leadership is committed: only then does the leader know all that was committed before it. */
  get #committedInTerm(): boolean {
    return this.#log.term(this.#log.commit) === this.#term;
  }

  /** One change at a time, and none before the first commit of the term (Ongaro's correction to the dissertation). */
  get #mayChange(): boolean {
    return this.#committedInTerm && this.#log.applied >= this.#changeIndex;
  }

  #proposeConfiguration(configuration: Configuration): Proposed {
    const proposed = this.#append([encodeConfiguration(configuration)], 'config');
    this.#changeIndex = proposed.lastIndex;
    return proposed;
  }

  #setMembers(configuration: Configuration, active: boolean): void {
    const { inflightMessagesMax, inflightBytesMax, catchUpBytes } = this.#options;
    const members = membersOf(configuration);
    this.#configuration = configuration;
    for (const id of this.#members.keys()) if (!members.includes(id)) this.#members.delete(id);
    for (const id of members) {
      if (this.#members.has(id)) continue;
      const progress = new Progress(id, this.#log.lastIndex + 1, inflightMessagesMax, inflightBytesMax, catchUpBytes);
      progress.active = active;
      this.#members.set(id, progress);
    }
    this.#peers = [...this.#members.values()].filter((member) => member.id !== this.#id);
    if (this.#transferee !== undefined && !isVoter(configuration, this.#transferee)) this.#transferee = undefined;
    this.#due = true;
  }

  #hearsQuorum(): boolean {
    const heard = (id: NodeId): boolean => id === this.#id || (this.#members.get(id)?.active ?? false);
    return voteResult(this.#configuration, heard) === 'won';
  }

  /**
   * Caught up is who holds what the log held one to two election time-outs ago: it is behind by no longer than the group would
   * wait for a new leader. That is the dissertation's last round (section 4.2.1), and needs no bound in entries or bytes.
   */
  #requireCaughtUp(id: NodeId): void {
    if (isVoter(this.#configuration, id)) return;
    const member = this.#members.get(id);
    const match = member?.match ?? 0;
    if (member?.active && member.state === 'replicate' && match >= this.#marks[0]) return;
    const behind = this.#log.lastIndex - match;
    throw new TroupeError(
      'NOT_CAUGHT_UP',
      `${id} lacks ${behind} entries; it must follow as a learner until it has them`,
      {
        address: id,
        data: { member: id, behind },
      },
    );
  }

  /** Only an entry of the own term is committed by counting (Raft paper, section 5.4.2); those before it come along. */
  #commit(): void {
    const index = quorumIndex(this.#configuration, (id) => this.#members.get(id)?.match ?? 0);
    if (index <= this.#log.commit || this.#log.term(index) !== this.#term) return;
    this.#log.commitTo(index);
    this.#uncommitted.freeTo(index);
    this.#reads.release(index);
    this.#due = true;
  }

  /** Where a refusing member's log may agree: not above its hint, and not above our last entry of the hint's term. */
  #agreement(message: Message): number {
    const hint = message.rejectHint ?? 0;
    const term = message.logTerm ?? 0;
    return term === 0 ? hint : this.#log.lastIndexOfTerm(hint, term);
  }

  /** Sends one append or snapshot if one is due; true when another may follow. */
  #sendNext(member: Progress): boolean {
    if (member.paused) return false;
    if (member.state === 'snapshot') return this.#sendSnapshot(member);
    const { commit, lastIndex } = this.#log;
    const probing = member.state === 'probe';
    const rationed = this.#rationed(member);
    const bytesMax = Math.min(this.#options.appendBytesMax, rationed ? member.catchUp.bytes : Number.POSITIVE_INFINITY);
    const empty = member.next > lastIndex || bytesMax === 0;
    if (empty && !probing && !member.nudge) return false;
    const previous = member.next - 1;
    const logTerm = this.#log.term(previous);
    const entries = empty ? NOTHING : this.#log.slice(member.next, lastIndex + 1, bytesMax);
    if (logTerm === undefined || entries === undefined) return this.#sendSnapshot(member);
    member.nudge = false;
    member.told(Math.min(commit, previous + entries.length));
    const head = { type: 'append', from: this.#id, to: member.id, term: this.#term } as const;
    this.#context.send({ ...head, index: previous, logTerm, commit, entries });
    const bytes = bytesOf(entries);
    if (rationed) member.catchUp.sent(bytes);
    if (probing) {
      member.waiting = true;
      return false;
    }
    if (empty) return false;
    member.sent(previous + entries.length, bytes);
    return true;
  }

  /**
   * Whether nobody waits for what the member lacks: the others have committed it. Not so while nothing is committed, as it may be needed
   * in the place of one that has died, nor when it is to lead.
   */
  #rationed(member: Progress): boolean {
    const behind = member.next <= this.#log.commit;
    return behind && this.#stalledTicks < STALLED_TICKS && member.id !== this.#transferee;
  }

  #rationTick(): void {
    const { commit, lastIndex } = this.#log;
    this.#stalledTicks = commit > this.#committed || commit === lastIndex ? 0 : this.#stalledTicks + 1;
    this.#committed = commit;
    for (const member of this.#peers) member.catchUp.tick();
  }

  #sendSnapshot(member: Progress): boolean {
    const { snapshot } = this.#log;
    // To a member that gives no sign of life it would be wasted.
    if (!member.active || snapshot === undefined) return false;
    member.snapshot(snapshot.index);
    this.#context.send({ type: 'snapshot', from: this.#id, to: member.id, term: this.#term, snapshot });
    return false;
  }

  /** Starts a round. A heartbeat's commit stays at what the member is known to hold. */
  #heartbeat(): void {
    this.#heartbeatElapsed = 0;
    const context = this.#reads.start();
    this.#lease.sent(context, this.#ticks);
    for (const member of this.#peers) {
      const commit = Math.min(member.match, this.#log.commit);
      member.told(commit);
      const head = { type: 'heartbeat', from: this.#id, to: member.id, term: this.#term } as const;
      this.#context.send({ ...head, commit, context, ...(this.#lease.wanted ? { lease: true } : {}) });
    }
    // Alone this leader is the quorum.
    this.#lease.granted(this.#settled((member) => member.leaseRound));
    this.#settleReads();
  }

  /** The last round that a quorum has reached, this leader included. */
  #settled(roundOf: (member: Progress) => number): number {
    return quorumIndex(this.#configuration, (id) => {
      if (id === this.#id) return this.#reads.round;
      const member = this.#members.get(id);
      return member === undefined ? 0 : roundOf(member);
    });
  }

  /** What a member may commit and wasn't told of. */
  #news(member: Progress): number | undefined {
    const commit = Math.min(member.match, this.#log.commit);
    return member.state === 'replicate' && commit > member.sentCommit ? commit : undefined;
  }

  #announceTo(member: Progress): void {
    const commit = this.#news(member);
    if (commit === undefined) return;
    member.told(commit);
    this.#context.send({ type: 'heartbeat', from: this.#id, to: member.id, term: this.#term, commit });
  }

  #settleReads(): void {
    const settled = this.#settled((member) => member.readRound);
    for (let read = this.#reads.take(settled); read !== undefined; read = this.#reads.take(settled)) {
      const { from, context, index } = read;
      if (from === this.#id) {
        this.#context.readable(context, index);
        continue;
      }
      // It can serve the read only when it has applied what is committed.
      const member = this.#members.get(from);
      if (member !== undefined) this.#announceTo(member);
      this.#context.send({ type: 'readIndexReply', from: this.#id, to: from, term: this.#term, context, index });
    }
  }

  #handOver(): void {
    if (this.#transferee === undefined || this.#handedOver) return;
    if (this.#members.get(this.#transferee)?.match !== this.#log.lastIndex) return;
    this.#handedOver = true;
    this.#lease.end();
    this.#context.send({ type: 'timeoutNow', from: this.#id, to: this.#transferee, term: this.#term });
  }
}

function bytesOf(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry);
  return bytes;
}
