import { type Clock, isTroupeError, type Logger, type NodeId, type Random, TroupeError } from '../../core/index.ts';
import type { Applier } from './applier.ts';
import type { LogKeys } from './keys.ts';
import type { EtcdLogLimits } from './options.ts';
import type { Etcd, KeyRange, Op, TxnReply } from './port.ts';

/** What the parts of one member's log share. */
export interface LogContext {
  readonly node: NodeId;
  readonly etcd: Etcd;
  readonly keys: LogKeys;
  readonly applier: Applier;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits: EtcdLogLimits;
}

/** Whether what failed may work when it is tried again: etcd was silent, or something moved on below a reader. */
export function isPassing(error: unknown): boolean {
  return ['TIMEOUT', 'NODE_UNAVAILABLE', 'NOT_FOUND'].some((code) => isTroupeError(error) && error.code === code);
}

/** Reads keys linearizably, all at one revision. */
export function readKeys(
  { etcd, limits }: LogContext,
  ...ranges: readonly (KeyRange & { readonly limit?: number })[]
): Promise<TxnReply> {
  return etcd.txn({ ops: ranges.map((range) => ({ type: 'range', ...range })) }, limits.answerMs);
}

/**
 * Writes as the leader of a term: nothing happens when another term has begun.
 *
 * @throws TroupeError NOT_LEADER, and what the transaction throws
 */
export async function writeFenced(
  { etcd, keys, limits }: LogContext,
  term: number,
  ops: readonly Op[],
): Promise<TxnReply> {
  const reply = await etcd.txn({ compare: [{ key: keys.leader, createRevision: term }], ops }, limits.answerMs);
  if (!reply.succeeded) throw new TroupeError('NOT_LEADER', `term ${term} is over`);
  return reply;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Text as the value of a key. */
export function toValue(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of a value. */
export function fromValue(value: Uint8Array): string {
  return decoder.decode(value);
}
