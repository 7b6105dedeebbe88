import { createHash, type Hash } from 'node:crypto';
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { TroupeError } from '../../core/index.ts';
import { decode, encode } from '../codec.ts';
import { asRefusal } from './check.ts';
import { prepareTuples } from './sql.ts';

/**
 * A ledger's image is a stream of frames, each a 4-byte big-endian length and a msgpack value: first the header, then
 * [table, rows] again and again, then an empty frame and the SHA-256 of everything before the checksum. Equal states give
 * equal bytes, so the checksum is also the state's digest.
 */
const FORMAT = 'troupe-ledger';
const VERSION = 2;
const CHUNK_BYTES = 64 * 1024;
const CHECKSUM_BYTES = 32;
/** A frame is closed when it holds so many rows or bytes. */
const FRAME_ROWS_MAX = 256;
const FRAME_BYTES_MAX = 32 * 1024;
/** Larger than any frame of limits that make sense; a damaged length must not make us wait for ever. */
const FRAME_BYTES_LIMIT = 256 * 1024 * 1024;

/** A table and the order of its rows, which must be total. */
export interface TableOrder {
  readonly table: string;
  readonly order: string;
  /** The rows that stand for the table's in the image, where equal states may have other rows. They must do as rows of the table too. */
  readonly alike?: (rows: Iterable<readonly SQLInputValue[]>) => Iterable<readonly SQLInputValue[]>;
}

/** The frames of a database's image, without checksum. */
function* frames(db: DatabaseSync, tables: readonly TableOrder[], index: number): Generator<Uint8Array> {
  yield encode({ format: FORMAT, version: VERSION, index });
  for (const { table, order, alike } of tables) {
    let rows: (readonly SQLInputValue[])[] = [];
    let bytes = 0;
    const query = prepareTuples<readonly SQLInputValue[]>(db, `select * from ${table} order by ${order}`);
    for (const row of alike === undefined ? query.iterate() : alike(query.iterate())) {
      rows.push(row);
      for (const value of row)
        bytes += value instanceof Uint8Array ? value.byteLength : typeof value === 'string' ? value.length : 8;
      if (rows.length < FRAME_ROWS_MAX && bytes < FRAME_BYTES_MAX) continue;
      yield encode([table, rows]);
      rows = [];
      bytes = 0;
    }
    if (rows.length > 0) yield encode([table, rows]);
  }
  yield new Uint8Array(0);
}

function lengthOf(frame: Uint8Array): Uint8Array {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, frame.byteLength);
  return head;
}

/** SHA-256, in hexadecimal, of the image that `writeImage` makes. */
export function digestImage(db: DatabaseSync, tables: readonly TableOrder[], index: number): string {
  const hash = createHash('sha256');
  for (const frame of frames(db, tables, index)) hash.update(lengthOf(frame)).update(frame);
  return hash.digest('hex');
}

/** Writes the image in chunks of at most 64 KiB, reading as it is iterated. */
export function* writeImage(db: DatabaseSync, tables: readonly TableOrder[], index: number): Generator<Uint8Array> {
  const hash = createHash('sha256');
  let chunk = new Uint8Array(CHUNK_BYTES);
  let used = 0;
  function* put(bytes: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < bytes.byteLength; ) {
      const part = bytes.subarray(at, at + CHUNK_BYTES - used);
      chunk.set(part, used);
      used += part.byteLength;
      at += part.byteLength;
      if (used < CHUNK_BYTES) continue;
      yield chunk;
      chunk = new Uint8Array(CHUNK_BYTES);
      used = 0;
    }
  }
  for (const frame of frames(db, tables, index)) {
    const head = lengthOf(frame);
    hash.update(head).update(frame);
    yield* put(head);
    yield* put(frame);
  }
  yield* put(hash.digest());
  if (used > 0) yield chunk.subarray(0, used);
}

/**
 * Replaces the tables' rows by an image's, inside the transaction that the caller has begun and rolls back on error.
 *
 * @returns the index the image says it is of
 * @throws TroupeError SNAPSHOT_CORRUPT
 */
export async function readImage(
  db: DatabaseSync,
  tables: readonly TableOrder[],
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<number> {
  for (const { table } of tables) db.exec(`delete from ${table}`);
  const writer = new RowWriter(db, tables);
  const reader = new FrameReader();
  let index: number | undefined;
  for await (const chunk of chunks) {
    reader.push(chunk);
    for (let frame = reader.frame(); frame !== undefined; frame = reader.frame()) {
      const value = decodeFrame(frame);
      if (index === undefined) index = readHeader(value);
      else writer.write(value);
    }
  }
  if (index === undefined || !reader.intact) throw corrupt('the image is cut short or does not match its checksum');
  return index;
}

function decodeFrame(frame: Uint8Array): unknown {
  try {
    return decode(frame);
  } catch (error) {
    throw corrupt('a frame is garbled', error);
  }
}

class FrameReader {
  readonly #hash: Hash = createHash('sha256');
  #parts: Uint8Array[] = [];
  #bytes = 0;
  /** Size of the frame being read; undefined while its length is. */
  #size: number | undefined;
  #ended = false;

  push(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return;
    this.#parts.push(chunk);
    this.#bytes += chunk.byteLength;
  }

  /** The next whole frame, or undefined until more bytes came or at the end. */
  frame(): Uint8Array | undefined {
    if (this.#ended) return undefined;
    if (this.#size === undefined) {
      if (this.#bytes < 4) return undefined;
      const head = this.#take(4);
      this.#hash.update(head);
      this.#size = new DataView(head.buffer, head.byteOffset).getUint32(0);
      if (this.#size > FRAME_BYTES_LIMIT) throw corrupt('a frame has an impossible length');
      if (this.#size === 0) {
        this.#ended = true;
        return undefined;
      }
    }
    if (this.#bytes < this.#size) return undefined;
    const frame = this.#take(this.#size);
    this.#hash.update(frame);
    this.#size = undefined;
    return frame;
  }

  /** Whether the image ended and its checksum fits. */
  get intact(): boolean {
    if (!this.#ended || this.#bytes !== CHECKSUM_BYTES) return false;
    return Buffer.compare(this.#take(CHECKSUM_BYTES), this.#hash.digest()) === 0;
  }

  #take(size: number): Uint8Array {
    const all = this.#parts.length === 1 ? (this.#parts[0] as Uint8Array) : Buffer.concat(this.#parts);
    this.#parts = [all.subarray(size)];
    this.#bytes -= size;
    return all.subarray(0, size);
  }
}

class RowWriter {
  readonly #db: DatabaseSync;
  readonly #inserts: Map<string, { run(...values: SQLInputValue[]): unknown } | undefined>;

  constructor(db: DatabaseSync, tables: readonly TableOrder[]) {
    this.#db = db;
    this.#inserts = new Map(tables.map(({ table }) => [table, undefined]));
  }

  write(frame: unknown): void {
    if (!isRows(frame) || !this.#inserts.has(frame[0])) throw corrupt('a frame holds no rows of a known table');
    const [table, rows] = frame;
    for (const row of rows) {
      let insert = this.#inserts.get(table);
      if (insert === undefined) {
        insert = this.#db.prepare(`insert into ${table} values (${row.map(() => '?').join(', ')})`);
        this.#inserts.set(table, insert);
      }
      try {
        insert.run(...row);
      } catch (error) {
        // The disk's trouble is the disk's; a row that the table refuses is the image's.
        throw asRefusal(error) === undefined ? error : corrupt('a row does not fit its table', error);
      }
    }
  }
}

function isRows(frame: unknown): frame is readonly [string, readonly (readonly SQLInputValue[])[]] {
  return (
    Array.isArray(frame) &&
    typeof frame[0] === 'string' &&
    Array.isArray(frame[1]) &&
    frame[1].every((row) => Array.isArray(row))
  );
}

function readHeader(header: unknown): number {
  if (typeof header === 'object' && header !== null && 'format' in header && 'version' in header && 'index' in header) {
    const { format, version, index } = header;
    if (format === FORMAT && version === VERSION && Number.isSafeInteger(index)) return index as number;
  }
  throw corrupt(`this is not an image of format ${FORMAT} ${VERSION}`);
}

function corrupt(message: string, cause?: unknown): TroupeError {
  return new TroupeError('SNAPSHOT_CORRUPT', message, { cause });
}
