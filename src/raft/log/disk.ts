import { errorMessage, TroupeError } from '../../core/index.ts';

/** An open file. Positions and sizes are bytes. */
export interface DiskFile {
  readonly name: string;
  readonly size: number;
  /**
   * Writes all of `data` at `position`; other readers see it at once, but only `sync` makes it survive a crash.
   * @throws TroupeError DISK_FULL, or LOG_POISONED when the write failed otherwise
   */
  write(data: Uint8Array, position: number): void;
  /** Fills `into` from `position` on; returns the bytes read, fewer than asked only at the end of the file. */
  read(into: Uint8Array, position: number): number;
  /** As `read`, away from this thread: for bulk reads that must not hold up the loop. */
  readAsync(into: Uint8Array, position: number): Promise<number>;
  /** Cuts the file to `size`. */
  truncate(size: number): void;
  /** Makes the file `size` bytes of zeros, really allocated, away from this thread. @throws TroupeError DISK_FULL */
  preallocate(size: number): Promise<void>;
  /**
   * Resolves when everything written before the call, and the size, survives a crash (fdatasync).
   * @param mayBlock whether the sync may hold this thread up for a moment, since nothing else waits to be written. Default false
   * @throws TroupeError LOG_POISONED: what was written may be lost for good, even if a later sync succeeds
   */
  sync(mayBlock?: boolean): Promise<void>;
  close(): void;
}

/** One directory of files. A file made, renamed or removed is so after a crash only once `syncDirectory` resolved. */
export interface Disk {
  /** How people call the place, for messages. */
  readonly path: string;
  /** Opens for reading and writing. @throws TroupeError NOT_FOUND */
  open(name: string): DiskFile;
  /** Makes an empty file, replacing one of that name. */
  create(name: string): DiskFile;
  /** Names of all files, sorted. */
  list(): readonly string[];
  /** Renames at once and whole, replacing what has the new name. */
  rename(from: string, to: string): void;
  /** Removes the file if it is there; those who have it open keep reading it. */
  remove(name: string): void;
  /** @throws TroupeError LOG_POISONED */
  syncDirectory(): Promise<void>;
  /**
   * Keeps everybody else out until the returned function is called or the process dies.
   * @throws TroupeError ALREADY_EXISTS while another holds it
   */
  lock(): () => void;
  /** Runs it when what this turn of the loop sends has left. */
  yieldThen(run: () => void): void;
}

/**
 * Turns what the operating system said into an error of ours: no room is DISK_FULL, a missing file NOT_FOUND, a place that
 * can't be used INVALID_ARGUMENT, anything else LOG_POISONED, since no one knows what is on the disk now.
 *
 * @param action what was tried, for the message, e.g. `write`
 * @param path the file it was tried on
 */
export function diskError(error: unknown, action: string, path: string): TroupeError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const details = { address: path, cause: error };
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new TroupeError('DISK_FULL', `no room to ${action}; free some space and start the node again`, details);
    case 'ENOENT':
      return new TroupeError('NOT_FOUND', `cannot ${action}: no such file`, details);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
      return new TroupeError('INVALID_ARGUMENT', `cannot ${action}: ${errorMessage(error)}`, details);
    default:
      return new TroupeError('LOG_POISONED', `${action} failed: ${errorMessage(error)}`, details);
  }
}
