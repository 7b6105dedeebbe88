import type { ClusterView, LedgerEvent, LedgerStats } from '../coordinator/index.ts';
import type { AgentDefinition, AgentRef, Protocol } from '../agent/index.ts';
import type { Team, TeamOptions } from '../team/index.ts';

/** What a cluster looks like now. */
export interface ClusterStatus {
  readonly cluster: string;
  readonly leader: { readonly node: string; readonly term: number } | undefined;
  readonly view: ClusterView;
  readonly stats: LedgerStats;
}

/** One node, as the one who started or joined the cluster may treat it. */
export interface NodeHandle {
  readonly id: string;
  /** Empties the node inside the deadline; resolves when it has left. */
  drain(options: { readonly reason: string; readonly deadlineMs: number }): Promise<void>;
  /** Gives the node's machine a preemption notice through its file source; only on a cluster started here. */
  preempt(noticeMs: number): Promise<void>;
  /** SIGKILL, SIGSTOP or SIGCONT to the node's process; only on a cluster started here. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
}

/** A running cluster, seen from a program. */
export interface Cluster extends AsyncDisposable {
  readonly name: string;
  agent<S, P extends Protocol>(definition: AgentDefinition<S, P>, key: string): AgentRef<P>;
  team(name: string, options: TeamOptions): Team;
  node(id: string): NodeHandle;
  status(): Promise<ClusterStatus>;
  /** What the ledger commits from now on, as it happens. */
  events(signal: AbortSignal): AsyncIterable<LedgerEvent>;
  /** Stops what `start` started, in order; a client only disconnects. */
  close(): Promise<void>;
}
