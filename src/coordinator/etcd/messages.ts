import { TroupeError } from '../../core/index.ts';
import type { Compare as WireCompare } from '../../wire/generated/etcdserverpb/Compare.ts';
import type { RangeRequest } from '../../wire/generated/etcdserverpb/RangeRequest.ts';
import type { RequestOp } from '../../wire/generated/etcdserverpb/RequestOp.ts';
import type { TxnRequest } from '../../wire/generated/etcdserverpb/TxnRequest.ts';
import type { TxnResponse__Output } from '../../wire/generated/etcdserverpb/TxnResponse.ts';
import type { WatchResponse__Output } from '../../wire/generated/etcdserverpb/WatchResponse.ts';
import type { Event__Output } from '../../wire/generated/mvccpb/Event.ts';
import type { KeyValue__Output } from '../../wire/generated/mvccpb/KeyValue.ts';
import type { Compare, KeyRange, KeyValue, Op, Txn, TxnReply, WatchEvent } from './port.ts';

const NOTHING: Buffer = Buffer.alloc(0);

/** A range as etcd's messages have it. */
export function toRange({ key, end }: KeyRange): RangeRequest {
  return { key: Buffer.from(key), ...(end === undefined ? {} : { rangeEnd: Buffer.from(end) }) };
}

/** A transaction as etcd's message. */
export function toTxn({ compare = [], ops, otherwise = [] }: Txn): TxnRequest {
  return { compare: compare.map(toCompare), success: ops.map(toOp), failure: otherwise.map(toOp) };
}

function toCompare(compare: Compare): WireCompare {
  const key = Buffer.from(compare.key);
  return 'value' in compare
    ? { result: 'EQUAL', target: 'VALUE', key, value: compare.value }
    : { result: 'EQUAL', target: 'CREATE', key, createRevision: compare.createRevision };
}

function toOp(op: Op): RequestOp {
  switch (op.type) {
    case 'range':
      return { requestRange: { ...toRange(op), limit: op.limit ?? 0 } };
    case 'put':
      return { requestPut: { key: Buffer.from(op.key), value: op.value, lease: op.lease ?? 0 } };
    case 'delete':
      return { requestDeleteRange: toRange(op) };
  }
}

/** What etcd answered to a transaction. */
export function toTxnReply({ header, succeeded = false, responses = [] }: TxnResponse__Output): TxnReply {
  const ranges = responses.flatMap(({ responseRange }) =>
    responseRange == null ? [] : [(responseRange.kvs ?? []).map(toKeyValue)],
  );
  return { succeeded, revision: header?.revision ?? 0, ranges };
}

/** Changes that a watch told. */
export function toEvents(events: readonly Event__Output[]): WatchEvent[] {
  return events.flatMap(({ type, kv }) =>
    kv == null ? [] : [{ type: type === 'DELETE' ? 'delete' : 'put', kv: toKeyValue(kv) } as const],
  );
}

/** Why etcd ended a watch. */
export function fromCompaction({ compactRevision, cancelReason }: WatchResponse__Output): TroupeError {
  return (compactRevision ?? 0) > 0
    ? new TroupeError('NOT_FOUND', `etcd has forgotten what was before revision ${compactRevision}`)
    : new TroupeError('NODE_UNAVAILABLE', `etcd ended the watch: ${cancelReason ?? 'no reason given'}`);
}

function toKeyValue({ key = NOTHING, value = NOTHING, createRevision = 0, lease = 0 }: KeyValue__Output): KeyValue {
  return { key: key.toString(), value, createRevision, lease };
}
