import {
  changeVotersHere,
  type FormationStep,
  type Founding,
  foundingEntry,
  type LogMember,
  lostDirectory,
  type MemberId,
  type Members,
  mayForget,
  membersIn,
  newMemberId,
  type Standing,
  type VoterChange,
} from '../../coordinator/index.ts';
import { backoffMs, delay, errorMessage, type NodeId, TroupeError } from '../../core/index.ts';
import { decodePayload, encodePayload } from '../../wire/index.ts';
import { FoundingTalk, type Words } from './founding.ts';
import type { Identity } from './member-store.ts';
import type { ControlPlaneParts } from './plane.ts';
import { type RaftVoter, startRaftVoter } from './raft-voter.ts';
import type { Voting } from './voter.ts';

/** How long one question to a peer may take, ms. */
const ASK_TIMEOUT_MS = 1_000;
/** Pause before the leader is asked again whether this node may forget its log. */
const FORGET_RETRY = { minMs: 50, maxMs: 5_000, jitter: 0.3 } as const;

/** What nodes ask each other about the members. */
export type MembershipRequest =
  /** While the cluster forms: here is what I know, what do you? Answered with `Words`. */
  | readonly ['stand', Words]
  /** The leader asks for a member, one of those if it is still there. Answered with its id. */
  | readonly ['admit', readonly MemberId[]]
  /** A member that was removed asks the leader whether it may forget everything. Answered with a boolean. */
  | readonly ['forget', MemberId]
  /** To the leader. Answered with `VotersChanged`. */
  | readonly ['change', VoterChange, NodeId]
  /** The leader tells a member that was removed who the members are, as of an index: nobody else would. */
  | readonly ['removed', Members, number];

/** What embedded Raft needs of the control plane around it. */
export interface RaftVotingHooks {
  /** Configured voters: they found the cluster. */
  readonly founders: readonly NodeId[];
  /** Who leads, as far as this node knows. */
  readonly leader: () => NodeId | undefined;
  /** What runs here, or whether it votes, has changed. */
  readonly changed: () => void;
  /** Told who the members are, as of an index, by other ways than the ledger's watch. */
  readonly told: (members: Members, index: number) => void;
}

/** A node's part in embedded Raft: it founds the cluster with others, or is admitted later, and leaves when it is removed. */
export class RaftVoting implements Voting {
  readonly failed: Promise<unknown>;
  readonly #parts: ControlPlaneParts;
  readonly #hooks: RaftVotingHooks;
  readonly #fail: (error: unknown) => void;
  readonly #closing: AbortController = new AbortController();
  readonly #talk: FoundingTalk;
  #identity: Identity;
  #voter: RaftVoter | undefined;
  /** Changes of the identity happen one after the other. */
  #work: Promise<unknown> = Promise.resolve();
  /** Who keeps the log as this node heard last, and as of which index its own member was among them. */
  #members: Members | undefined;
  #memberAt: number | undefined;
  #leaving = false;

  private constructor(parts: ControlPlaneParts, hooks: RaftVotingHooks, identity: Identity) {
    this.#parts = parts;
    this.#hooks = hooks;
    this.#identity = identity;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.failed = promise;
    this.#fail = resolve;
    this.#talk = new FoundingTalk({
      self: parts.node,
      founders: hooks.founders,
      own: () => {
        const own = this.#identity;
        return own.state === 'unformed' || own.state === 'pledged' ? own : undefined;
      },
      standing: () => this.#standing(),
      take: (step) => this.#take(step),
      alone: (work) => this.#alone(work),
      ask: (peer, words) => this.#ask<Words>(peer, ['stand', words], ASK_TIMEOUT_MS),
      failed: this.#fail,
      clock: parts.clock,
      logger: parts.logger,
      closing: this.#closing.signal,
    });
  }

  /**
   * Goes on with what the disk says. A new voter waits for the others in the background.
   *
   * @throws TroupeError LOG_CORRUPT, SNAPSHOT_CORRUPT, IDENTITY_MISMATCH, DISK_FULL
   */
  static async start(parts: ControlPlaneParts, hooks: RaftVotingHooks): Promise<RaftVoting> {
    const { node, store, random } = parts;
    const known = store.load();
    const fresh: Identity = hooks.founders.includes(node)
      ? { state: 'unformed', member: newMemberId(node, random) }
      : { state: 'worker' };
    const voting = new RaftVoting(parts, hooks, known ?? fresh);
    // An id must be durable before anyone hears of it: it may be pledged.
    if (known === undefined) await store.save(fresh);
    const { state } = voting.#identity;
    if (state === 'founder' || state === 'admitted') await voting.#open(voting.#identity.member);
    else if (state !== 'worker') voting.#talk.begin();
    return voting;
  }

  get voter(): RaftVoter | undefined {
    return this.#voter;
  }

  get votes(): boolean {
    if (this.#voter === undefined) return false;
    const { id, configuration } = this.#voter.member.status;
    return membersIn(configuration).voters.some(({ member }) => member === id);
  }

  async serve(from: NodeId, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const request = decodePayload(body) as MembershipRequest;
    if (request[0] === 'stand') return encodePayload(await this.#talk.answer(from, request[1]));
    if (request[0] === 'admit') return encodePayload(await this.#alone(() => this.#admit(request[1])));
    if (request[0] === 'removed') {
      this.#hooks.told(request[1], request[2]);
      this.viewed(request[1], request[2]);
      return encodePayload(undefined);
    }
    const { member, ledger } = this.#leading();
    if (request[0] === 'forget') return encodePayload(await mayForget(member, request[1]));
    const { clock, random, logger } = this.#parts;
    const parts = {
      member,
      view: () => ledger.query('cluster.view', {}),
      admit: (node: NodeId, known: readonly MemberId[]) =>
        this.#ask<MemberId>(node, ['admit', known], this.#parts.config.timing.shutdownPhaseMs),
      clock,
      random,
      logger,
    };
    const [, change, node] = request;
    const outcome = await changeVotersHere(parts, change, node, timeoutMs);
    if (change === 'remove' && outcome.changed) {
      // Should it miss this, it hears so from the ledger's watch.
      this.#ask(node, ['removed', outcome.members, member.status.applied], ASK_TIMEOUT_MS).catch((error) =>
        logger.debug('the removed member is not told', { node, error: errorMessage(error) }),
      );
    }
    return encodePayload(outcome);
  }

  viewed(members: Members, index: number): void {
    const { node } = this.#parts;
    this.#members = members;
    this.#noticed(members, index);
    const own = 'member' in this.#identity ? this.#identity.member : undefined;
    const left = 'left' in this.#identity ? this.#identity.left : undefined;
    const stranger = ({ node: on, member }: LogMember): boolean => on === node && member !== own && member !== left;
    if (members.voters.some(stranger)) this.#fail(lostDirectory(node));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#work;
    await this.#voter?.close();
  }

  /** Whether this node's member is among the members, by what the ledger says or by the log as far as it was applied here. */
  #noticed({ voters, learners }: Members, index: number): void {
    if (!('member' in this.#identity)) return;
    const own = this.#identity.member;
    if ([...voters, ...learners].some(({ member }) => member === own)) {
      this.#memberAt = Math.max(index, this.#memberAt ?? 0);
    } else if (this.#memberAt !== undefined && index >= this.#memberAt) void this.#leave(own);
  }

  #leading(): RaftVoter {
    if (this.#voter?.leading) return this.#voter;
    throw new TroupeError('NOT_LEADER', 'this voter does not lead', { address: this.#parts.node });
  }

  /** Runs after whatever else changes who this node is. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(() => {
      if (this.#closing.signal.aborted) throw new TroupeError('SHUTTING_DOWN', 'this node is closing');
      return work();
    });
    this.#work = done.catch(() => undefined);
    return done;
  }

  async #become(identity: Identity): Promise<void> {
    await this.#parts.store.save(identity);
    this.#identity = identity;
  }

  async #open(id: MemberId): Promise<void> {
    const { store } = this.#parts;
    const voter = await startRaftVoter(this.#parts, id, await store.open(id));
    this.#voter = voter;
    void voter.failed.then(this.#fail);
    const look = (): void => {
      const { configuration, applied } = voter.member.status;
      if (configuration.voters.length > 0) this.#noticed(membersIn(configuration), applied);
      this.#hooks.changed();
    };
    voter.member.onConfiguration(look);
    look();
  }

  // ---- founding ----

  /** A step of the cluster's beginning, made true. */
  async #take(step: Exclude<FormationStep, { readonly do: 'wait' }>): Promise<void> {
    const { store, logger } = this.#parts;
    const { member } = this.#identity as Founding;
    if (step.do === 'refuse') throw step.error;
    if (step.do === 'work') {
      logger.info('the cluster has formed without this node, which is a worker until it is added as a voter');
      return this.#become({ state: 'worker' });
    }
    const { founders } = step;
    if (step.do === 'pledge') return this.#become({ state: 'pledged', member, founders });
    await store.create(member, [foundingEntry(founders)]);
    await this.#become({ state: 'founder', member, founders });
    logger.info('the cluster has formed', { founders });
    await this.#open(member);
    if (founders[0] === member) void this.#lead();
  }

  /** Nobody has ever led: the first founder stands as soon as the others have formed too. */
  async #lead(): Promise<void> {
    await this.#talk.tellAll();
    if (this.#hooks.leader() === undefined) this.#voter?.member.campaign();
  }

  #standing(): Standing {
    const identity = this.#identity;
    if (identity.state === 'unformed' || identity.state === 'pledged') return identity;
    const configuration = this.#voter?.member.status.configuration;
    // One that was just admitted doesn't know the others yet.
    const members = configuration?.voters.length ? membersIn(configuration) : this.#members;
    if (members === undefined) return { state: 'worker' };
    return { state: 'formed', members: [...members.voters, ...members.learners].map(({ member }) => member) };
  }

  // ---- joining and leaving ----

  async #admit(known: readonly MemberId[]): Promise<MemberId> {
    const { node, store, random, logger } = this.#parts;
    const identity = this.#identity;
    if (identity.state === 'unformed' || identity.state === 'pledged') {
      throw new TroupeError('NODE_UNAVAILABLE', `${node} waits for its cluster to form`, { address: node });
    }
    if (identity.state !== 'worker') {
      // One that was asked for before and didn't become a member is as good as a new one.
      if (known.includes(identity.member) || this.#memberAt === undefined) return identity.member;
      await this.#forget(identity.member);
    }
    const member = newMemberId(node, random);
    await store.create(member, []);
    const { left } = this.#identity as { readonly left?: MemberId };
    await this.#become({ state: 'admitted', member, ...(left === undefined ? {} : { left }) });
    logger.info('opened a log, to be sent what the others have', { member });
    await this.#open(member);
    return member;
  }

  /** The cluster goes on without this member: its log is removed as soon as nobody can need its vote any more. */
  async #leave(member: MemberId): Promise<void> {
    if (this.#leaving) return;
    this.#leaving = true;
    const { clock, random, logger } = this.#parts;
    logger.info('removed from the voters; this node goes on as a worker', { member });
    this.#hooks.changed();
    for (let attempt = 0; !this.#closing.signal.aborted; attempt++) {
      try {
        await this.#alone(() => this.#forget(member));
        break;
      } catch (error) {
        logger.debug('the log is kept for now', { member, error: errorMessage(error) });
        await delay(clock, backoffMs(FORGET_RETRY, attempt, random), this.#closing.signal);
      }
    }
    this.#leaving = false;
  }

  async #forget(member: MemberId): Promise<void> {
    const identity = this.#identity;
    if (!('member' in identity) || identity.member !== member) return;
    const leader = this.#hooks.leader();
    const may = leader !== undefined && (await this.#ask<boolean>(leader, ['forget', member], ASK_TIMEOUT_MS));
    if (!may) throw new TroupeError('NODE_UNAVAILABLE', 'the leader does not know yet that this member has left');
    await this.#become({ state: 'worker', left: member });
    this.#memberAt = undefined;
    const voter = this.#voter;
    this.#voter = undefined;
    this.#hooks.changed();
    await voter?.close();
    await this.#parts.store.clear();
    this.#parts.logger.info('the log of this node is removed', { member });
  }

  async #ask<T>(to: NodeId, request: MembershipRequest, timeoutMs: number): Promise<T> {
    const { transport, node } = this.#parts;
    const body = encodePayload(request);
    const answer =
      to === node
        ? await this.serve(node, body, timeoutMs)
        : await transport.request(to, { kind: 'membership', body, timeoutMs });
    return decodePayload(answer) as T;
  }
}
