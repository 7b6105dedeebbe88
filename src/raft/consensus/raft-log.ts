import { invariant, TroupeError } from '../../core/index.ts';
import type { Entry, LogReader, SnapshotMeta } from './types.ts';
import { Unstable } from './unstable.ts';

/**
 * The whole log as consensus sees it: the driver's durable part, the unstable end, and how far it is committed and
 * applied. Always `applied <= applying <= commit`, and nothing is applied before it is durable here.
 */
export class ConsensusLog {
  readonly unstable: Unstable;
  readonly #reader: LogReader;
  #commit: number;
  #applying: number;
  #applied: number;

  /**
   * @param reader the durable log
   * @param commit as recovered, 0 when unknown; it may lag behind `applied`
   * @param applied index of the last entry in the state machine
   * @throws TroupeError LOG_CORRUPT when the log ends before what was committed or applied
   */
  constructor(reader: LogReader, commit: number, applied: number) {
    const base = reader.firstIndex() - 1;
    const last = reader.lastIndex();
    this.#reader = reader;
    this.unstable = new Unstable(last);
    // Entries may be kept behind a snapshot, which was taken of what was committed.
    this.#commit = Math.max(commit, applied, base, reader.snapshot()?.index ?? 0);
    this.#applying = applied;
    this.#applied = applied;
    if (this.#commit > last) {
      throw new TroupeError('LOG_CORRUPT', `the log ends at ${last} but ${this.#commit} was committed`);
    }
    invariant(applied >= base, `entries after ${applied} are to be applied but the log starts after ${base}`);
  }

  get commit(): number {
    return this.#commit;
  }

  get applied(): number {
    return this.#applied;
  }

  get firstIndex(): number {
    const pending = this.unstable.snapshot;
    return pending === undefined ? this.#reader.firstIndex() : pending.index + 1;
  }

  get lastIndex(): number {
    return this.unstable.lastIndex;
  }

  get lastTerm(): number {
    const term = this.term(this.lastIndex);
    invariant(term !== undefined, 'the term of the last entry is always known');
    return term;
  }

  /** The log is durable up to here; 0 while a snapshot is being installed. */
  get durableIndex(): number {
    return this.unstable.snapshot === undefined ? this.unstable.offset - 1 : 0;
  }

  /** The newest snapshot to offer to a member that is too far behind. */
  get snapshot(): SnapshotMeta | undefined {
    return this.unstable.snapshot ?? this.#reader.snapshot();
  }

  /** The term of an entry; undefined when it was compacted or isn't there. */
  term(index: number): number | undefined {
    if (index === 0) return 0;
    if (index > this.lastIndex) return undefined;
    if (index >= this.unstable.offset) return this.unstable.at(index)!.term;
    const pending = this.unstable.snapshot;
    if (pending !== undefined) return index === pending.index ? pending.term : undefined;
    return this.#reader.term(index);
  }

  /**
   * Entries from `from` on, below `to`: at least one, cut where they pass `bytesMax` and where the durable part ends.
   *
   * @returns undefined when `from` was compacted
   */
  slice(from: number, to: number, bytesMax: number): readonly Entry[] | undefined {
    const { offset } = this.unstable;
    if (from >= offset) return this.unstable.slice(from, to, bytesMax);
    if (from < this.firstIndex) return undefined;
    return this.#reader.entries(from, Math.min(to, offset), bytesMax);
  }

  /** Whether a candidate whose log ends at (index, term) has at least everything that this log has. */
  isUpToDate(index: number, term: number): boolean {
    const lastTerm = this.lastTerm;
    return term > lastTerm || (term === lastTerm && index >= this.lastIndex);
  }

  /** Adds a leader's own new entries. */
  append(entries: readonly Entry[]): void {
    invariant(entries[0]!.index > this.#commit, 'a committed entry must not be replaced');
    this.unstable.append(entries);
  }

  /**
   * Adds what a leader sent after (index, term). Entries that are there already stay, and so does what follows them: a
   * delayed, shorter append must not cut what was acknowledged. From the first that differs on, the log is replaced.
   *
   * @returns index of the last entry that is now known to equal the leader's, or undefined when (index, term) isn't here
   */
  appendAfter(index: number, term: number, entries: readonly Entry[]): number | undefined {
    if (this.term(index) !== term) return undefined;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!;
      if (this.term(entry.index) === entry.term) continue;
      this.append(i === 0 ? entries : entries.slice(i));
      break;
    }
    return index + entries.length;
  }

  /**
   * The largest index at or below `index` whose term is at most `term`: logs that disagree can't agree above it. Stops at
   * the first index whose term is no longer known.
   */
  lastIndexOfTerm(index: number, term: number): number {
    let at = Math.min(index, this.lastIndex);
    for (; at > 0; at--) {
      const own = this.term(at);
      if (own === undefined || own <= term) break;
    }
    return at;
  }

  /** Commits up to `index`; never goes back. */
  commitTo(index: number): boolean {
    if (index <= this.#commit) return false;
    invariant(
      index <= this.lastIndex,
      `commit ${index} is past the end of the log ${this.lastIndex}: entries were lost`,
    );
    this.#commit = index;
    return true;
  }

  /** The log restarts after a snapshot, which must be ahead of what is committed here. */
  restore(snapshot: SnapshotMeta): void {
    invariant(snapshot.index > this.#commit, 'a snapshot must not take back what is committed');
    this.unstable.restore(snapshot);
    this.#commit = snapshot.index;
  }

  /** Whether `takeApply` has something: one ApplyWork is out at a time, none while a snapshot is being installed. */
  get hasApply(): boolean {
    return this.#applying === this.#applied && Math.min(this.#commit, this.durableIndex) > this.#applying;
  }

  /** The next committed entries to apply. */
  takeApply(bytesMax: number): readonly Entry[] {
    const entries = this.slice(this.#applying + 1, Math.min(this.#commit, this.durableIndex) + 1, bytesMax);
    invariant(entries !== undefined && entries.length > 0, 'an entry was compacted before it was applied');
    this.#applying = entries[entries.length - 1]!.index;
    return entries;
  }

  /** Whether a change of the members is committed and not applied. */
  hasUnappliedConfiguration(): boolean {
    for (let next = this.#applied + 1; next <= this.#commit; ) {
      const entries = this.slice(next, this.#commit + 1, 2 ** 20);
      // Below a snapshot that is being installed there is nothing to apply one by one.
      if (entries === undefined || entries.length === 0) return false;
      if (entries.some((entry) => entry.kind === 'config')) return true;
      next += entries.length;
    }
    return false;
  }

  /** The state machine has applied everything up to `index`, by entries or by a snapshot. */
  appliedTo(index: number): void {
    invariant(index <= this.#commit, 'only committed entries are applied');
    this.#applied = Math.max(this.#applied, index);
    this.#applying = Math.max(this.#applying, index);
  }
}
