import type { NodeId } from '../core/index.ts';
import type { ClusterView, CommandName, Commands, LedgerEvent, Members, Queries, QueryName } from './commands.ts';

/** How a call may be bounded and traced. */
export interface CallOptions {
  /** Gives up after this long, default 10,000 ms. A command's outcome is then unknown (TIMEOUT). */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly traceparent?: string | undefined;
}

/** What a voter is called for: commands or queries of the cluster's nodes, and those of clients outside it. */
export type CallKind = 'execute' | 'query' | 'write' | 'read';

/** Passes on what clients outside the cluster have encoded, unread. */
export interface Relay {
  /**
   * Hands a batch of commands (`write`) or queries (`read`) to the leader, once; queries that may be stale to the nearest
   * voter. Trying again is the client's business, whose session makes that harmless.
   *
   * @returns the voter's answer
   * @throws TroupeError what the voter said, NODE_UNAVAILABLE, TIMEOUT, OVERLOADED, SHUTTING_DOWN
   */
  relay(
    kind: 'write' | 'read',
    body: Uint8Array,
    timeoutMs: number,
    traceparent: string | undefined,
  ): Promise<Uint8Array>;
}

/** Takes commands as another thread has encoded them: what is large in them isn't read on its way. */
export interface Carrier {
  /** As `Coordinator.execute`. @param action of `encodeAction` */
  carry(name: CommandName, action: Uint8Array, options?: CallOptions): Promise<unknown>;
}

/** One delivery to a watcher: first a view, then every event after it, each index exactly once and in order. */
export type WatchDelivery =
  | { readonly type: 'view'; readonly view: ClusterView }
  | { readonly type: 'events'; readonly index: number; readonly events: readonly LedgerEvent[] };

/** The coordinator as every node sees it, whether it votes or not, from either thread. */
export interface Coordinator {
  /**
   * Runs a command exactly once, linearizably; finds the leader and retries by session until the time-out.
   * @throws TroupeError the state machine's refusal, or TIMEOUT, NO_QUORUM, SESSION_EXPIRED, SHUTTING_DOWN
   */
  execute<N extends CommandName>(
    name: N,
    request: Commands[N]['request'],
    options?: CallOptions,
  ): Promise<Commands[N]['reply']>;
  /** Reads linearizably, or with `stale` from the nearest voter's state as it is. */
  query<N extends QueryName>(
    name: N,
    request: Queries[N]['request'],
    options?: CallOptions & { readonly stale?: boolean },
  ): Promise<Queries[N]['reply']>;
  /**
   * Follows the ledger. A view is delivered first, and again whenever the watcher fell so far behind that events were lost
   * to the limit: it replaces what the watcher knew.
   */
  watch(listener: (delivery: WatchDelivery) => void): () => void;
  /** The leader as far as this node knows. */
  readonly leader: { readonly node: NodeId; readonly term: number } | undefined;
  onLeader(listener: (leader: { readonly node: NodeId; readonly term: number } | undefined) => void): () => void;
}

/** One committed command. */
export interface LogEntry {
  readonly index: number;
  readonly term: number;
  readonly data: Uint8Array;
  /** The log's members as of this entry, where it changes them. */
  readonly members?: Members;
}

/** Whoever applies committed commands: the ledger. Calls never overlap. */
export interface LogConsumer {
  readonly appliedIndex: number;
  apply(entries: readonly LogEntry[]): readonly unknown[];
  snapshot(): Iterable<Uint8Array>;
  restore(index: number, chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

/**
 * An ordered, durable, replicated log with one writer at a time: embedded Raft, or etcd. One conformance suite holds both.
 * Committed entries go to the consumer given at opening, each index once and in order.
 */
export interface ReplicatedLog {
  /** Commits and applies; the reply is the consumer's. Errors as RaftMember.propose. */
  append(data: Uint8Array): Promise<{ readonly index: number; readonly term: number; readonly reply: unknown }>;
  /** Linearizable barrier: when it resolves, the consumer has applied all that was committed before the call. */
  barrier(): Promise<number>;
  /** Whether this member writes now, who does, and in which term. */
  readonly role: { readonly leading: boolean; readonly leader: NodeId | undefined; readonly term: number };
  onRole(listener: (role: ReplicatedLog['role']) => void): () => void;
  transferLeadership(to?: NodeId): Promise<void>;
  /** Stores a snapshot of the consumer and trims the log behind it, keeping some entries for slow members. */
  compact(): Promise<void>;
  close(): Promise<void>;
}
