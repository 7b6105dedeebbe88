import type { ParseArgsOptionDescriptor } from 'node:util';
import type { Cluster } from './cluster.ts';

/** One option of a job, given on the command line as `--name value`. */
export interface JobOption extends ParseArgsOptionDescriptor {
  /** One line for `--help`. */
  readonly describe: string;
  readonly default?: string | boolean;
}

/** What a job is handed. */
export interface JobContext {
  readonly cluster: Cluster;
  /** Values of the job's options. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  /** Fires on Ctrl-C. */
  readonly signal: AbortSignal;
  /** Tells how far the job is: drives the progress line, and the chaos that is set to strike at a share of the work. */
  progress(done: number, total: number): void;
  /** Everything that happened so far: membership, leaders, faults, decisions, throughput. */
  readonly timeline: Timeline;
}

/** One thing that happened, `atMs` after the job began. */
export type TimelineEntry = { readonly atMs: number } & (
  | {
      readonly type: 'node';
      readonly node: string;
      readonly state: 'up' | 'cordoned' | 'draining' | 'left' | 'down';
      readonly reason?: string;
    }
  | { readonly type: 'leader'; readonly node: string | undefined; readonly term: number }
  | {
      readonly type: 'fault';
      readonly fault: 'preempt' | 'kill-leader';
      readonly node: string;
      readonly hurtMs: number | undefined;
    }
  | { readonly type: 'progress'; readonly done: number; readonly total: number }
);

/** What happened during a job, and what the faults cost. */
export interface Timeline {
  readonly entries: readonly TimelineEntry[];
  /** Agents that moved off draining nodes. */
  readonly migratedAgents: number;
  /** Undefined when nothing moved. */
  readonly migrationPauseMsP99: number | undefined;
  readonly drainMs: number | undefined;
  /** From the kill of the leader to the next committed decision. */
  readonly failoverMs: number | undefined;
}

/** What a job gives back. */
export interface JobResult {
  /** For a person, printed to standard output without `--json`. */
  readonly text: string;
  /** Printed as the last line with `--json`; the run adds nothing to it. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Exit code; default 0. */
  readonly exitCode?: number;
}

/** A program for `troupe run`. */
export interface Job {
  readonly name: string;
  /** One line for `troupe run FILE --help`. */
  readonly describe: string;
  /** Module that exports the agent kinds; every node loads it. */
  readonly agents: URL;
  readonly options?: Readonly<Record<string, JobOption>>;
  run(context: JobContext): Promise<JobResult>;
}

/** Declares a job; a job file exports it as default. */
export function defineJob(job: Job): Job {
  return job;
}
