/** What the mailboxes of one agent kind hold together. */
export interface MailboxGauge {
  /** Agent kind, or `actor` for those without one. */
  readonly kind: string;
  readonly depth: number;
  readonly bytes: number;
  /** Age of the oldest message, ms. */
  readonly oldestAgeMs: number;
}

/** Where this voter stands. */
export interface RaftGauge {
  readonly term: number;
  readonly leading: boolean;
  /** Entries that are committed and not yet applied. */
  readonly commitMinusApplied: number;
}

/** Whether a source of notices of preemption answers. */
export interface SourceGauge {
  readonly source: string;
  readonly answers: boolean;
}

/** Why an actor or agent was started again. */
export type RestartReason = 'crash' | 'sibling' | 'node-lost';

/**
 * The instruments of a node. Events are counted when they happen; states are asked for when a report is due, so a gauge
 * costs nothing in between.
 */
export interface Metrics {
  /** Messages that found no receiver, by reason, e.g. `terminated`, `crash`, `overflow`. */
  deadLetters(reason: string, count?: number): void;
  restarted(reason: RestartReason): void;
  /** A shard has moved. @param pauseMs how long its agents took no message */
  migrated(reason: string, pauseMs: number): void;
  /** The log was synced to disk. @param ms how long it took */
  synced(ms: number): void;
  /** An election was started here. */
  electionStarted(): void;
  /** @returns a function that ends the observation */
  observeMailboxes(read: () => Iterable<MailboxGauge>): () => void;
  /** @returns a function that ends the observation */
  observeRaft(read: () => RaftGauge | undefined): () => void;
  /** @returns a function that ends the observation */
  observeSources(read: () => Iterable<SourceGauge>): () => void;
}

const ignore = (): void => {};

/** Counts nothing. */
export const nullMetrics: Metrics = {
  deadLetters: ignore,
  restarted: ignore,
  migrated: ignore,
  synced: ignore,
  electionStarted: ignore,
  observeMailboxes: () => ignore,
  observeRaft: () => ignore,
  observeSources: () => ignore,
};
