/** What the suite drives: three processes that agree, ours or a peer's. */

/** A client of a cluster's values, in this process. */
export interface ValueClient {
  /** Resolves when the write is acknowledged. Looks for the leader by itself. */
  put(key: string, value: Uint8Array): Promise<unknown>;
  /** Reads linearizably. */
  get(key: string): Promise<Uint8Array | undefined>;
  close(): Promise<void> | void;
}

/** How a cluster is driven: as its best client does, or with one unary call for each operation. */
export type ClientKind = 'best' | 'unary';

/** Three node processes on this machine. */
export interface Cluster extends AsyncDisposable {
  /** Holds all that its nodes write. */
  readonly folder: string;
  /** Column of the report. */
  readonly name: string;
  readonly nodes: readonly string[];
  /** Resolves when there is a leader. */
  start(): Promise<void>;
  connect(kind: ClientKind): ValueClient;
  leader(): Promise<string>;
  signal(node: string, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
  /** Brings a killed node back with its disk; resolves when it serves. */
  restore(node: string): Promise<void>;
  /** Hands the leadership to another node; resolves when that is done. */
  transfer(): Promise<void>;
  /** Of a node that runs. */
  pid(node: string): number;
}

/** When a cluster's nodes miss their leader, ms. */
export interface Timing {
  readonly heartbeatMs: number;
  readonly electionMs: number;
  /** Silence after which a node of ours is given up; its default when absent. */
  readonly downAfterMs?: number;
}
