import { DatabaseSync } from 'node:sqlite';
import { errorMessage, TroupeError } from '../../core/index.ts';

const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;

/**
 * Takes a lock that nobody shares. It is SQLite's own on an empty database file: the kernel drops it when the process dies,
 * however it dies, so no stale lock is ever in the way and no process id has to be judged (in a container every life may be
 * process 1). It also holds between threads of one process.
 *
 * @param path of the file; made when it isn't there, never removed
 * @returns gives the lock back; undefined while another has it
 * @throws TroupeError DISK_FULL, INVALID_ARGUMENT when the file can't be made
 */
export function lockFile(path: string): (() => void) | undefined {
  return take(path, false, 'BEGIN EXCLUSIVE');
}

/**
 * Keeps others from taking the lock, and is taken by any number at once. Changes nothing on the disk.
 *
 * @param path of the file, which must be there
 * @returns gives the lock back; undefined while another has it for itself
 * @throws TroupeError INVALID_ARGUMENT when the file can't be read
 */
export function shareLockFile(path: string): (() => void) | undefined {
  return take(path, true, 'BEGIN; SELECT count(*) FROM sqlite_schema');
}

function take(path: string, readOnly: boolean, statement: string): (() => void) | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly });
    database.exec(statement);
  } catch (error) {
    database?.close();
    const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
    if (code === SQLITE_BUSY) return undefined;
    const details = { address: path, cause: error };
    if (code === SQLITE_FULL) {
      throw new TroupeError('DISK_FULL', `no room for ${path}; free some space and start again`, details);
    }
    throw new TroupeError('INVALID_ARGUMENT', `cannot lock ${path}: ${errorMessage(error)}`, details);
  }
  const held = database;
  return () => {
    if (held.isOpen) held.close();
  };
}
