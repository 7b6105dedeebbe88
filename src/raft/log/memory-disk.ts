import { type Random, TroupeError } from '../../core/index.ts';
import { type Disk, type DiskFile, diskError } from './disk.ts';

/** What a disk writes whole or not at all when the power goes, bytes. */
const SECTOR_BYTES = 512;

interface Write {
  readonly position: number;
  readonly data: Uint8Array;
  /** A truncation instead of a write. */
  readonly cut: boolean;
}

/** One file's bytes: as everybody sees them, as they survive a crash, and what lies between. */
class Inode {
  seen = new Uint8Array(0);
  size = 0;
  durable = new Uint8Array(0);
  durableSize = 0;
  unsynced: Write[] = [];
  /** Where what the newest sync covered begins. */
  settled = 0;

  apply(write: Write, toDurable: boolean): void {
    const size = toDurable ? this.durableSize : this.size;
    const end = write.position + write.data.byteLength;
    const bytes = grown(toDurable ? this.durable : this.seen, end);
    bytes.set(write.data, write.position);
    const newSize = write.cut ? write.position : Math.max(size, end);
    if (write.cut) bytes.fill(0, newSize);
    if (toDurable) {
      this.durable = bytes;
      this.durableSize = newSize;
    } else {
      this.seen = bytes;
      this.size = newSize;
    }
  }
}

function grown(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  if (size <= bytes.byteLength) return bytes;
  const bigger = new Uint8Array(Math.max(size, bytes.byteLength * 2));
  bigger.set(bytes);
  return bigger;
}

/** How an in-memory disk behaves. */
export interface MemoryDiskOptions {
  /** ENOSPC beyond this many bytes in all files; default no limit. */
  readonly capacityBytes?: number;
  /** What is written whole or not at all when the power goes, default 512. */
  readonly sectorBytes?: number;
  /**
   * Awaited before each sync takes effect, so that a simulation can take its time; a sync of the directory is named `.`. When
   * it throws, the sync fails.
   */
  readonly beforeSync?: (name: string) => Promise<void> | void;
  /** Called before each other piece of work on a file, which fails when this throws. */
  readonly beforeWork?: (action: 'write' | 'read' | 'truncate', name: string) => void;
  /** A disk that says a sync is done and has done nothing; to see that tests notice. */
  readonly lies?: 'files' | 'directory';
}

class MemoryFile implements DiskFile {
  readonly name: string;
  readonly #disk: MemoryDisk;
  readonly #inode: Inode;

  constructor(disk: MemoryDisk, name: string, inode: Inode) {
    this.name = name;
    this.#disk = disk;
    this.#inode = inode;
  }

  get size(): number {
    return this.#inode.size;
  }

  write(data: Uint8Array, position: number): void {
    this.#disk.working('write', this.name);
    const grows = position + data.byteLength - this.#inode.size;
    if (grows > 0 && this.#disk.usedBytes + grows > this.#disk.capacityBytes) {
      throw new TroupeError('DISK_FULL', `no room for ${grows} more bytes`, { address: this.name });
    }
    this.#record({ position, data: Uint8Array.from(data), cut: false });
  }

  read(into: Uint8Array, position: number): number {
    this.#disk.working('read', this.name);
    const end = Math.max(position, Math.min(this.#inode.size, position + into.byteLength));
    into.set(this.#inode.seen.subarray(position, end));
    return end - position;
  }

  readAsync(into: Uint8Array, position: number): Promise<number> {
    return Promise.resolve().then(() => this.read(into, position));
  }

  truncate(size: number): void {
    this.#disk.working('truncate', this.name);
    this.#record({ position: size, data: new Uint8Array(0), cut: true });
  }

  async preallocate(size: number): Promise<void> {
    this.truncate(0);
    this.write(new Uint8Array(size), 0);
  }

  async sync(): Promise<void> {
    const inode = this.#inode;
    const covered = new Set(inode.unsynced);
    try {
      await this.#disk.syncing(this.name);
      if (this.#disk.lies === 'files') return;
      let from = Number.POSITIVE_INFINITY;
      for (const write of inode.unsynced) {
        if (!covered.has(write)) continue;
        inode.apply(write, true);
        if (!write.cut) from = Math.min(from, write.position);
      }
      if (from < Number.POSITIVE_INFINITY) inode.settled = from;
      this.#disk.syncs++;
    } catch (error) {
      throw new TroupeError('LOG_POISONED', 'a sync failed', { address: this.name, cause: error });
    } finally {
      // Also after a failure, as on Linux: the pages count as clean from now on, and no later sync will write them.
      if (this.#disk.powered && this.#disk.lies !== 'files')
        inode.unsynced = inode.unsynced.filter((write) => !covered.has(write));
    }
  }

  close(): void {}

  #record(write: Write): void {
    this.#inode.apply(write, false);
    this.#inode.unsynced.push(write);
  }
}

type DirectoryChange = { readonly name: string; readonly inode: Inode | undefined; readonly from?: string };

/**
 * A disk in memory that knows what would survive. Writes are seen at once; a sync makes them durable; a crash keeps any part
 * of what wasn't synced, torn at sectors, and may forget directory changes that weren't synced.
 *
 * @example
 * let disk = new MemoryDisk();
 * const log = await openDiskLog({ disk, clusterId: 'c', id: 'node-1' });
 * disk = disk.crash(new SeededRandom(7));       // whoever held the old one can do no more with it
 */
export class MemoryDisk implements Disk {
  readonly path = 'memory';
  /** Syncs of files that succeeded. */
  syncs = 0;
  capacityBytes: number;
  readonly sectorBytes: number;
  beforeSync: (name: string) => Promise<void> | void;
  beforeWork: (action: 'write' | 'read' | 'truncate', name: string) => void;
  readonly lies: 'files' | 'directory' | undefined;
  #seen: Map<string, Inode> = new Map();
  #durable: Map<string, Inode> = new Map();
  #changes: DirectoryChange[] = [];
  #locked = false;
  #powered = true;

  constructor(options: MemoryDiskOptions = {}) {
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    this.sectorBytes = options.sectorBytes ?? SECTOR_BYTES;
    this.beforeSync = options.beforeSync ?? (() => {});
    this.beforeWork = options.beforeWork ?? (() => {});
    this.lies = options.lies;
  }

  open(name: string): DiskFile {
    this.requirePower('open');
    return new MemoryFile(this, name, this.#inode(name));
  }

  create(name: string): DiskFile {
    const inode = new Inode();
    this.#change({ name, inode });
    return new MemoryFile(this, name, inode);
  }

  list(): readonly string[] {
    return [...this.#seen.keys()].sort();
  }

  rename(from: string, to: string): void {
    this.#change({ name: to, inode: this.#inode(from), from });
  }

  remove(name: string): void {
    if (this.#seen.has(name)) this.#change({ name, inode: undefined });
  }

  async syncDirectory(): Promise<void> {
    const covered = new Set(this.#changes);
    try {
      await this.syncing('.');
    } catch (error) {
      throw new TroupeError('LOG_POISONED', 'a sync of the directory failed', { cause: error });
    }
    if (this.lies === 'directory') return;
    for (const change of this.#changes) if (covered.has(change)) applyChange(this.#durable, change);
    this.#changes = this.#changes.filter((change) => !covered.has(change));
  }

  lock(): () => void {
    this.requirePower('lock');
    if (this.#locked) throw new TroupeError('ALREADY_EXISTS', 'another process is using this log directory');
    this.#locked = true;
    return () => {
      this.#locked = false;
    };
  }

  yieldThen(run: () => void): void {
    queueMicrotask(run);
  }

  /**
   * The machine loses power. This object is dead from now on.
   *
   * @param random decides what survives of each unsynced write and directory change; without it nothing does
   * @returns the disk as it is found when the machine comes back
   */
  crash(random?: Random): MemoryDisk {
    const inodes = new Set([...this.#durable.values(), ...this.#seen.values()]);
    for (const change of this.#changes) {
      if (random !== undefined && random.next() < 0.5) applyChange(this.#durable, change);
    }
    for (const inode of inodes) {
      for (const write of inode.unsynced) keepPart(inode, write, this.sectorBytes, random);
      inode.unsynced = [];
      inode.seen = inode.durable.slice();
      inode.size = inode.durableSize;
    }
    this.#changes = [];
    this.#seen = new Map(this.#durable);
    return this.kill();
  }

  /** The process dies but the machine lives. @returns the disk with everything written still there, synced or not */
  kill(): MemoryDisk {
    const next = new MemoryDisk({
      capacityBytes: this.capacityBytes,
      sectorBytes: this.sectorBytes,
      beforeSync: this.beforeSync,
      beforeWork: this.beforeWork,
      ...(this.lies === undefined ? {} : { lies: this.lies }),
    });
    next.#seen = this.#seen;
    next.#durable = this.#durable;
    next.#changes = this.#changes;
    this.#seen = new Map();
    this.#powered = false;
    return next;
  }

  /** Flips one bit of what is stored, durably. */
  flipBit(name: string, position: number, bit = 0): void {
    const inode = this.#inode(name);
    for (const bytes of [inode.seen, inode.durable]) {
      if (position < bytes.byteLength) bytes[position] = (bytes[position] as number) ^ (1 << bit);
    }
  }

  /** Bytes of a file, from its start, that were durable before the newest sync began: damage there can't pass for a torn end. */
  settledBytes(name: string): number {
    return this.#inode(name).settled;
  }

  /** Whether this life of the machine goes on. */
  get powered(): boolean {
    return this.#powered;
  }

  /** Bytes in all files. */
  get usedBytes(): number {
    let used = 0;
    for (const inode of this.#seen.values()) used += inode.size;
    return used;
  }

  /** Refuses work for a life that is over; called by files. @throws TroupeError LOG_POISONED */
  requirePower(action: string): void {
    if (!this.#powered) throw diskError(undefined, `${action} after the crash`, this.path);
  }

  /** Refuses work for a life that is over, or as it is told to; called by files. */
  working(action: 'write' | 'read' | 'truncate', name: string): void {
    this.requirePower(action);
    this.beforeWork(action, name);
  }

  /** Takes the time of a sync; called by files. */
  async syncing(name: string): Promise<void> {
    this.requirePower('sync');
    await this.beforeSync(name);
    this.requirePower('sync');
  }

  #inode(name: string): Inode {
    const inode = this.#seen.get(name);
    if (inode === undefined) throw new TroupeError('NOT_FOUND', 'no such file', { address: name });
    return inode;
  }

  #change(change: DirectoryChange): void {
    this.requirePower('change the directory');
    applyChange(this.#seen, change);
    this.#changes.push(change);
  }
}

function applyChange(names: Map<string, Inode>, change: DirectoryChange): void {
  if (change.from !== undefined) names.delete(change.from);
  if (change.inode === undefined) names.delete(change.name);
  else names.set(change.name, change.inode);
}

/** Each sector of a write survives or not, by itself: a write may be torn anywhere, and not only at its end. */
function keepPart(inode: Inode, write: Write, sectorBytes: number, random: Random | undefined): void {
  if (random === undefined) return;
  const fate = random.next();
  if (fate < 0.3) return;
  if (fate < 0.6 || write.cut) {
    inode.apply(write, true);
    return;
  }
  for (let at = 0; at < write.data.byteLength; ) {
    const boundary = sectorBytes - ((write.position + at) % sectorBytes);
    const end = Math.min(write.data.byteLength, at + boundary);
    if (random.next() < 0.5) {
      inode.apply({ position: write.position + at, data: write.data.subarray(at, end), cut: false }, true);
    }
    at = end;
  }
}
