import type { Entry, HardState, RaftLog, Recovered, SnapshotMeta } from '../../src/raft/index.ts';
import type { Invariants } from './invariants.ts';

/** A log that tells the invariants what it is asked to write and what it calls durable. */
export class WatchedLog implements RaftLog {
  readonly #id: string;
  readonly #log: RaftLog;
  readonly #invariants: Invariants;

  constructor(id: string, log: RaftLog, invariants: Invariants) {
    this.#id = id;
    this.#log = log;
    this.#invariants = invariants;
  }

  get recovered(): Recovered {
    return this.#log.recovered;
  }

  async append(hardState: HardState | undefined, entries: readonly Entry[]): Promise<void> {
    const first = entries[0]?.index;
    const previousTerm = first === undefined ? undefined : this.#log.term(first - 1);
    const ticket = this.#invariants.writes(this.#id, hardState, entries, previousTerm);
    await this.#log.append(hardState, entries);
    this.#invariants.durable(this.#id, ticket);
  }

  async installSnapshot(meta: SnapshotMeta): Promise<void> {
    const ticket = this.#invariants.restarts(this.#id, meta);
    await this.#log.installSnapshot(meta);
    this.#invariants.durable(this.#id, ticket, meta);
  }

  firstIndex(): number {
    return this.#log.firstIndex();
  }

  lastIndex(): number {
    return this.#log.lastIndex();
  }

  term(index: number): number | undefined {
    return this.#log.term(index);
  }

  entries(from: number, to: number, bytesMax: number): readonly Entry[] | undefined {
    return this.#log.entries(from, to, bytesMax);
  }

  snapshot(): SnapshotMeta | undefined {
    return this.#log.snapshot();
  }

  saveSnapshot(meta: SnapshotMeta, chunks: Parameters<RaftLog['saveSnapshot']>[1], keepEntries: number): Promise<void> {
    this.#invariants.saves(this.#id, meta.index, meta.configuration);
    return this.#log.saveSnapshot(meta, chunks, keepEntries);
  }

  async stageSnapshot(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#log.stageSnapshot(meta, chunks);
    this.#invariants.staged(this.#id, meta);
  }

  readSnapshot(index: number): AsyncIterable<Uint8Array> {
    return this.#log.readSnapshot(index);
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}
