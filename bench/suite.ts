import type { Report } from './report.ts';

/** What the command line says. */
export interface BenchOptions {
  /** Shorter slices and fewer rounds: to see that all works, not to quote. */
  readonly quick: boolean;
  readonly rounds: number;
  /** Parts to run; all when empty. */
  readonly only: ReadonlySet<string>;
  /** An empty folder on a disk. */
  readonly folder: string;
  /** Where our processes write CPU profiles when they close. */
  readonly profile: string | undefined;
  /** What else the suite takes, by name; only what was given. */
  readonly flags: ReadonlyMap<string, string>;
  /** Says how far it is. */
  readonly progress: (text: string) => void;
}

/** One suite: `npm run bench -- NAME`. */
export interface Suite {
  readonly name: string;
  /** Parts that `--only` may name. */
  readonly parts: readonly string[];
  /** Rounds unless the command line says otherwise. */
  readonly rounds: number;
  /** Flags of its own, each with a value. */
  readonly flags?: readonly string[];
  /** @throws UsageError for a value of a flag of its own */
  run(options: BenchOptions): Promise<Report>;
}
