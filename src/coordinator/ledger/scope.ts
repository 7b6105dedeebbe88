import type { Reach } from '../codec.ts';
import type { LedgerChange } from '../commands.ts';

/** Totals since the ledger's beginning. */
export interface Totals {
  ballots: number;
  decisions: number;
  tasksCompleted: number;
  journalRecords: number;
  /** Values ever put; the newest one's version. */
  puts: number;
  /** Values there are, and the bytes of them and their keys. */
  values: number;
  valueBytes: number;
}

/** What a handler knows of the log entry it serves, and how it tells what it did. Undone together with its changes. */
export interface Scope {
  readonly index: number;
  readonly term: number;
  readonly reach: Reach;
  /** Logged time, ms since 1970: the only time there is. */
  readonly now: number;
  readonly totals: Totals;
  emit(change: LedgerChange): void;
  /** What is written to the tables from here on is undone when the command is refused. */
  guard(): void;
  /** Something is to happen by itself at this logged time. */
  due(at: number): void;
}
