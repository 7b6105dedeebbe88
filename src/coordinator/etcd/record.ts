import { crc32 } from 'node:zlib';
import { invariant, TroupeError } from '../../core/index.ts';

/** Format of a record: version, kind, CRC-32 of the rest, term, first index, number of entries; then the entries. */
const VERSION = 1;
const HEAD_BYTES = 26;
const CRC_AT = 2;
const BODY_AT = 6;
const KINDS = ['entries', 'parts'] as const;

/** What one key of the log holds: entries one after the other, or one that is so large that it lies in parts elsewhere. */
export interface LogRecord {
  readonly kind: (typeof KINDS)[number];
  readonly term: number;
  readonly firstIndex: number;
  /** The entries' data; of a record of kind `parts` the `describeParts` of its entry. */
  readonly data: readonly Uint8Array[];
}

/** Bytes that an entry adds to a record. */
export function recordBytes(data: Uint8Array): number {
  return data.byteLength + 4;
}

/** A record as the value of a key. */
export function encodeRecord({ kind, term, firstIndex, data }: LogRecord): Uint8Array {
  const bytes = new Uint8Array(data.reduce((sum, entry) => sum + recordBytes(entry), HEAD_BYTES));
  const view = new DataView(bytes.buffer);
  view.setUint8(0, VERSION);
  view.setUint8(1, KINDS.indexOf(kind));
  view.setFloat64(BODY_AT, term);
  view.setFloat64(BODY_AT + 8, firstIndex);
  view.setUint32(BODY_AT + 16, data.length);
  let at = HEAD_BYTES;
  for (const entry of data) {
    view.setUint32(at, entry.byteLength);
    bytes.set(entry, at + 4);
    at += recordBytes(entry);
  }
  view.setUint32(CRC_AT, crc32(bytes.subarray(BODY_AT)));
  return bytes;
}

/** @throws TroupeError LOG_CORRUPT */
export function decodeRecord(bytes: Uint8Array, key: string): LogRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = bytes.byteLength < HEAD_BYTES || view.getUint8(0) !== VERSION ? undefined : KINDS[view.getUint8(1)];
  if (kind === undefined || view.getUint32(CRC_AT) !== crc32(bytes.subarray(BODY_AT))) {
    throw new TroupeError('LOG_CORRUPT', 'a record of the log does not match its checksum', { address: key });
  }
  const data: Uint8Array[] = [];
  let at = HEAD_BYTES;
  for (let left = view.getUint32(BODY_AT + 16); left > 0; left--) {
    const size = view.getUint32(at);
    data.push(bytes.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  invariant(at === bytes.byteLength, 'a record ends where its last entry does');
  return { kind, term: view.getFloat64(BODY_AT), firstIndex: view.getFloat64(BODY_AT + 8), data };
}

/** What a record says of an entry that lies in parts: its size and its CRC-32. */
export function describeParts(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.byteLength);
  view.setUint32(4, crc32(data));
  return bytes;
}

/** Whether parts put together are what the record described. */
export function matchesParts(description: Uint8Array, data: Uint8Array): boolean {
  return Buffer.compare(describeParts(data), description) === 0;
}
