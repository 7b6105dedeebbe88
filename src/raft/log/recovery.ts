import { TroupeError } from '../../core/index.ts';
import type { HardState } from '../consensus/index.ts';
import type { Disk, DiskFile } from './disk.ts';
import type { EntryTable } from './entry-table.ts';
import { RecordReader, RecordType } from './record.ts';

/** Version of the format of segments. */
export const SEGMENT_FORMAT = 1;

/** Places in memory are sequence * PLACE_UNIT + offset, exact in a double while sequences stay under 2 ** 21. */
export const PLACE_UNIT: number = 2 ** 32;

/** Whose log it is; written into each segment, and checked when it is opened. */
export interface LogIdentity {
  readonly clusterId: string;
  readonly id: string;
}

/** One file of the log. */
export interface Segment {
  /** 1 for the first segment ever; each next is one more. */
  readonly sequence: number;
  readonly file: DiskFile;
  /** Where its records end, bytes. */
  end: number;
  /** Highest index of an entry in it; once the log starts after that, the file may go. */
  highest: number;
}

/** The end that recovery took off: a write that a crash had interrupted. */
export interface TornTail {
  readonly file: string;
  readonly offset: number;
  /** From there to the last byte that was written. */
  readonly bytes: number;
}

/** How the segments of a directory end. */
export interface SegmentsEnd {
  /** CRC of the last record. */
  readonly chain: number;
  readonly torn: TornTail | undefined;
}

/** What the segments of a directory hold; entries are in the table. */
export interface RecoveredSegments extends SegmentsEnd {
  readonly segments: readonly Segment[];
  readonly hardState: HardState | undefined;
  /** Whose log it is; undefined when there is none. */
  readonly identity: LogIdentity | undefined;
}

/** A record where it was found. One object for each segment: it changes with the next record. */
export interface ScannedRecord {
  readonly record: RecordReader;
  readonly segment: Segment;
  /** Offset in the segment's file, bytes. */
  at: number;
}

/** Name of a segment's file. */
export function segmentName(sequence: number): string {
  return `${String(sequence).padStart(10, '0')}.wal`;
}

/** What the first record of each segment carries. */
export function encodeIdentity(identity: LogIdentity): Uint8Array {
  return Buffer.from(JSON.stringify({ cluster: identity.clusterId, node: identity.id }));
}

/** Whose log a segment says it is; `record` is the segment's first. */
function decodeIdentity(record: RecordReader): LogIdentity {
  const { cluster, node } = JSON.parse(Buffer.from(record.data).toString());
  return { clusterId: cluster, id: node };
}

/**
 * Reads all segments in order and fills `table` with the entries that are part of the log. A torn tail of the last segment is
 * left out and named in the result; nothing on the disk is changed.
 *
 * @param identity whose log it has to be; undefined for anybody's
 * @throws TroupeError LOG_CORRUPT naming file and offset when something that had been durable is damaged or gone,
 *   IDENTITY_MISMATCH when the log belongs to another node or cluster
 */
export function recoverSegments(disk: Disk, identity: LogIdentity | undefined, table: EntryTable): RecoveredSegments {
  return new Recovery(disk, identity, table).run();
}

/**
 * Every record of all segments in order, as they lie there: entries that a later record replaces or forgets included. A segment
 * at a time is in memory. Nothing on the disk is changed.
 *
 * @param segments where each goes as it is opened; the caller closes their files
 * @throws TroupeError LOG_CORRUPT, as `recoverSegments`
 */
export function* scanSegments(disk: Disk, segments: Segment[]): Generator<ScannedRecord, SegmentsEnd> {
  const names = disk.list().filter((name) => /^\d{10}\.wal$/.test(name));
  const first = names.length === 0 ? 1 : Number.parseInt(names[0] as string, 10);
  let buffer = new Uint8Array(0);
  let chain = 0;
  let entry = 0;
  let torn: TornTail | undefined;
  for (let i = 0; i < names.length; i++) {
    const name = segmentName(first + i);
    const corrupt = (offset: number, message: string): TroupeError => logCorrupt(disk, name, offset, message, entry);
    if (names[i] !== name) throw corrupt(0, 'the segment is missing');
    const segment: Segment = { sequence: first + i, file: disk.open(name), end: 0, highest: 0 };
    segments.push(segment);
    const { size } = segment.file;
    if (buffer.byteLength < size) buffer = new Uint8Array(size);
    const bytes = buffer.subarray(0, size);
    segment.file.read(bytes, 0);
    const record = new RecordReader(bytes, segment.sequence);
    const scanned = { record, segment, at: 0 };
    let at = 0;
    for (; record.read(at); at = record.next) {
      if (record.previous !== chain && !(i === 0 && at === 0)) {
        throw corrupt(at, 'a record does not follow on the one before it');
      }
      if ((record.type === RecordType.segment) !== (at === 0)) throw corrupt(at, 'a record is out of place');
      if (at === 0) checkHeader(record, segment, corrupt);
      chain = record.crc;
      if (record.type === RecordType.entry || record.type === RecordType.configEntry) entry = record.index;
      scanned.at = at;
      yield scanned;
    }
    segment.end = at;
    const isLast = i === names.length - 1;
    if (isZero(bytes, at)) {
      // A later segment is only begun once this one is durable, header included.
      if (at === 0 && !isLast) throw corrupt(0, 'the segment is empty');
      continue;
    }
    if (!isLast) throw corrupt(at, 'a record is damaged');
    if (record.provesDurable(at)) throw corrupt(at, 'a record is damaged, and good ones follow it');
    torn = { file: name, offset: at, bytes: bytes.findLastIndex((byte) => byte !== 0) + 1 - at };
  }
  return { chain, torn };
}

function checkHeader(
  record: RecordReader,
  segment: Segment,
  corrupt: (offset: number, message: string) => TroupeError,
): void {
  if (record.index !== segment.sequence) throw corrupt(0, 'the segment has the name of another');
  if (record.term !== SEGMENT_FORMAT) throw corrupt(0, `format ${record.term} is unknown to this version`);
}

/**
 * The error for bytes of a log file that can't be what was written.
 *
 * @param after index of the last entry before them, 0 for none or when it isn't known
 */
export function logCorrupt(disk: Disk, file: string, offset: number, message: string, after = 0): TroupeError {
  const where = `${disk.path}/${file} at byte ${offset}${after === 0 ? '' : `, after entry ${after}`}`;
  return new TroupeError('LOG_CORRUPT', `${message}: ${where}`, { address: file, data: { offset, after } });
}

class Recovery {
  readonly #disk: Disk;
  readonly #table: EntryTable;
  #identity: LogIdentity | undefined;
  #hardState: HardState | undefined;
  /**
   * Entries are missing before those of the table: their segments were removed, which is right only if a later record says that
   * the log starts after them.
   */
  #gap: { readonly file: string; readonly offset: number } | undefined;

  constructor(disk: Disk, identity: LogIdentity | undefined, table: EntryTable) {
    this.#disk = disk;
    this.#identity = identity;
    this.#table = table;
  }

  run(): RecoveredSegments {
    const segments: Segment[] = [];
    try {
      const scan = scanSegments(this.#disk, segments);
      let step = scan.next();
      for (; step.done !== true; step = scan.next()) this.#take(step.value);
      if (this.#gap !== undefined) throw this.#missing(this.#gap.file, this.#gap.offset);
      return { ...step.value, segments, hardState: this.#hardState, identity: this.#identity };
    } catch (error) {
      for (const { file } of segments) file.close();
      throw error;
    }
  }

  #missing(file: string, offset: number): TroupeError {
    return logCorrupt(this.#disk, file, offset, 'entries are missing before this one');
  }

  #take({ record, segment, at }: ScannedRecord): void {
    const table = this.#table;
    switch (record.type) {
      case RecordType.entry:
      case RecordType.configEntry:
        this.#takeEntry(record, segment, at);
        break;
      case RecordType.hardState: {
        const vote = Buffer.from(record.data).toString();
        this.#hardState = { term: record.term, vote: vote === '' ? undefined : vote, commit: record.index };
        break;
      }
      case RecordType.trim:
        if (this.#gap !== undefined && record.index >= table.baseIndex) this.#gap = undefined;
        table.trim(record.index, record.term);
        break;
      case RecordType.restart:
        this.#gap = undefined;
        table.restart(record.index, record.term);
        break;
      case RecordType.segment:
        this.#checkIdentity(record);
    }
  }

  #takeEntry(record: RecordReader, segment: Segment, at: number): void {
    const table = this.#table;
    const { index } = record;
    segment.highest = Math.max(segment.highest, index);
    const isHole = index > table.last + 1;
    if (isHole && table.last > table.baseIndex) throw this.#missing(segment.file.name, at);
    if (isHole || (this.#gap !== undefined && index <= table.baseIndex)) {
      this.#gap ??= { file: segment.file.name, offset: at };
      table.restart(index - 1, 0);
    }
    if (index <= table.baseIndex) return;
    const place = segment.sequence * PLACE_UNIT + at;
    table.pushPlaced(index, record.term, record.dataEnd - record.dataStart, place);
  }

  #checkIdentity(record: RecordReader): void {
    this.#identity ??= decodeIdentity(record);
    const found = Buffer.from(record.data).toString();
    const wanted = Buffer.from(encodeIdentity(this.#identity)).toString();
    if (found === wanted) return;
    const message = `the directory belongs to ${found}, not to ${wanted}`;
    throw new TroupeError('IDENTITY_MISMATCH', message, { address: this.#disk.path });
  }
}

const ZEROS = Buffer.alloc(64 * 1024);

function isZero(bytes: Uint8Array, from: number): boolean {
  for (let at = from; at < bytes.byteLength; at += ZEROS.byteLength) {
    const end = Math.min(bytes.byteLength, at + ZEROS.byteLength);
    if (ZEROS.compare(bytes, at, end, 0, end - at) !== 0) return false;
  }
  return true;
}
