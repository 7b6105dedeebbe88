/** A key and what etcd knows of it. */
export interface KeyValue {
  readonly key: string;
  readonly value: Uint8Array;
  /** Revision of the store at which the key came to be; a key that was deleted and made again has a larger one. */
  readonly createRevision: number;
  /** Lease that the key dies with, 0 for none. */
  readonly lease: number;
}

/** Keys from `key` to before `end`; one key without an end. */
export interface KeyRange {
  readonly key: string;
  readonly end?: string;
}

/** One condition of a transaction. A key that isn't there has creation revision 0, and no value equals its. */
export type Compare =
  | { readonly key: string; readonly createRevision: number }
  | { readonly key: string; readonly value: Uint8Array };

/** One thing that a transaction does. It may touch a key only once. */
export type Op =
  | ({ readonly type: 'range'; readonly limit?: number } & KeyRange)
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array; readonly lease?: number }
  | ({ readonly type: 'delete' } & KeyRange);

/** Does `ops` when all conditions hold, else `otherwise`, as one step. Without writes it is a linearizable read. */
export interface Txn {
  readonly compare?: readonly Compare[];
  readonly ops: readonly Op[];
  readonly otherwise?: readonly Op[];
}

/** What a transaction did and saw. */
export interface TxnReply {
  readonly succeeded: boolean;
  /** Revision of the store after it. */
  readonly revision: number;
  /** One list of keys, in order, for each `range` of the branch that was taken. */
  readonly ranges: readonly (readonly KeyValue[])[];
}

/** A change of a key. */
export interface WatchEvent {
  readonly type: 'put' | 'delete';
  readonly kv: KeyValue;
}

/**
 * The part of etcd that the log stands on. A call is tried at one endpoint after another until it is answered or `limitMs` is
 * over, so **a transaction may be executed more than once**: callers write only such that can't harm when repeated, late or not.
 *
 * Errors: TIMEOUT (no answer; what it did is unknown), SHUTTING_DOWN, and what etcd refuses for good: NOT_FOUND (a lease or a
 * revision that is gone), DISK_FULL (etcd's quota), INVALID_CONFIGURATION (it won't have us), PROTOCOL_VIOLATION.
 */
export interface Etcd {
  txn(txn: Txn, limitMs: number): Promise<TxnReply>;
  /**
   * Makes a lease.
   *
   * @param lease its id, a fresh random number
   * @returns its life, ms; not less than `ttlMs`
   */
  grant(lease: number, ttlMs: number, limitMs: number): Promise<number>;
  /** Prolongs a lease; returns its life from now, ms, or 0 when it is over. */
  keepAlive(lease: number, limitMs: number): Promise<number>;
  /** Ends a lease and deletes its keys; one that is over already is fine. */
  revoke(lease: number, limitMs: number): Promise<void>;
  /**
   * Changes from a revision on, in order, none left out, until `signal` fires; events of one revision come together.
   * @throws TroupeError NODE_UNAVAILABLE when the stream broke, NOT_FOUND when the revision was compacted away
   */
  watch(range: KeyRange, fromRevision: number, signal: AbortSignal): AsyncIterable<readonly WatchEvent[]>;
  /** Forgets the history before a revision, for everybody who uses this etcd. */
  compact(revision: number, limitMs: number): Promise<void>;
  close(): void;
}
