import { type NodeId, TroupeError } from '../../core/index.ts';
import type { LogConsumer, LogEntry, ReplicatedLog } from '../port.ts';

const NOTHING = new Uint8Array(0);

/**
 * A replicated log inside one process, shared by its members: for tests and simulations. Elections happen when a test says so;
 * appends of one turn commit together, and `hold` keeps them uncommitted until `release` or the next election.
 *
 * @example
 * const shared = new MemoryLogCluster();
 * const log = await shared.join('a', ledger);
 * shared.elect('a');
 * await log.append(data);
 */
export class MemoryLogCluster {
  readonly #members: Map<NodeId, MemoryLog> = new Map();
  #entries: LogEntry[] = [];
  #snapshot: { readonly index: number; readonly chunks: readonly Uint8Array[] } = { index: 0, chunks: [] };
  #commit = 0;
  #held = false;
  #flushing = false;
  #leader: NodeId | undefined;
  #term = 0;

  get leader(): NodeId | undefined {
    return this.#leader;
  }

  get term(): number {
    return this.#term;
  }

  get commit(): number {
    return this.#commit;
  }

  get #last(): number {
    return this.#snapshot.index + this.#entries.length;
  }

  /** Adds a member, which catches up from the newest snapshot and the entries after it. */
  async join(id: NodeId, consumer: LogConsumer): Promise<ReplicatedLog> {
    const member = new MemoryLog(this, id, consumer);
    this.#members.set(id, member);
    if (consumer.appliedIndex < this.#snapshot.index) await member.restore(this.#snapshot);
    member.applyTo(this.#commit);
    return member;
  }

  /**
   * Starts a new term under `id`, or under nobody. Proposals that aren't committed fail with PROPOSAL_DROPPED.
   *
   * @param fate whether the new leader has the uncommitted entries (they commit, though nobody hears so) or not
   */
  elect(id: NodeId | undefined, fate: 'kept' | 'lost' = 'lost'): void {
    this.#term++;
    this.#leader = id;
    if (fate === 'lost') this.#entries.length = this.#commit - this.#snapshot.index;
    for (const member of this.#members.values()) member.drop();
    if (id !== undefined) this.#entries.push({ index: this.#last + 1, term: this.#term, data: NOTHING });
    for (const member of this.#members.values()) member.announce();
    this.flushSoon();
  }

  /** No majority from now on: nothing commits and no barrier passes. */
  hold(): void {
    this.#held = true;
  }

  /** A majority again. */
  release(): void {
    this.#held = false;
    this.flushSoon();
  }

  /** Makes a member apply nothing, as if it were cut off, or lets it catch up. */
  lag(id: NodeId, lagging: boolean): void {
    const member = this.#members.get(id);
    if (member !== undefined) member.lagging = lagging;
    this.flushSoon();
  }

  /** Adds an entry for the leader; used by members. */
  push(data: Uint8Array): LogEntry {
    const entry = { index: this.#last + 1, term: this.#term, data };
    this.#entries.push(entry);
    this.flushSoon();
    return entry;
  }

  /** Entries in (after, upTo]; used by members. */
  slice(after: number, upTo: number): readonly LogEntry[] {
    return this.#entries.slice(after - this.#snapshot.index, upTo - this.#snapshot.index);
  }

  /** Takes a snapshot of a member's consumer and drops the entries before it; used by members. */
  trim(index: number, chunks: Iterable<Uint8Array>): void {
    this.#entries = this.#entries.slice(index - this.#snapshot.index);
    this.#snapshot = { index, chunks: [...chunks] };
  }

  /** Removes a member; used by members. */
  leave(id: NodeId): void {
    this.#members.delete(id);
    if (this.#leader === id) this.elect(undefined);
  }

  /** Commits and applies at the end of this turn; used by members. */
  flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      if (this.#held || this.#leader === undefined) return;
      this.#commit = this.#last;
      for (const member of this.#members.values()) member.applyTo(this.#commit);
    });
  }
}

type Appended = Awaited<ReturnType<ReplicatedLog['append']>>;

class MemoryLog implements ReplicatedLog {
  readonly #shared: MemoryLogCluster;
  readonly #id: NodeId;
  readonly #consumer: LogConsumer;
  readonly #listeners: Set<(role: ReplicatedLog['role']) => void> = new Set();
  readonly #appends: Map<number, PromiseWithResolvers<Appended>> = new Map();
  #barriers: PromiseWithResolvers<number>[] = [];
  #restoring = false;
  #closed = false;
  lagging = false;

  constructor(shared: MemoryLogCluster, id: NodeId, consumer: LogConsumer) {
    this.#shared = shared;
    this.#id = id;
    this.#consumer = consumer;
  }

  get role(): ReplicatedLog['role'] {
    const { leader, term } = this.#shared;
    return { leading: leader === this.#id, leader, term };
  }

  onRole(listener: (role: ReplicatedLog['role']) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async append(data: Uint8Array): Promise<Appended> {
    this.#mustLead();
    const waiting = Promise.withResolvers<Appended>();
    this.#appends.set(this.#shared.push(data).index, waiting);
    return waiting.promise;
  }

  async barrier(): Promise<number> {
    this.#mustLead();
    const waiting = Promise.withResolvers<number>();
    this.#barriers.push(waiting);
    this.#shared.flushSoon();
    return waiting.promise;
  }

  async transferLeadership(to?: NodeId): Promise<void> {
    this.#mustLead();
    this.#shared.elect(to, 'kept');
  }

  async compact(): Promise<void> {
    this.#shared.trim(this.#consumer.appliedIndex, this.#consumer.snapshot());
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.drop();
    this.#shared.leave(this.#id);
  }

  /** Applies what is committed and answers who waits for it. */
  applyTo(commit: number): void {
    if (this.lagging || this.#restoring) return;
    const entries = this.#shared.slice(this.#consumer.appliedIndex, commit);
    const replies = entries.length === 0 ? [] : this.#consumer.apply(entries);
    entries.forEach(({ index, term }, i) => {
      this.#appends.get(index)?.resolve({ index, term, reply: replies[i] });
      this.#appends.delete(index);
    });
    const barriers = this.#barriers;
    this.#barriers = [];
    for (const waiting of barriers) waiting.resolve(this.#consumer.appliedIndex);
  }

  async restore(snapshot: { readonly index: number; readonly chunks: readonly Uint8Array[] }): Promise<void> {
    this.#restoring = true;
    await this.#consumer.restore(snapshot.index, toAsync(snapshot.chunks));
    this.#restoring = false;
  }

  /** Fails what isn't committed: the term is over. */
  drop(): void {
    for (const waiting of this.#appends.values()) {
      waiting.reject(new TroupeError('PROPOSAL_DROPPED', 'the leader changed before the entry was committed'));
    }
    this.#appends.clear();
    for (const waiting of this.#barriers) waiting.reject(this.#notLeader());
    this.#barriers = [];
  }

  announce(): void {
    for (const listener of this.#listeners) listener(this.role);
  }

  #mustLead(): void {
    if (this.#closed) throw new TroupeError('SHUTTING_DOWN', 'this member is closed');
    if (!this.role.leading) throw this.#notLeader();
  }

  #notLeader(): TroupeError {
    const { leader } = this.#shared;
    return new TroupeError('NOT_LEADER', `${this.#id} does not lead`, leader === undefined ? {} : { data: { leader } });
  }
}

async function* toAsync(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
