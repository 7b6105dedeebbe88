import fs from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { invariant, systemClock, TroupeError } from '../../core/index.ts';
import { type Disk, type DiskFile, diskError } from './disk.ts';
import { lockFile, shareLockFile } from './lock-file.ts';
import { SyncPace } from './sync-pace.ts';

const fdatasync = promisify(fs.fdatasync);
const fsync = promisify(fs.fsync);
const LOCK_NAME = 'lock';
/** Zeros are written in pieces of this size, so that other file work gets its turn. */
const ZERO_CHUNK_BYTES = 1024 * 1024;

class RealFile implements DiskFile {
  readonly name: string;
  readonly #path: string;
  readonly #fd: number;
  readonly #pace: SyncPace;
  #size: number;
  /** Written and not synced, bytes. */
  #dirty = 0;

  constructor(directory: string, name: string, flags: string, pace: SyncPace) {
    this.name = name;
    this.#pace = pace;
    this.#path = join(directory, name);
    try {
      this.#fd = fs.openSync(this.#path, flags, 0o600);
      this.#size = fs.fstatSync(this.#fd).size;
    } catch (error) {
      throw diskError(error, 'open a file', this.#path);
    }
  }

  get size(): number {
    return this.#size;
  }

  write(data: Uint8Array, position: number): void {
    try {
      for (let done = 0; done < data.byteLength; ) {
        done += fs.writeSync(this.#fd, data, done, data.byteLength - done, position + done);
      }
    } catch (error) {
      throw diskError(error, `write ${data.byteLength} bytes`, this.#path);
    }
    this.#size = Math.max(this.#size, position + data.byteLength);
    this.#dirty += data.byteLength;
  }

  read(into: Uint8Array, position: number): number {
    let done = 0;
    try {
      while (done < into.byteLength) {
        const got = fs.readSync(this.#fd, into, done, into.byteLength - done, position + done);
        if (got === 0) break;
        done += got;
      }
    } catch (error) {
      throw diskError(error, 'read', this.#path);
    }
    return done;
  }

  readAsync(into: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.#fd, into, 0, into.byteLength, position, (error, got) => {
        if (error !== null) return reject(diskError(error, 'read', this.#path));
        if (got === 0 || got === into.byteLength) return resolve(got);
        this.readAsync(into.subarray(got), position + got).then((rest) => resolve(got + rest), reject);
      });
    });
  }

  truncate(size: number): void {
    try {
      fs.ftruncateSync(this.#fd, size);
    } catch (error) {
      throw diskError(error, 'truncate', this.#path);
    }
    this.#size = size;
  }

  // Real zeros, not a hole: a hole would make every later sync allocate blocks and write metadata.
  async preallocate(size: number): Promise<void> {
    this.truncate(0);
    const zeros = Buffer.alloc(Math.min(size, ZERO_CHUNK_BYTES));
    for (let done = 0; done < size; ) done += await this.#writeAsync(zeros.subarray(0, size - done), done);
    this.#size = size;
    this.#dirty += size;
  }

  async sync(mayBlock = false): Promise<void> {
    try {
      const bytes = this.#dirty;
      this.#dirty = 0;
      await this.#pace.sync(
        bytes,
        mayBlock,
        () => fs.fdatasyncSync(this.#fd),
        () => fdatasync(this.#fd),
      );
    } catch (error) {
      throw new TroupeError('LOG_POISONED', 'a sync failed', { address: this.#path, cause: error });
    }
  }

  close(): void {
    fs.closeSync(this.#fd);
  }

  #writeAsync(data: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.write(this.#fd, data, 0, data.byteLength, position, (error, written) => {
        if (error === null) resolve(written);
        else reject(diskError(error, 'preallocate a log segment', this.#path));
      });
    });
  }
}

/** A directory of this machine. */
export class FileDisk implements Disk {
  readonly path: string;
  readonly #readOnly: boolean;
  readonly #pace = new SyncPace();

  /**
   * @param path the directory; made when it isn't there
   * @param options `readOnly`: it must be there, nothing in it can be changed, and its lock is shared with others that only read
   * @throws TroupeError INVALID_ARGUMENT when it can't be made, DISK_FULL; NOT_FOUND when it isn't there to be read
   */
  constructor(path: string, options: { readonly readOnly?: boolean } = {}) {
    this.path = path;
    this.#readOnly = options.readOnly ?? false;
    try {
      if (this.#readOnly) fs.readdirSync(path);
      else fs.mkdirSync(path, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw diskError(error, this.#readOnly ? 'read the directory' : 'make the directory', path);
    }
  }

  open(name: string): DiskFile {
    return new RealFile(this.path, name, this.#readOnly ? 'r' : 'r+', this.#pace);
  }

  create(name: string): DiskFile {
    this.#mayChange();
    return new RealFile(this.path, name, 'w+', this.#pace);
  }

  list(): readonly string[] {
    return fs
      .readdirSync(this.path)
      .filter((name) => !name.startsWith(LOCK_NAME))
      .sort();
  }

  rename(from: string, to: string): void {
    this.#mayChange();
    try {
      fs.renameSync(join(this.path, from), join(this.path, to));
    } catch (error) {
      throw diskError(error, 'rename', join(this.path, from));
    }
  }

  remove(name: string): void {
    this.#mayChange();
    try {
      fs.rmSync(join(this.path, name), { force: true });
    } catch (error) {
      throw diskError(error, 'remove', join(this.path, name));
    }
  }

  async syncDirectory(): Promise<void> {
    try {
      const fd = fs.openSync(this.path, 'r');
      try {
        await fsync(fd);
      } finally {
        fs.closeSync(fd);
      }
    } catch (error) {
      throw new TroupeError('LOG_POISONED', 'a sync of the directory failed', { address: this.path, cause: error });
    }
  }

  lock(): () => void {
    const path = join(this.path, LOCK_NAME);
    // Without the file nobody has ever used the place, or it is a copy.
    if (this.#readOnly && !fs.existsSync(path)) return () => {};
    const unlock = this.#readOnly ? shareLockFile(path) : lockFile(path);
    if (unlock !== undefined) return unlock;
    throw new TroupeError('ALREADY_EXISTS', 'another process is using this log directory', { address: this.path });
  }

  yieldThen(run: () => void): void {
    systemClock.yieldThen(run);
  }

  #mayChange(): void {
    invariant(!this.#readOnly, 'what is open for reading only is not changed');
  }
}
