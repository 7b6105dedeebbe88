import type { Clock, Logger, NodeId, Random } from '../../core/index.ts';
import type { LogConsumer } from '../port.ts';
import type { Etcd } from './port.ts';

const KIB = 1024;
const MIB = 1024 * 1024;

/** Bounds of the log on etcd. */
export interface EtcdLogLimits {
  /** Life of a leader's lease, ms; etcd rounds up to seconds, and to 1.5 times its own election time-out. */
  readonly leaseMs: number;
  /** etcd has so long to answer a call, over all its endpoints, ms. */
  readonly answerMs: number;
  /** A watch is believed for so long, then what it follows is read again: a stream may be dead without a word, ms. */
  readonly watchMs: number;
  /** Pause before a loop that failed tries again, ms. */
  readonly retryMs: number;
  /** A barrier gives up after so long, ms. */
  readonly barrierMs: number;
  /** A successor must have taken over within so long, ms. */
  readonly transferMs: number;
  /** Bytes of a record, a part or a chunk. etcd refuses requests over 1.5 MiB. */
  readonly valueBytesMax: number;
  /** Entries in a record. */
  readonly recordEntriesMax: number;
  /** Size of an entry; MESSAGE_TOO_LARGE beyond. */
  readonly entryBytesMax: number;
  /** Entries and bytes that wait to be written or are being written; OVERLOADED beyond. */
  readonly appendsMax: number;
  readonly appendBytesMax: number;
  /** Records or chunks in one read. */
  readonly pageKeysMax: number;
  /** The leader takes a snapshot after so many entries or bytes. */
  readonly snapshotEveryEntries: number;
  readonly snapshotEveryBytes: number;
  /** Entries kept behind a snapshot, so that slow members needn't start over. */
  readonly keepEntries: number;
}

/** The log's limits unless told otherwise. */
export const ETCD_LOG_LIMITS: EtcdLogLimits = {
  leaseMs: 3_000,
  answerMs: 5_000,
  watchMs: 2_000,
  retryMs: 100,
  barrierMs: 5_000,
  transferMs: 1_000,
  valueBytesMax: 512 * KIB,
  recordEntriesMax: 4_096,
  entryBytesMax: 64 * MIB,
  appendsMax: 16_384,
  appendBytesMax: 64 * MIB,
  pageKeysMax: 32,
  snapshotEveryEntries: 10_000,
  snapshotEveryBytes: 8 * MIB,
  keepEntries: 1_000,
};

/** What a log on etcd is made of. */
export interface EtcdLogOptions {
  /** This member's id. */
  readonly node: NodeId;
  /** The log closes it. */
  readonly etcd: Etcd;
  /** What all keys of the log begin with, e.g. `/troupe/local/`. */
  readonly prefix: string;
  readonly consumer: LogConsumer;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: Logger;
  readonly limits?: Partial<EtcdLogLimits>;
  /** Whether the leader has etcd forget old revisions, of everything in it; default true. */
  readonly compactHistory?: boolean;
}
