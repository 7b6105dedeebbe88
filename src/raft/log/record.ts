import { crc32 } from 'node:zlib';
import { invariant } from '../../core/index.ts';

/**
 * A record on disk, little-endian, starting at a multiple of 8 bytes:
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 4 | CRC32 of everything after it, seeded with the segment's sequence number |
 * | 4 | 4 | CRC of the record before it: the chain |
 * | 8 | 4 | length of the data |
 * | 12 | 4 | durable: everything in this file before this offset had been synced when this record was written |
 * | 16 | 6 | term |
 * | 22 | 6 | index |
 * | 28 | 1 | type |
 * | 29 | 3 | zero |
 * | 32 | length | data, then zeros up to a multiple of 8 |
 *
 * `durable` is what tells a torn tail from damage: bad bytes before the `durable` of any good record had been synced, so
 * they were damaged later; bad bytes after it may be a write that a crash interrupted.
 */
export const RECORD_HEADER_BYTES = 32;

/** Longest data of one record, bytes. */
export const RECORD_DATA_BYTES_MAX = 1024 ** 3;

const INDEX_LIMIT = 2 ** 48;
const TWO_32 = 2 ** 32;

/** What a record says. The numbers are on disk: never reuse one. */
export const RecordType = {
  /** First of each segment: index is the segment's sequence number, term the format's version, data the identity. */
  segment: 1,
  /** Term, commit in index, the vote in data. */
  hardState: 2,
  entry: 3,
  configEntry: 4,
  /** Entries up to index are no longer part of the log. */
  trim: 5,
  /** No entry written before is part of the log; it goes on after (index, term). */
  restart: 6,
  /** Nothing but a newer `durable`. */
  seal: 7,
} as const;

/** One of the numbers in `RecordType`. */
export type RecordTypeNumber = (typeof RecordType)[keyof typeof RecordType];

/** Room that a record with this much data takes on disk, bytes. */
export function recordBytes(dataBytes: number): number {
  return (RECORD_HEADER_BYTES + dataBytes + 7) & ~7;
}

/** Encodes records one after the other into a buffer that is used again for each batch. */
export class RecordWriter {
  #buffer: Buffer;
  #end = 0;

  constructor() {
    this.#buffer = Buffer.alloc(64 * 1024);
  }

  /** What has been encoded; valid until `start` is called. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#end);
  }

  /** Forgets what was encoded and makes room for `bytes`. */
  start(bytes: number): void {
    this.#end = 0;
    // An unusual batch isn't kept alive for ever.
    const idle = this.#buffer.byteLength > 4 * 1024 * 1024 && bytes < 1024 * 1024;
    if (idle || bytes > this.#buffer.byteLength) this.#buffer = Buffer.alloc(Math.max(64 * 1024, bytes));
  }

  /**
   * Encodes one record.
   *
   * @param sequence of the segment it will be written to
   * @param previous CRC of the record before it
   * @returns its CRC
   */
  add(
    type: RecordTypeNumber,
    term: number,
    index: number,
    data: Uint8Array,
    sequence: number,
    previous: number,
    durable: number,
  ): number {
    invariant(term >= 0 && term < INDEX_LIMIT && index >= 0 && index < INDEX_LIMIT, 'term or index out of range');
    invariant(data.byteLength <= RECORD_DATA_BYTES_MAX, 'a record is longer than the limit');
    const buffer = this.#buffer;
    const at = this.#end;
    const end = at + RECORD_HEADER_BYTES + data.byteLength;
    buffer.writeUInt32LE(previous, at + 4);
    buffer.writeUInt32LE(data.byteLength, at + 8);
    buffer.writeUInt32LE(durable, at + 12);
    buffer.writeUIntLE(term, at + 16, 6);
    buffer.writeUIntLE(index, at + 22, 6);
    buffer.writeUInt32LE(type, at + 28);
    buffer.set(data, at + RECORD_HEADER_BYTES);
    this.#end = at + recordBytes(data.byteLength);
    buffer.fill(0, end, this.#end);
    const crc = crc32(buffer.subarray(at + 4, end), sequence);
    buffer.writeUInt32LE(crc, at);
    return crc;
  }
}

/** Decodes records in place: after `read` returned true the fields are those of the record at that offset. */
export class RecordReader {
  type = 0;
  term = 0;
  index = 0;
  durable = 0;
  previous = 0;
  crc = 0;
  dataStart = 0;
  dataEnd = 0;
  /** Where the next record starts. */
  next = 0;
  #buffer: Buffer;
  readonly #sequence: number;

  /** @param sequence of the segment that the bytes are from */
  constructor(bytes: Uint8Array, sequence: number) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#sequence = sequence;
  }

  /** The record's data; a view, not a copy. */
  get data(): Uint8Array {
    return this.#buffer.subarray(this.dataStart, this.dataEnd);
  }

  /** Whether a whole and undamaged record starts at `offset`. */
  read(offset: number): boolean {
    const buffer = this.#buffer;
    if (offset + RECORD_HEADER_BYTES > buffer.byteLength) return false;
    const length = buffer.readUInt32LE(offset + 8);
    const dataStart = offset + RECORD_HEADER_BYTES;
    const dataEnd = dataStart + length;
    const type = buffer.readUInt32LE(offset + 28);
    if (type < RecordType.segment || type > RecordType.seal || dataEnd > buffer.byteLength) return false;
    const crc = buffer.readUInt32LE(offset);
    if (crc32(buffer.subarray(offset + 4, dataEnd), this.#sequence) !== crc) return false;
    this.crc = crc;
    this.type = type;
    this.previous = buffer.readUInt32LE(offset + 4);
    this.durable = buffer.readUInt32LE(offset + 12);
    this.term = buffer.readUInt32LE(offset + 16) + buffer.readUInt16LE(offset + 20) * TWO_32;
    this.index = buffer.readUInt32LE(offset + 22) + buffer.readUInt16LE(offset + 26) * TWO_32;
    this.dataStart = dataStart;
    this.dataEnd = dataEnd;
    this.next = offset + ((RECORD_HEADER_BYTES + length + 7) & ~7);
    return true;
  }

  /**
   * Looks for proof that the bytes at `bad` had once been durable: any good record after it that says so.
   * Leaves the fields of that record.
   */
  provesDurable(bad: number): boolean {
    for (let at = bad + 8; at + RECORD_HEADER_BYTES <= this.#buffer.byteLength; at += 8) {
      const durable = this.#buffer.readUInt32LE(at + 12);
      if (durable > bad && durable <= at && this.read(at)) return true;
    }
    return false;
  }
}
