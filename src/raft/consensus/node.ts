import { invariant, type NodeId, TroupeError } from '../../core/index.ts';
import { Leader, type Proposed } from './leader.ts';
import { decodeConfiguration, type MembershipChange } from './membership.ts';
import { type RaftOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import type { Progress } from './progress.ts';
import { isVoter, voteResult, votersOf } from './quorum.ts';
import { ConsensusLog } from './raft-log.ts';
import { ForwardedReads } from './read-index.ts';
import type {
  AppendWork,
  ApplyWork,
  Configuration,
  Entry,
  HardState,
  Message,
  ReadState,
  Ready,
  SnapshotMeta,
  Status,
} from './types.ts';

const NO_ENTRIES: readonly Entry[] = [];

/** Ticks for which nothing of a leader is heard whose connection broke: what it sent before it died may still arrive. */
const LOST_LEADER_DEAF_TICKS = 2;

/** Ticks between the elections of members that lost their leader at the same time: enough for the first to be heard. */
const LOST_LEADER_STAGGER_TICKS = 2;

/**
 * One member of a Raft group as a pure state machine, after the design of etcd-io/raft: messages, ticks and requests go
 * in, `ready()` says what to do. It has no clock, no promise and no I/O, so the same inputs give the same outputs.
 *
 * The driver's part: call `ready()` while `hasReady`; send `messages` at once; do each AppendWork in the order they came
 * and then send its replies, or `step` those addressed to this member; do each ApplyWork in order and then step its reply;
 * `announce` soon after `unannounced` is true.
 * Appends and applies may run side by side, and `ready()` may be called while they run. A thrown INVARIANT_VIOLATED
 * or LOG_CORRUPT must stop the member; PROTOCOL_VIOLATION comes from a message, which was not taken.
 */
export class RaftNode {
  readonly #options: ResolvedOptions;
  readonly #id: NodeId;
  readonly #log: ConsensusLog;
  readonly #forwarded: ForwardedReads;
  #configuration: Configuration;
  #term: number;
  #vote: NodeId | undefined;
  #role: Status['role'] = 'follower';
  #leader: NodeId | undefined;
  /** Present exactly while this member leads. */
  #leading: Leader | undefined;
  /** Who granted or refused in the election under way; the first answer counts. */
  readonly #votes: Map<NodeId, boolean> = new Map();
  #electionElapsed = 0;
  #electionTimeout = 0;
  /** Ticks for which the vote is promised to nobody, as a leader may serve reads by that promise. */
  #promised = 0;
  /** A leader that may be dead isn't heard for so many ticks. */
  #deafTo: NodeId | undefined;
  #deafTicks = 0;
  /** Told to stand by the last leader while a change of the members waits to be applied: it stands when it is. */
  #called = false;

  /** Hard state as last handed out, the number of the work that carried its term and vote, and the last work's number. */
  #written: HardState;
  #ballotWork = 0;
  #lastWork = 0;
  /** Configurations in entries that are being applied; each holds from when its entry is. */
  #applying: { readonly index: number; readonly configuration: Configuration }[] = [];
  #messages: Message[] = [];
  /** Messages that promise something, and so wait until all that was handed out before is durable. */
  #replies: Message[] = [];
  #reads: ReadState[] = [];
  #statusChanged = true;
  #configurationChanged = false;

  /**
   * @throws TroupeError INVALID_CONFIGURATION, or LOG_CORRUPT when the log, its hard state and the state machine can't
   *   belong together
   */
  constructor(options: RaftOptions) {
    this.#options = resolveOptions(options);
    this.#id = options.id;
    this.#term = options.hardState?.term ?? 0;
    this.#vote = options.hardState?.vote;
    this.#written = options.hardState ?? { term: 0, vote: undefined, commit: 0 };
    this.#log = new ConsensusLog(options.log, this.#written.commit, options.applied);
    this.#forwarded = new ForwardedReads(this.#options.readsMax, options.random.int(1, 2 ** 48));
    if (this.#log.lastTerm > this.#term) {
      throw new TroupeError(
        'LOG_CORRUPT',
        `the log has entries of term ${this.#log.lastTerm}, the member ${this.#term}`,
      );
    }
    this.#configuration = options.configuration;
    this.#recoverConfiguration((options.log.snapshot()?.index ?? 0) + 1);
    // An earlier life may have granted a lease.
    if (this.#options.leaseTicks > 0 && options.hardState !== undefined) this.#promised = this.#options.electionTicks;
    this.#drawTimeout();
  }

  /** What this member knows of itself. */
  status(): Status {
    return {
      id: this.#id,
      role: this.#role,
      term: this.#term,
      leader: this.#leader,
      commit: this.#log.commit,
      applied: this.#log.applied,
      configuration: this.#configuration,
    };
  }

  /** What names a snapshot of the state machine as it is when the last ApplyWork's reply was stepped back. */
  snapshotMeta(): SnapshotMeta {
    const { applied } = this.#log;
    const term = this.#log.term(applied);
    invariant(term !== undefined, 'the term of the last applied entry is always known');
    return { index: applied, term, configuration: this.#configuration };
  }

  /**
   * The index at which a read may be served at once, without asking a quorum: while the leader holds a lease, and the caller's
   * clock is not late (else see `voidLease`). Undefined on any other member, without `leaseTicks`, and from the start of
   * a transfer on: use `readIndex` then.
   */
  leaseIndex(): number | undefined {
    return this.#leading?.leaseIndex;
  }

  /** The ticks don't tell how much time passed (a pause, a late timer): what lease there is no longer holds. */
  voidLease(): void {
    this.#leading?.voidLease();
  }

  /** What a leader knows of each member; undefined when this one doesn't lead. */
  progress(): ReadonlyMap<NodeId, Progress> | undefined {
    return this.#leading?.progress;
  }

  /** See Leader.neededAfter; undefined when this one doesn't lead. */
  neededAfter(): number | undefined {
    return this.#leading?.neededAfter();
  }

  /** Whom the leadership is being handed to, while it is. */
  get transferee(): NodeId | undefined {
    return this.#leading?.transferee;
  }

  /**
   * Appends entries to the replicated log. They are committed once they come out of an ApplyWork with this term; when
   * another term's entry comes out at their index, they are lost.
   *
   * @param data one entry each, not to be changed afterwards
   * @throws TroupeError NOT_LEADER (data.leader when known, also while the leadership is handed over), OVERLOADED
   */
  propose(data: readonly Uint8Array[]): Proposed {
    return this.#requireLeading().propose(data);
  }

  /**
   * Proposes a change of the members; see Leader.change. A leader that is no longer a voter steps down by itself, and calls
   * upon the voter that is furthest along to stand at once.
   *
   * @throws TroupeError NOT_LEADER, INVALID_ARGUMENT, NOT_CAUGHT_UP, OVERLOADED
   */
  proposeChange(change: MembershipChange): Proposed {
    return this.#requireLeading().change(change);
  }

  /**
   * Asks for a linearizable read: a ReadState with this context follows when the leadership is confirmed. On a follower the
   * leader is asked. None follows when the leader changes or a message is lost: ask again, under another context.
   *
   * @param context the caller's number for the read
   * @throws TroupeError NOT_LEADER when no leader is known, OVERLOADED
   */
  readIndex(context: number): void {
    if (this.#leading !== undefined) {
      if (this.#leading.read(this.#id, context)) return;
      throw new TroupeError('OVERLOADED', `${this.#options.readsMax} reads are waiting for their round`);
    }
    const to = this.#leader;
    if (to === undefined) throw this.#notLeader();
    this.#send({ type: 'readIndex', from: this.#id, to, term: this.#term, context: this.#forwarded.add(context) });
  }

  /**
   * Hands the leadership over; proposals are refused until it is done, or given up after `electionTicks`.
   *
   * @param to a voter; undefined for the one that is furthest along
   * @throws TroupeError NOT_LEADER, INVALID_ARGUMENT when `to` doesn't vote, NO_QUORUM when there is nobody to take it
   */
  transferLeader(to?: NodeId): void {
    this.#requireLeading().transfer(to);
  }

  /**
   * Stands for election now, as if its time-out had passed. Does nothing on a leader, on a member that may not lead, or while a
   * lease that this one granted may hold.
   */
  campaign(): void {
    if (this.#role === 'leader' || this.#promised > 0 || !this.#promotable()) return;
    if (this.#options.preVote) this.#canvass();
    else this.#stand(false);
  }

  /**
   * The connection to `peer` broke: a hint, which may be wrong. When that was the leader, this member forgets it, so that it neither
   * refuses others nor waits a whole time-out, and stands within a few ticks: each voter after another wait, so that votes
   * don't split. Members that still hear the leader refuse it, so the hint of one alone deposes nobody. Until it stands the
   * leader's messages are lost on it: one that was on its way would make it wait after all.
   */
  disconnected(peer: NodeId): void {
    this.#leading?.onUnreachable(peer);
    if (this.#leader !== peer || this.#role !== 'follower') return;
    this.#becomeFollower(this.#term, undefined);
    this.#deafTo = peer;
    this.#deafTicks = LOST_LEADER_DEAF_TICKS;
    const rank = votersOf(this.#configuration)
      .filter((id) => id !== peer)
      .indexOf(this.#id);
    if (rank >= 0) this.#electionTimeout = LOST_LEADER_DEAF_TICKS + rank * LOST_LEADER_STAGGER_TICKS;
  }

  /** One tick of the driver's clock passed. */
  tick(): void {
    if (this.#promised > 0) this.#promised--;
    if (this.#deafTicks > 0 && --this.#deafTicks === 0) this.#deafTo = undefined;
    if (this.#leading !== undefined) {
      if (!this.#leading.tick()) this.#becomeFollower(this.#term, undefined);
      return;
    }
    // A member that may not stand keeps counting, as the leader's silence frees its vote, and looks again later.
    if (++this.#electionElapsed % this.#electionTimeout !== 0) return;
    if (isVoter(this.#configuration, this.#id)) this.campaign();
    else this.#tellVoters();
  }

  /**
   * Takes a message in, from another member or from this one's own storage.
   *
   * @throws TroupeError PROTOCOL_VIOLATION when the message can't be right; nothing was changed then
   */
  step(message: Message): void {
    switch (message.type) {
      case 'storageAppendReply':
        this.#onAppended(message);
        break;
      case 'storageApplyReply':
        this.#onApplied(message);
        break;
      case 'unreachable':
        this.#leading?.onUnreachable(message.from);
        break;
      case 'snapshotStatus':
        this.#leading?.onSnapshotStatus(message.from, message.reject ?? false);
        break;
      default:
        this.#check(message);
        if (message.from === this.#deafTo) return;
        if (message.reject && message.type !== 'appendReply') this.#learnCommit(message);
        if (message.term < this.#term) this.#answerOld(message);
        else if (this.#keepsVote(message)) return;
        else if (message.term === this.#term || this.#meetTerm(message)) this.#receive(message);
    }
  }

  /**
   * Whether followers could commit more than they were told. Appends and heartbeats tell them in passing; `announce` does so now.
   * To do that a moment later spares most of the messages, and nobody but the followers' own readers wait for it.
   */
  get unannounced(): boolean {
    return this.#leading?.unannounced ?? false;
  }

  /** Tells those followers how far the log is committed that haven't been told of `commit`; default: of all that is. */
  announce(commit: number = this.#log.commit): void {
    this.#leading?.announce(commit);
  }

  /** Whether `ready()` has something to say. */
  hasReady(): boolean {
    return (
      this.#messages.length > 0 ||
      this.#replies.length > 0 ||
      this.#reads.length > 0 ||
      this.#statusChanged ||
      this.#configurationChanged ||
      this.#log.unstable.hasWork ||
      this.#ballotChanged() ||
      this.#log.hasApply ||
      (this.#leading?.due ?? false)
    );
  }

  /** Hands over everything there is to do now; it counts as taken. */
  ready(): Ready {
    this.#leading?.flush();
    const append = this.#takeAppend();
    const apply = this.#takeApply();
    const ready: Ready = {
      messages: this.#messages,
      reads: this.#reads,
      ...(append === undefined ? {} : { append }),
      ...(apply === undefined ? {} : { apply }),
      ...(this.#statusChanged ? { status: this.status() } : {}),
      ...(this.#configurationChanged ? { configuration: this.#configuration } : {}),
    };
    this.#messages = [];
    this.#reads = [];
    this.#statusChanged = false;
    this.#configurationChanged = false;
    return ready;
  }

  #takeAppend(): AppendWork | undefined {
    const { unstable } = this.#log;
    const replies = this.#replies;
    const ballotChanged = this.#ballotChanged();
    this.#replies = [];
    if (!unstable.hasWork && !ballotChanged) {
      if (replies.length === 0) return undefined;
      if (unstable.busy) return { entries: NO_ENTRIES, replies };
      for (const reply of replies) this.#messages.push(reply);
      return undefined;
    }
    const sequence = ++this.#lastWork;
    const hardState = this.#takeHardState(ballotChanged);
    if (ballotChanged) this.#ballotWork = sequence;
    const { lastIndex, lastTerm } = this.#log;
    const { entries, snapshot } = unstable.take(sequence);
    const head = { type: 'storageAppendReply', from: this.#id, to: this.#id, term: this.#term } as const;
    replies.push({ ...head, index: lastIndex, logTerm: lastTerm, context: sequence });
    return {
      entries,
      replies,
      ...(hardState === undefined ? {} : { hardState }),
      ...(snapshot === undefined ? {} : { snapshot }),
    };
  }

  /** The commit index goes along with other work, but is never a reason to write; it stays behind what is durable. */
  #takeHardState(ballotChanged: boolean): HardState | undefined {
    const commit = Math.max(this.#written.commit, Math.min(this.#log.commit, this.#log.durableIndex));
    if (!ballotChanged && commit === this.#written.commit) return undefined;
    this.#written = { term: this.#term, vote: this.#vote, commit };
    return this.#written;
  }

  #takeApply(): ApplyWork | undefined {
    if (!this.#log.hasApply) return undefined;
    const entries = this.#log.takeApply(this.#options.applyBytesMax);
    const index = entries[entries.length - 1]!.index;
    for (const entry of entries) this.#noteConfiguration(entry);
    return {
      entries,
      reply: { type: 'storageApplyReply', from: this.#id, to: this.#id, term: this.#term, index },
    };
  }

  #ballotChanged(): boolean {
    return this.#written.term !== this.#term || this.#written.vote !== this.#vote;
  }

  #onAppended(message: Message): void {
    const sequence = message.context ?? 0;
    const installed = this.#log.unstable.acknowledge(sequence);
    if (installed !== undefined) this.#log.appliedTo(installed.index);
    this.#leading?.durable();
    // A candidate's vote for itself counts when it is durable, like anyone else's.
    if (this.#role === 'candidate' && !this.#ballotChanged() && sequence >= this.#ballotWork)
      this.#count(this.#id, true);
  }

  #onApplied(message: Message): void {
    this.#log.appliedTo(message.index ?? 0);
    this.#adoptConfigurations();
    this.#leading?.leaveJoint();
    this.#answerCall();
  }

  #noteConfiguration(entry: Entry): void {
    if (entry.kind !== 'config') return;
    this.#applying.push({ index: entry.index, configuration: decodeConfiguration(entry.data) });
  }

  /**
   * Finds the configuration that holds after a start, in the entries from `from` on. A change is proposed only when the one before
   * it was applied, so all but the last in the log are committed, even where the commit index on the disk lags behind. Were
   * that not known, a member could stand by a configuration that lies two changes back, whose quorums are no longer met.
   */
  #recoverConfiguration(from: number): void {
    const { applied, lastIndex } = this.#log;
    for (let next = Math.max(from, this.#log.firstIndex); next <= lastIndex; ) {
      const entries = this.#log.slice(next, lastIndex + 1, this.#options.applyBytesMax);
      invariant(entries !== undefined && entries.length > 0, 'entries after the snapshot are always there');
      for (const entry of entries) this.#noteConfiguration(entry);
      next += entries.length;
    }
    this.#log.commitTo(this.#applying.at(-2)?.index ?? 0);
    const held = this.#applying.findLast(({ index }) => index <= applied);
    if (held !== undefined) this.#configuration = held.configuration;
    this.#applying = [];
  }

  /** What was applied holds from now on. */
  #adoptConfigurations(): void {
    while (this.#applying.length > 0 && this.#applying[0]!.index <= this.#log.applied) {
      this.#configure(this.#applying.shift()!.configuration);
    }
  }

  /** Takes in a message of this term, or one that asks or answers about the next. */
  #receive(message: Message): void {
    switch (message.type) {
      case 'preVote':
      case 'vote':
        this.#onVoteRequest(message);
        break;
      case 'preVoteReply':
        this.#onPreVoteReply(message);
        break;
      case 'voteReply':
        if (this.#role === 'candidate') this.#count(message.from, !message.reject);
        break;
      case 'append':
        this.#follow(message.from);
        this.#onAppend(message);
        break;
      case 'heartbeat':
        this.#follow(message.from);
        this.#onHeartbeat(message);
        break;
      case 'snapshot':
        this.#follow(message.from);
        this.#onSnapshot(message);
        break;
      case 'appendReply':
        this.#leading?.onAppendReply(message);
        break;
      case 'heartbeatReply':
        this.#leading?.onHeartbeatReply(message);
        break;
      case 'timeoutNow':
        this.#called = this.#leading === undefined;
        this.#answerCall();
        break;
      case 'readIndex':
        // A read that doesn't fit is dropped like a lost message: the follower asks again.
        this.#leading?.read(message.from, message.context ?? 0);
        break;
      case 'readIndexReply':
        this.#onReadIndexReply(message);
        break;
      case 'transferLeader':
        if (isVoter(this.#configuration, message.from)) this.#leading?.transfer(message.from);
        break;
      // `propose` is not forwarded between members: the proposer has to learn index and term.
    }
  }

  /**
   * A message of a later term.
   *
   * @returns whether it is to be taken in
   */
  #meetTerm(message: Message): boolean {
    const { type, term, from } = message;
    if (type === 'preVote') return true;
    // A granted pre-vote carries the term that was asked about, which nobody has reached yet.
    if (type === 'preVoteReply' && !message.reject) return true;
    const leads = type === 'append' || type === 'heartbeat' || type === 'snapshot';
    this.#becomeFollower(term, leads ? from : undefined);
    return true;
  }

  /**
   * Whether a candidate isn't even answered: a member that was cut off must not depose a leader that is heard, and a lease must
   * not be broken, in whatever term the candidate is. When the leader itself wants the election neither counts.
   */
  #keepsVote({ type, term, force }: Message): boolean {
    if ((type !== 'vote' && type !== 'preVote') || force) return false;
    return this.#promised > 0 || (term > this.#term && this.#hearsLeader());
  }

  #hearsLeader(): boolean {
    if (!this.#options.checkQuorum) return false;
    return (
      this.#role === 'leader' || (this.#leader !== undefined && this.#electionElapsed < this.#options.electionTicks)
    );
  }

  /**
   * A message of an earlier term changes nothing. A leader or candidate behind it is told of the later term: were it
   * ignored, a member at a higher term than its leader's could never rejoin.
   */
  #answerOld(message: Message): void {
    const head = { from: this.#id, to: message.from, term: this.#term, reject: true } as const;
    switch (message.type) {
      case 'append':
      case 'heartbeat':
      case 'snapshot':
        this.#send({ ...head, type: 'appendReply', index: 0, rejectHint: 0, logTerm: 0 });
        break;
      case 'preVote':
        this.#send({ ...head, type: 'preVoteReply' });
        break;
      case 'vote':
        this.#send({ ...head, type: 'voteReply' });
        break;
    }
  }

  #onVoteRequest(message: Message): void {
    const { type, from, term } = message;
    const asks = type === 'preVote';
    const free = this.#vote === from || (this.#vote === undefined && this.#leader === undefined);
    const mayGrant = free || (asks && term > this.#term);
    const granted = mayGrant && this.#log.isUpToDate(message.index ?? 0, message.logTerm ?? 0);
    const head = { from: this.#id, to: from, reject: !granted, ...(granted ? {} : this.#committed()) };
    if (asks) {
      this.#send({ ...head, type: 'preVoteReply', term: granted ? term : this.#term });
      if (granted && this.#role === 'preCandidate' && this.#givesWay(message))
        this.#becomeFollower(this.#term, undefined);
      return;
    }
    if (granted) {
      this.#electionElapsed = 0;
      this.#vote = from;
    }
    this.#replies.push({ ...head, type: 'voteReply', term: this.#term });
  }

  /**
   * Two that ask at the same time would both be encouraged, and then split the vote. So one of them stops asking: the one whose
   * log lacks something, or else the one whose id comes later. A pre-vote binds nobody, so this costs no safety.
   */
  #givesWay(message: Message): boolean {
    const same = message.index === this.#log.lastIndex && message.logTerm === this.#log.lastTerm;
    return !same || message.from < this.#id;
  }

  /** What is known to be committed, told to a candidate that is refused. */
  #committed(): { readonly commit: number; readonly logTerm: number } {
    const { commit } = this.#log;
    return { commit, logTerm: this.#log.term(commit) ?? 0 };
  }

  /**
   * A refusal tells what its sender knows to be committed, and that stays true in every term. A change of the members holds
   * only once it is applied, so a member that missed its commit could else wait for ever for the vote of one that has left
   * by it, or not know that it may stand. An election stops when such a change came to light.
   */
  #learnCommit(message: Message): void {
    const { commit = 0, logTerm = 0 } = message;
    if (this.#leading !== undefined || logTerm === 0 || this.#log.term(commit) !== logTerm) return;
    if (!this.#log.commitTo(commit) || this.#role === 'follower') return;
    if (this.#log.hasUnappliedConfiguration()) this.#becomeFollower(this.#term, undefined);
  }

  /** A member that doesn't vote and hears no leader: the voters may be waiting for what only it knows; see #learnCommit. */
  #tellVoters(): void {
    for (const to of votersOf(this.#configuration)) {
      const head = { type: 'preVoteReply', from: this.#id, to, term: this.#term, reject: true } as const;
      this.#send({ ...head, ...this.#committed() });
    }
  }

  #onPreVoteReply(message: Message): void {
    const answered = message.reject ? message.term : message.term - 1;
    if (this.#role === 'preCandidate' && answered === this.#term) this.#count(message.from, !message.reject);
  }

  #onAppend(message: Message): void {
    const index = message.index ?? 0;
    const head = { type: 'appendReply', from: this.#id, to: message.from, term: this.#term } as const;
    if (index < this.#log.commit) {
      // Old news, and part of it may be compacted: what is committed is what agrees.
      this.#replies.push({ ...head, index: this.#log.commit });
      return;
    }
    const logTerm = message.logTerm ?? 0;
    const matched = this.#log.appendAfter(index, logTerm, message.entries ?? NO_ENTRIES);
    if (matched === undefined) {
      const rejectHint = this.#log.lastIndexOfTerm(index, logTerm);
      const hintTerm = this.#log.term(rejectHint) ?? 0;
      this.#send({ ...head, index, reject: true, rejectHint, logTerm: hintTerm });
      return;
    }
    this.#log.commitTo(Math.min(message.commit ?? 0, matched));
    this.#replies.push({ ...head, index: matched });
  }

  #onHeartbeat(message: Message): void {
    this.#log.commitTo(message.commit ?? 0);
    const { from, context, lease = false } = message;
    // Without a context it is an announcement, which wants no answer.
    if (context === undefined) return;
    const { leaseTicks, electionTicks } = this.#options;
    const granted = lease && leaseTicks > 0;
    if (granted) this.#promised = electionTicks;
    const head = { type: 'heartbeatReply', from: this.#id, to: from, term: this.#term, context } as const;
    this.#send(granted ? { ...head, lease: true } : head);
  }

  #onSnapshot(message: Message): void {
    const { snapshot, from } = message;
    if (snapshot === undefined) return;
    if (this.#log.term(snapshot.index) === snapshot.term) {
      this.#log.commitTo(snapshot.index);
    } else if (snapshot.index > this.#log.commit) {
      this.#log.restore(snapshot);
      this.#applying = [];
      this.#configure(snapshot.configuration);
    }
    this.#replies.push({ type: 'appendReply', from: this.#id, to: from, term: this.#term, index: this.#log.commit });
  }

  #onReadIndexReply(message: Message): void {
    const context = this.#forwarded.take(message.context ?? 0);
    if (context !== undefined) this.#reads.push({ context, index: message.index ?? 0 });
  }

  /** There is a leader of this term: follow it, and wait for a whole time-out again. */
  #follow(leader: NodeId): void {
    invariant(this.#role !== 'leader', `two leaders in term ${this.#term}: ${this.#id} and ${leader}`);
    if (this.#role !== 'follower' || this.#leader !== leader) this.#becomeFollower(this.#term, leader);
    this.#electionElapsed = 0;
  }

  /**
   * A learner doesn't stand, nor does a member whose log is being replaced, or one that is about to apply a change of the
   * members: it would count votes by a configuration that others have left.
   */
  #promotable(): boolean {
    if (!isVoter(this.#configuration, this.#id) || this.#log.unstable.snapshot !== undefined) return false;
    return !this.#log.hasUnappliedConfiguration();
  }

  /** Stands at once when the leader has called for it, or as soon as a change of the members that holds it back is applied. */
  #answerCall(): void {
    if (!this.#called || this.#log.hasUnappliedConfiguration()) return;
    this.#called = false;
    if (this.#promotable()) this.#stand(true);
  }

  /** Asks whether an election could be won, without raising the term. */
  #canvass(): void {
    this.#enter('preCandidate', this.#term, undefined);
    this.#ask('preVote', this.#term + 1, false);
    this.#count(this.#id, true);
  }

  /** Stands for election in the next term. */
  #stand(force: boolean): void {
    this.#enter('candidate', this.#term + 1, undefined);
    this.#vote = this.#id;
    this.#ask('vote', this.#term, force);
  }

  /**
   * Asks every other voter. Votes are asked for only when the own one is durable: a candidate that won by others' votes,
   * crashed and forgot its term could win the same term again, and write other entries under the same index and term.
   */
  #ask(type: 'preVote' | 'vote', term: number, force: boolean): void {
    const { lastIndex: index, lastTerm: logTerm } = this.#log;
    const queue = type === 'vote' ? this.#replies : this.#messages;
    for (const to of votersOf(this.#configuration)) {
      if (to !== this.#id) queue.push({ type, from: this.#id, to, term, index, logTerm, ...(force ? { force } : {}) });
    }
  }

  /** Counts one answer of the election under way. */
  #count(from: NodeId, granted: boolean): void {
    if (!this.#votes.has(from)) this.#votes.set(from, granted);
    const result = voteResult(this.#configuration, (id) => this.#votes.get(id));
    if (result === 'lost') this.#becomeFollower(this.#term, undefined);
    else if (result === 'won' && this.#role === 'preCandidate') this.#stand(false);
    else if (result === 'won') this.#lead();
  }

  #lead(): void {
    this.#enter('leader', this.#term, this.#id);
    this.#leading = new Leader({
      options: this.#options,
      log: this.#log,
      term: this.#term,
      configuration: this.#configuration,
      send: (message) => this.#send(message),
      readable: (context, index) => this.#reads.push({ context, index }),
    });
  }

  #becomeFollower(term: number, leader: NodeId | undefined): void {
    this.#enter('follower', term, leader);
  }

  /** Every change of role goes through here: what belonged to the old one is dropped, and the time-out drawn anew. */
  #enter(role: Status['role'], term: number, leader: NodeId | undefined): void {
    invariant(Number.isSafeInteger(term) && term >= this.#term, `the term must not go from ${this.#term} to ${term}`);
    if (term > this.#term) this.#vote = undefined;
    this.#role = role;
    this.#term = term;
    this.#leader = leader;
    this.#leading = undefined;
    this.#called = false;
    this.#votes.clear();
    this.#forwarded.clear();
    this.#statusChanged = true;
    this.#drawTimeout();
  }

  #drawTimeout(): void {
    const { electionTicks, random } = this.#options;
    this.#electionElapsed = 0;
    this.#electionTimeout = random.int(electionTicks, 2 * electionTicks);
  }

  #configure(configuration: Configuration): void {
    this.#configuration = configuration;
    this.#configurationChanged = true;
    this.#leading?.reconfigure(configuration);
    if (this.#leading === undefined || isVoter(configuration, this.#id)) return;
    // Let the others hear of the commit that removes this leader before it goes, and don't let them wait for its silence.
    this.#leading.flush();
    this.#leading.announce(this.#log.commit);
    const { heir } = this.#leading;
    if (heir !== undefined) this.#send({ type: 'timeoutNow', from: this.#id, to: heir, term: this.#term });
    this.#becomeFollower(this.#term, undefined);
  }

  #send(message: Message): void {
    this.#messages.push(message);
  }

  #requireLeading(): Leader {
    if (this.#leading === undefined) throw this.#notLeader();
    return this.#leading;
  }

  #notLeader(): TroupeError {
    const leader = this.#leader;
    if (leader === undefined)
      return new TroupeError('NOT_LEADER', `${this.#id} knows no leader`, { address: this.#id });
    return new TroupeError('NOT_LEADER', `${leader} leads`, { address: this.#id, data: { leader } });
  }

  /** Refuses what no correct member sends, before it can do harm. */
  #check(message: Message): void {
    const { index = 0, logTerm = 0, commit = 0, rejectHint = 0, context = 0, entries = NO_ENTRIES } = message;
    const numbers = [message.term, index, logTerm, commit, rejectHint, context];
    let sound = message.to === this.#id && numbers.every((value) => Number.isSafeInteger(value) && value >= 0);
    let previous = logTerm;
    for (let i = 0; sound && i < entries.length; i++) {
      const entry = entries[i]!;
      sound = entry.index === index + 1 + i && entry.term >= previous && entry.term <= message.term;
      previous = entry.term;
    }
    if (!sound)
      throw new TroupeError('PROTOCOL_VIOLATION', `${message.from} sent a ${message.type} that can't be right`);
  }
}
