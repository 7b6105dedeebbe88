import { asTroupeError, Deque, invariant, TroupeError } from '../../core/index.ts';
import type { Entry, HardState } from '../consensus/index.ts';
import type { Disk, DiskFile } from './disk.ts';
import { RecordReader, RecordType, type RecordTypeNumber, RecordWriter, recordBytes } from './record.ts';
import {
  encodeIdentity,
  type LogIdentity,
  logCorrupt,
  PLACE_UNIT,
  type RecoveredSegments,
  SEGMENT_FORMAT,
  type Segment,
  segmentName,
} from './recovery.ts';

const SPARE_NAME = 'spare.tmp';
const NOTHING = new Uint8Array(0);
/** Each segment has room left for one. */
const SEAL_BYTES = recordBytes(0);

/** Where the log starts: after (index, term). `restart` also forgets all entries written before, whatever their index. */
export interface StartMark {
  readonly kind: 'trim' | 'restart';
  readonly index: number;
  readonly term: number;
}

/** Records that belong together, in the order in which they are written. */
export interface WalWork {
  readonly hardState?: HardState | undefined;
  readonly start?: StartMark;
  readonly entries: readonly Entry[];
  /** Whether nothing that was sent in this turn should leave first; default false. */
  readonly atOnce?: boolean;
}

/** How the write-ahead log is laid out. */
export interface WalOptions {
  readonly disk: Disk;
  readonly identity: LogIdentity;
  /** Size of a segment file; one batch that needs more gets a file of its own size. */
  readonly segmentBytes: number;
  /** Waiting work is written and synced together up to this size; one piece of work is never divided. */
  readonly batchBytesMax: number;
  /** Says where an entry was written. */
  readonly onPlaced: (index: number, term: number, place: number) => void;
  /** Everything placed so far can be read back. */
  readonly onWritten: () => void;
}

interface Waiting {
  readonly work: WalWork;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Appends records to segment files: one write and one sync for everything that arrived while the sync before was under way.
 * A batch is written only when all before it is durable, which is what recovery relies on to tell a torn tail from damage.
 * The first failure is final: everything waiting and everything later is rejected with it.
 */
export class Wal {
  readonly #options: WalOptions;
  readonly #writer = new RecordWriter();
  readonly #waiting = new Deque<Waiting>();
  readonly #segments: Segment[];
  #active: Segment | undefined;
  #nextSequence: number;
  /** CRC of the last record written. */
  #chain: number;
  /** Offset in the active segment before which all is synced. */
  #durable = 0;
  /** Hard state and start as of the last record written: each new segment repeats them, so old ones can go. */
  #hardState: HardState | undefined;
  #start: StartMark;
  #spare: Promise<DiskFile | undefined> | undefined;
  #running: Promise<void> | undefined;
  #failure: TroupeError | undefined;
  #closed = false;

  constructor(options: WalOptions, recovered: RecoveredSegments, hardState: HardState | undefined, start: StartMark) {
    this.#options = options;
    this.#segments = [...recovered.segments];
    this.#nextSequence = (this.#segments.at(-1)?.sequence ?? 0) + 1;
    this.#chain = recovered.chain;
    this.#hardState = hardState;
    this.#start = start;
  }

  /** Why nothing can be appended any more. */
  get failure(): TroupeError | undefined {
    return this.#failure ?? (this.#closed ? new TroupeError('SHUTTING_DOWN', 'the log is closed') : undefined);
  }

  /** Resolves when the work is durable; work is made durable in the order of the calls. */
  append(work: WalWork): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    let bytes = 0;
    if (work.hardState !== undefined) bytes += recordBytes(voteBytes(work.hardState).byteLength);
    if (work.start !== undefined) bytes += recordBytes(0);
    for (const entry of work.entries) bytes += recordBytes(entry.data.byteLength);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ work, bytes, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Fills `into` from the segment that holds `place`. */
  read(place: number, into: Uint8Array): void {
    const { file, offset } = this.#locate(place);
    const got = file.read(into, offset);
    if (got < into.byteLength) throw logCorrupt(this.#options.disk, file.name, offset + got, 'a record is damaged');
  }

  /** A reader for bytes that `read` filled from `place` on. */
  reader(place: number, bytes: Uint8Array): RecordReader {
    return new RecordReader(bytes, Math.floor(place / PLACE_UNIT));
  }

  /** The error for a record at `place` that doesn't check. */
  damaged(place: number): TroupeError {
    const { file, offset } = this.#locate(place);
    return logCorrupt(this.#options.disk, file.name, offset, 'a record is damaged');
  }

  /**
   * Removes the oldest segments as long as they hold no entry after `index`. One at a time, each for good before the next:
   * a crash must not leave a hole between segments.
   *
   * @throws TroupeError LOG_POISONED
   */
  async removeThrough(index: number): Promise<void> {
    // Until this life has written a segment, an old one holds the hard state.
    while (this.#active !== undefined && !this.#closed) {
      const oldest = this.#segments[0] as Segment;
      if (oldest === this.#active || oldest.highest > index) return;
      this.#segments.shift();
      oldest.file.close();
      this.#options.disk.remove(oldest.file.name);
      await this.#options.disk.syncDirectory();
    }
  }

  /** Waits for what is under way and closes the files. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
    this.#seal();
    (await this.#spare)?.close();
    this.#options.disk.remove(SPARE_NAME);
    if (this.#failure === undefined && this.#active !== undefined) await this.#active.file.sync();
    for (const segment of this.#segments) segment.file.close();
    this.#segments.length = 0;
  }

  async #run(): Promise<void> {
    try {
      // What arrives in this turn joins.
      if (this.#waiting.peek()?.work.atOnce === true) await undefined;
      else await this.#afterSends();
      while (this.#waiting.length > 0) {
        const batch = this.#takeBatch();
        try {
          await this.#writeBatch(batch);
        } catch (error) {
          for (const waiting of batch) waiting.reject(error);
          throw error;
        }
        for (const waiting of batch) waiting.resolve();
        await undefined;
      }
      this.#running = undefined;
      // Whoever waited for the batch answers first.
      this.#options.disk.yieldThen(() => {
        if (this.#running === undefined && !this.#closed) this.#seal();
      });
    } catch (error) {
      this.#failure = asTroupeError(error, 'LOG_POISONED');
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        next.reject(this.#failure);
      }
    }
  }

  /** What a turn sends reaches its sockets at the end of the next: others sync meanwhile, and a sync in line would hold it back. */
  #afterSends(): Promise<void> {
    const { disk } = this.#options;
    return new Promise((resolve) => disk.yieldThen(() => disk.yieldThen(resolve)));
  }

  #takeBatch(): Waiting[] {
    const batch: Waiting[] = [];
    let bytes = 0;
    do {
      const next = this.#waiting.shift() as Waiting;
      bytes += next.bytes;
      batch.push(next);
    } while (
      this.#waiting.length > 0 &&
      bytes + (this.#waiting.peek() as Waiting).bytes <= this.#options.batchBytesMax
    );
    return batch;
  }

  async #writeBatch(batch: readonly Waiting[]): Promise<void> {
    let bytes = 0;
    for (const waiting of batch) bytes += waiting.bytes;
    let segment = this.#active;
    const fits = segment !== undefined && segment.end + bytes + SEAL_BYTES <= segment.file.size;
    const header = fits ? 0 : this.#headerBytes();
    if (!fits) segment = await this.#rotate(header + bytes + SEAL_BYTES);
    invariant(segment !== undefined, 'there is an active segment');
    this.#writer.start(header + bytes);
    if (!fits) this.#addHeader(segment);
    for (const { work } of batch) {
      if (work.hardState !== undefined) this.#addHardState(segment, work.hardState);
      if (work.start !== undefined) this.#addStart(segment, work.start);
      for (const entry of work.entries) {
        const place = segment.sequence * PLACE_UNIT + segment.end + this.#writer.bytes.byteLength;
        const type = entry.kind === 'config' ? RecordType.configEntry : RecordType.entry;
        this.#add(segment, type, entry.term, entry.index, entry.data);
        this.#options.onPlaced(entry.index, entry.term, place);
        if (entry.index > segment.highest) segment.highest = entry.index;
      }
    }
    segment.file.write(this.#writer.bytes, segment.end);
    segment.end += this.#writer.bytes.byteLength;
    this.#options.onWritten();
    await segment.file.sync(this.#waiting.length === 0);
    this.#durable = segment.end;
    if (segment.end > segment.file.size / 2) this.#spare ??= this.#prepare(this.#options.segmentBytes);
  }

  /** Closes the active segment and opens the next, with room for `bytes`. */
  async #rotate(bytes: number): Promise<Segment> {
    const { disk, segmentBytes } = this.#options;
    const full = this.#active;
    if (full !== undefined) {
      full.file.truncate(full.end);
      await full.file.sync();
    }
    let spare = bytes > segmentBytes ? undefined : await this.#spare;
    if (spare === undefined) {
      // The one in the making, if any, has the same name.
      (await this.#spare)?.close();
      spare = await this.#preallocate(Math.max(bytes, segmentBytes));
    }
    this.#spare = undefined;
    spare.close();
    const name = segmentName(this.#nextSequence);
    disk.rename(SPARE_NAME, name);
    await disk.syncDirectory();
    const segment: Segment = { sequence: this.#nextSequence++, file: disk.open(name), end: 0, highest: 0 };
    this.#segments.push(segment);
    this.#active = segment;
    this.#durable = 0;
    return segment;
  }

  /** Makes the next segment's file ahead of time; when that fails, the rotation tries again and says why. */
  async #prepare(bytes: number): Promise<DiskFile | undefined> {
    try {
      return await this.#preallocate(bytes);
    } catch {
      return undefined;
    }
  }

  async #preallocate(bytes: number): Promise<DiskFile> {
    const { disk } = this.#options;
    const file = disk.create(SPARE_NAME);
    try {
      await file.preallocate(bytes);
      await file.sync();
      return file;
    } catch (error) {
      file.close();
      disk.remove(SPARE_NAME);
      throw error;
    }
  }

  // Says that the last batch is durable, for a recovery that finds it damaged; the next batch says so too, but may never come.
  #seal(): void {
    const segment = this.#active;
    if (segment === undefined || this.#failure !== undefined) return;
    if (segment.end > this.#durable || segment.end + SEAL_BYTES > segment.file.size) return;
    this.#writer.start(SEAL_BYTES);
    this.#add(segment, RecordType.seal, 0, 0, NOTHING);
    try {
      segment.file.write(this.#writer.bytes, segment.end);
      segment.end += SEAL_BYTES;
    } catch (error) {
      this.#failure = asTroupeError(error, 'LOG_POISONED');
    }
  }

  #headerBytes(): number {
    const vote = this.#hardState === undefined ? 0 : recordBytes(voteBytes(this.#hardState).byteLength);
    return recordBytes(encodeIdentity(this.#options.identity).byteLength) + vote + recordBytes(0);
  }

  #addHeader(segment: Segment): void {
    const identity = encodeIdentity(this.#options.identity);
    this.#add(segment, RecordType.segment, SEGMENT_FORMAT, segment.sequence, identity);
    if (this.#hardState !== undefined) this.#addHardState(segment, this.#hardState);
    this.#addStart(segment, this.#start);
  }

  #addHardState(segment: Segment, hardState: HardState): void {
    this.#add(segment, RecordType.hardState, hardState.term, hardState.commit, voteBytes(hardState));
    this.#hardState = hardState;
  }

  #addStart(segment: Segment, start: StartMark): void {
    this.#add(segment, RecordType[start.kind], start.term, start.index, NOTHING);
    // Only the first record of a restart forgets entries: what is repeated must not.
    this.#start = { kind: 'trim', index: start.index, term: start.term };
    if (start.kind === 'restart') for (const each of this.#segments) each.highest = 0;
  }

  #add(segment: Segment, type: RecordTypeNumber, term: number, index: number, data: Uint8Array): void {
    this.#chain = this.#writer.add(type, term, index, data, segment.sequence, this.#chain, this.#durable);
  }

  #locate(place: number): { readonly file: DiskFile; readonly offset: number } {
    const sequence = Math.floor(place / PLACE_UNIT);
    const segment = this.#segments[sequence - (this.#segments[0]?.sequence ?? 0)];
    invariant(segment !== undefined && segment.sequence === sequence, 'the segment of an entry is there');
    return { file: segment.file, offset: place - sequence * PLACE_UNIT };
  }
}

function voteBytes(hardState: HardState): Uint8Array {
  return hardState.vote === undefined ? NOTHING : Buffer.from(hardState.vote);
}
