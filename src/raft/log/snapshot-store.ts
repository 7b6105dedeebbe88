import { crc32 } from 'node:zlib';
import { TroupeError } from '../../core/index.ts';
import type { SnapshotMeta } from '../consensus/index.ts';
import type { Disk, DiskFile } from './disk.ts';

/** Longest piece of a snapshot that is written, read or sent at once. */
export const SNAPSHOT_CHUNK_BYTES: number = 64 * 1024;

/** After this many bytes a snapshot being written is synced, which also gives the loop to others. */
const SYNC_EVERY_BYTES = 1024 * 1024;

/** Newest snapshots that are kept. */
const SNAPSHOTS_KEPT = 2;

const FRAME_HEADER_BYTES = 8;
const SAVING_NAME = 'saving.tmp';
const RECEIVED_NAME = 'received.tmp';
const NAME_PATTERN = /^snapshot-(\d+)-(\d+)\.snap$/;

/** Bytes of a snapshot in pieces of any size. */
export type SnapshotBytes = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Snapshot files. Each is a row of frames: length, CRC32 chained over the frames before, data. The first frame is the meta as
 * JSON, then come the chunks, then a frame of length 0. A file gets its name only when it is whole and durable.
 */
export class SnapshotStore {
  readonly #disk: Disk;
  /** Oldest first. */
  #metas: SnapshotMeta[];

  /** @param disk the log's directory; unfinished files of an earlier life are removed */
  constructor(disk: Disk) {
    this.#disk = disk;
    for (const name of [SAVING_NAME, RECEIVED_NAME]) disk.remove(name);
    this.#metas = listSnapshots(disk);
  }

  /** The newest snapshot. */
  get newest(): SnapshotMeta | undefined {
    return this.#metas.at(-1);
  }

  /** Stores a snapshot; durable when it resolves. */
  async save(meta: SnapshotMeta, chunks: SnapshotBytes): Promise<void> {
    await this.#write(SAVING_NAME, meta, chunks);
    await this.#publish(SAVING_NAME, meta);
  }

  /** Stores the bytes of a snapshot that may become ours; it isn't one before `promote`. */
  stage(meta: SnapshotMeta, chunks: SnapshotBytes): Promise<void> {
    return this.#write(RECEIVED_NAME, meta, chunks);
  }

  /** Makes the staged snapshot the newest. @throws TroupeError NOT_FOUND when another one, or none, is staged */
  async promote(meta: SnapshotMeta): Promise<void> {
    const staged = readMeta(this.#disk, RECEIVED_NAME);
    if (staged.index !== meta.index || staged.term !== meta.term) {
      throw new TroupeError('NOT_FOUND', `the snapshot at ${meta.index} has not been received`);
    }
    await this.#publish(RECEIVED_NAME, meta);
  }

  /**
   * Bytes of the snapshot at `index`, each chunk checked before it is handed out.
   *
   * @throws TroupeError NOT_FOUND, SNAPSHOT_CORRUPT
   */
  async *read(index: number): AsyncGenerator<Uint8Array> {
    const meta = this.#metas.find((each) => each.index === index);
    if (meta === undefined) throw new TroupeError('NOT_FOUND', `there is no snapshot at ${index}`);
    yield* readSnapshotFile(this.#disk, meta);
  }

  async #write(name: string, meta: SnapshotMeta, chunks: SnapshotBytes): Promise<void> {
    const file = this.#disk.create(name);
    try {
      let position = 0;
      let synced = 0;
      let chain = 0;
      const frame = (data: Uint8Array): void => {
        chain = crc32(data, chain);
        const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + data.byteLength);
        bytes.writeUInt32LE(data.byteLength, 0);
        bytes.writeUInt32LE(chain, 4);
        bytes.set(data, FRAME_HEADER_BYTES);
        file.write(bytes, position);
        position += bytes.byteLength;
      };
      frame(Buffer.from(JSON.stringify(meta)));
      for await (const chunk of chunks) {
        for (let at = 0; at < chunk.byteLength; at += SNAPSHOT_CHUNK_BYTES) {
          frame(chunk.subarray(at, at + SNAPSHOT_CHUNK_BYTES));
        }
        if (position - synced >= SYNC_EVERY_BYTES) {
          await file.sync();
          synced = position;
        }
      }
      frame(new Uint8Array(0));
      await file.sync();
      file.close();
    } catch (error) {
      file.close();
      this.#disk.remove(name);
      throw error;
    }
  }

  async #publish(temporary: string, meta: SnapshotMeta): Promise<void> {
    this.#disk.rename(temporary, snapshotName(meta));
    await this.#disk.syncDirectory();
    this.#metas = [...this.#metas.filter((each) => each.index !== meta.index), meta].sort((a, b) => a.index - b.index);
    while (this.#metas.length > SNAPSHOTS_KEPT) this.#disk.remove(snapshotName(this.#metas.shift() as SnapshotMeta));
  }
}

/** The whole snapshots in a directory, oldest first. @throws TroupeError SNAPSHOT_CORRUPT when one doesn't say which it is */
export function listSnapshots(disk: Disk): SnapshotMeta[] {
  const names = disk.list().filter((name) => NAME_PATTERN.test(name));
  return names.map((name) => readMeta(disk, name)).sort((a, b) => a.index - b.index);
}

/**
 * Bytes of a snapshot, each chunk checked before it is handed out.
 *
 * @throws TroupeError NOT_FOUND, SNAPSHOT_CORRUPT
 */
export async function* readSnapshotFile(disk: Disk, meta: SnapshotMeta): AsyncGenerator<Uint8Array> {
  const file = disk.open(snapshotName(meta));
  try {
    let isMeta = true;
    for await (const chunk of readFrames(file)) {
      if (!isMeta) yield chunk;
      isMeta = false;
    }
  } finally {
    file.close();
  }
}

function snapshotName(meta: SnapshotMeta): string {
  return `snapshot-${meta.term}-${meta.index}.snap`;
}

function readMeta(disk: Disk, name: string): SnapshotMeta {
  const file = disk.open(name);
  try {
    const header = Buffer.alloc(FRAME_HEADER_BYTES);
    const whole = file.read(header, 0) === FRAME_HEADER_BYTES && header.readUInt32LE(0) <= SNAPSHOT_CHUNK_BYTES;
    const data = Buffer.alloc(whole ? header.readUInt32LE(0) : 0);
    const got = file.read(data, FRAME_HEADER_BYTES);
    if (!whole || got < data.byteLength || crc32(data) !== header.readUInt32LE(4)) throw corrupt(name, 0);
    return JSON.parse(data.toString());
  } finally {
    file.close();
  }
}

async function* readFrames(file: DiskFile): AsyncGenerator<Uint8Array> {
  let chain = 0;
  for (let position = 0; ; ) {
    const header = Buffer.alloc(FRAME_HEADER_BYTES);
    if ((await file.readAsync(header, position)) < FRAME_HEADER_BYTES) throw corrupt(file.name, position);
    const length = header.readUInt32LE(0);
    if (length > SNAPSHOT_CHUNK_BYTES) throw corrupt(file.name, position);
    const data = Buffer.alloc(length);
    const got = length === 0 ? 0 : await file.readAsync(data, position + FRAME_HEADER_BYTES);
    chain = crc32(data, chain);
    if (got < length || chain !== header.readUInt32LE(4)) throw corrupt(file.name, position);
    if (length === 0) return;
    yield data;
    position += FRAME_HEADER_BYTES + length;
  }
}

function corrupt(file: string, offset: number): TroupeError {
  const message = `the snapshot does not match its checksum: ${file} at byte ${offset}`;
  return new TroupeError('SNAPSHOT_CORRUPT', message, { address: file, data: { offset } });
}
