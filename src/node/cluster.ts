import { type AgentDefinition, type AgentRef, agentRef, type Host, type Protocol } from '../agent/index.ts';
import type { ApiClient, ApiStatus, ClientTopic, HeldTurns, PoolStatus, Values } from '../api/index.ts';
import type { LedgerEvent } from '../coordinator/index.ts';
import { type Team, type TeamOptions, team } from '../team/index.ts';
import { type ClusterVoters, votersOver } from './voters.ts';

/** One node, as the one who started or joined the cluster may treat it. */
export interface NodeHandle {
  readonly id: string;
  /** Empties the node inside the deadline; resolves when it has left. */
  drain(options: { readonly reason: string; readonly deadlineMs: number }): Promise<void>;
  /** Gives the node's machine a preemption notice through its file source; only on a cluster started here. */
  preempt(noticeMs: number): Promise<void>;
  /** Signals the node's process; only on a cluster started here. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
}

/** What a cluster looks like now. */
export type ClusterStatus = ApiStatus;

/** A running cluster, seen from a program. */
export interface Cluster extends AsyncDisposable {
  readonly name: string;
  agent<S, P extends Protocol>(definition: AgentDefinition<S, P>, key: string): AgentRef<P>;
  team(name: string, options: TeamOptions): Team;
  /** @throws TroupeError NOT_FOUND */
  node(id: string): NodeHandle;
  status(): Promise<ClusterStatus>;
  /** Small values under names, linearizable, for whatever the cluster's users must agree on. */
  readonly kv: Values;
  /** Turns that wait for a person to say what became of a step. */
  readonly held: HeldTurns;
  /**
   * A topic of the whole cluster: what agents and actors publish on it is heard here, and the other way round, as JSON. What its
   * messages are is the caller's word.
   *
   * @example
   * const prices = cluster.topic<Price>('prices');
   * const subscription = await prices.subscribe((price) => show(price), { onGap: ({ missed }) => warn(missed) });
   */
  topic<M>(name: string): ClientTopic<M>;
  /** How pools of workers are scaled, and why, as the leader knows. @throws TroupeError NO_QUORUM, TIMEOUT */
  scale(): Promise<PoolStatus[]>;
  /** Which nodes vote. */
  readonly voters: ClusterVoters;
  /** What the ledger commits from now on, as it happens. */
  events(signal: AbortSignal): AsyncIterable<LedgerEvent>;
  /** Stops what `start` started, in order; a client only disconnects. */
  close(): Promise<void>;
}

/** What a cluster is seen through. */
export type ClusterClient = Host &
  Pick<ApiClient, 'status' | 'events' | 'kv' | 'held' | 'topic' | 'changeVoters' | 'scale'>;

/** The handle of a cluster that a client reaches. */
export function clusterOver(parts: {
  readonly name: string;
  readonly client: ClusterClient;
  readonly node: (id: string) => NodeHandle;
  readonly close: () => Promise<void>;
}): Cluster {
  const { name, client, node } = parts;
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= parts.close();
    return closed;
  };
  return {
    name,
    agent: (definition, key) => agentRef(client, definition, key),
    team: (teamName, options) => team(client, teamName, options),
    node,
    kv: client.kv,
    held: client.held,
    topic: (topic) => client.topic(topic),
    voters: votersOver(client),
    status: () => client.status(),
    scale: () => client.scale(),
    events: (signal) => client.events(signal),
    close,
    [Symbol.asyncDispose]: close,
  };
}
