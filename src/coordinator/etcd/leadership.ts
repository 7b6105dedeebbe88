import { delay, errorMessage, isTroupeError, type NodeId } from '../../core/index.ts';
import { fromValue, type LogContext, readKeys, toValue } from './context.ts';
import type { KeyValue, Op } from './port.ts';

/** Share of a lease's life in which its holder trusts it: the rest is for clocks that run apart. */
const LEASE_TRUST = 0.9;
/** A lease is prolonged so many times in its life. */
const RENEWALS_PER_LEASE = 4;
/** Ids of leases are random numbers below this; etcd takes 63 bits, a number here holds 53. */
const LEASE_IDS = 2 ** 48;

/** Who leads, and in which term. */
export interface Holder {
  readonly node: NodeId;
  /** Creation revision of the leader's key: it grows with each leader, and each write of the log is conditional on it. */
  readonly term: number;
  readonly lease: number;
}

interface Lease {
  readonly id: number;
  /** Monotonic time until which this member may believe that it lives. */
  until: number;
  /** Fires when the lease is given up. */
  readonly given: AbortController;
}

/**
 * Who leads. Every member keeps a lease, and whoever creates the leader's key under its own while there is none leads until
 * the key is gone. A member that can't prolong its lease stops to believe in it before etcd can end it, counting from when it
 * sent the last prolongation that was answered. A term that was given up never comes back: its lease goes with it.
 */
export class Leadership {
  readonly #context: LogContext;
  readonly #changed: () => void;
  readonly #closing: AbortController = new AbortController();
  /** Fires to read the keys again. */
  #look: AbortController = new AbortController();
  #lease: Lease | undefined;
  #holder: Holder | undefined;
  #successor: NodeId | undefined;
  #lastTerm = 0;
  #loops: Promise<unknown> = Promise.resolve();

  /** @param changed called when the holder or the own lease may have changed */
  constructor(context: LogContext, changed: () => void) {
    this.#context = context;
    this.#changed = changed;
  }

  /** Who holds the leader's key, as far as this member knows. */
  get holder(): Holder | undefined {
    return this.#holder;
  }

  /** The last term that this member heard of. */
  get lastTerm(): number {
    return this.#lastTerm;
  }

  /** The term in which this member may write now; undefined also when it can't be sure of its lease. */
  get ownTerm(): number | undefined {
    const lease = this.#lease;
    const held = lease !== undefined && this.#holder?.lease === lease.id;
    return held && this.#context.clock.monotonic() < lease.until ? this.#holder?.term : undefined;
  }

  /** Begins to hold a lease and to stand for election; resolves with the error that ended it. */
  run(): Promise<unknown> {
    const loops = Promise.all([this.#keepLeases(), this.#watchKeys()]);
    this.#loops = loops.catch(() => undefined);
    return loops.then(
      () => new Promise(() => undefined),
      (error) => error,
    );
  }

  /** Leads no more in a term. Its lease ends, so that nothing of it can be written afterwards. */
  giveUp(term: number): void {
    if (this.#holder?.term === term && this.#holder.lease === this.#lease?.id) this.renounce();
  }

  /** Ends the lease, and with it all that this member holds or has left to a successor. It takes part again under a new one. */
  renounce(): void {
    this.#lease?.given.abort();
    this.#lease = undefined;
    this.#changed();
  }

  /**
   * Hands the leadership of a term to another member: the leader's key becomes free for that one only, as long as the own lease
   * lives. Whether it is taken, or the term was over before, is seen from who leads then.
   */
  async cede(term: number, to: NodeId): Promise<void> {
    const { etcd, keys, limits } = this.#context;
    const lease = this.#lease?.id;
    if (lease === undefined) return;
    const ops: readonly Op[] = [
      { type: 'delete', key: keys.leader },
      { type: 'put', key: keys.successor, value: toValue(to), lease },
    ];
    await etcd.txn({ compare: [{ key: keys.leader, createRevision: term }], ops }, limits.answerMs);
    this.#look.abort();
  }

  /** Members that hold a lease. */
  async members(): Promise<NodeId[]> {
    const { keys } = this.#context;
    const { ranges } = await readKeys(this.#context, keys.members);
    return (ranges[0] ?? []).map(({ key }) => key.slice(keys.members.key.length));
  }

  /** Ends the leadership of a member, if it is that one's. */
  async depose(node: NodeId): Promise<void> {
    const { etcd, limits } = this.#context;
    if (this.#holder?.node === node) await etcd.revoke(this.#holder.lease, limits.answerMs);
  }

  /** Ends the lease and all that goes on. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#lease?.given.abort();
    await this.#loops;
  }

  async #keepLeases(): Promise<void> {
    const { etcd, clock, random, limits, logger, keys, node } = this.#context;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const id = 1 + random.int(0, LEASE_IDS);
      try {
        const sentAt = clock.monotonic();
        const lifeMs = await etcd.grant(id, limits.leaseMs, limits.answerMs);
        const lease: Lease = { id, until: sentAt + lifeMs * LEASE_TRUST, given: new AbortController() };
        const card: Op = { type: 'put', key: keys.member(node), value: toValue(node), lease: id };
        await etcd.txn({ ops: [card] }, limits.answerMs);
        if (signal.aborted) continue;
        this.#lease = lease;
        this.#look.abort();
        await this.#keep(lease, lifeMs / RENEWALS_PER_LEASE);
      } catch (error) {
        if (isFatal(error)) throw error;
        logger.warn('no lease from etcd', { error: errorMessage(error) });
        await delay(clock, limits.retryMs, signal);
      } finally {
        if (this.#lease?.id === id) this.#lease = undefined;
        this.#changed();
        // When etcd can't be reached, it ends the lease by itself.
        await etcd.revoke(id, limits.retryMs * 10).catch(() => undefined);
      }
    }
  }

  /** Prolongs a lease until it is over or given up. */
  async #keep(lease: Lease, periodMs: number): Promise<void> {
    const { etcd, clock, logger } = this.#context;
    while (!lease.given.signal.aborted) {
      await delay(clock, periodMs, lease.given.signal);
      const sentAt = clock.monotonic();
      if (lease.given.signal.aborted || sentAt >= lease.until) return;
      try {
        const lifeMs = await etcd.keepAlive(lease.id, lease.until - sentAt);
        if (lifeMs === 0) return;
        lease.until = sentAt + lifeMs * LEASE_TRUST;
      } catch (error) {
        if (isFatal(error)) throw error;
        logger.warn('the lease at etcd could not be prolonged', { error: errorMessage(error) });
      }
    }
  }

  /** Follows the keys of leadership and stands for election when there is no leader. */
  async #watchKeys(): Promise<void> {
    const { etcd, keys, clock, limits, logger, node } = this.#context;
    const { signal } = this.#closing;
    let first = true;
    while (!signal.aborted) {
      this.#look = new AbortController();
      const timer = clock.schedule(limits.watchMs, () => this.#look.abort());
      try {
        const { ranges, revision } = await readKeys(this.#context, keys.leadership);
        this.#see(ranges[0] ?? []);
        // This node's process before this one is dead, whatever its lease says.
        if (first && this.#holder?.node === node) await etcd.revoke(this.#holder.lease, limits.answerMs);
        first = false;
        await this.#stand();
        const look = AbortSignal.any([signal, this.#look.signal]);
        // The first change is enough to look again.
        for await (const _ of etcd.watch(keys.leadership, revision + 1, look)) break;
      } catch (error) {
        if (isFatal(error)) throw error;
        logger.warn('leadership at etcd can not be followed now', { error: errorMessage(error) });
        await delay(clock, limits.retryMs, signal);
      } finally {
        timer.cancel();
      }
    }
  }

  #see(kvs: readonly KeyValue[]): void {
    const { keys } = this.#context;
    const leader = kvs.find(({ key }) => key === keys.leader);
    const successor = kvs.find(({ key }) => key === keys.successor);
    this.#successor = successor && fromValue(successor.value);
    this.#hold(leader && { node: fromValue(leader.value), term: leader.createRevision, lease: leader.lease });
  }

  #hold(holder: Holder | undefined): void {
    this.#holder = holder;
    if (holder !== undefined) this.#lastTerm = holder.term;
    this.#changed();
  }

  async #stand(): Promise<void> {
    const { etcd, keys, limits, node } = this.#context;
    const lease = this.#lease?.id;
    const successor = this.#successor;
    if (lease === undefined || this.#holder !== undefined || (successor ?? node) !== node) return;
    const { succeeded, revision } = await etcd.txn(
      {
        compare: [
          { key: keys.leader, createRevision: 0 },
          successor === undefined
            ? { key: keys.successor, createRevision: 0 }
            : { key: keys.successor, value: toValue(successor) },
        ],
        ops: [
          { type: 'put', key: keys.leader, value: toValue(node), lease },
          { type: 'delete', key: keys.successor },
        ],
      },
      limits.answerMs,
    );
    if (succeeded) this.#hold({ node, term: revision, lease });
  }
}

/** A defect, not a trouble of etcd or of the way there. */
function isFatal(error: unknown): boolean {
  return !isTroupeError(error) || error.code === 'INVARIANT_VIOLATED';
}
