import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Logger } from '../../core/index.ts';

/** Where the kernel tells machine starts apart; on systems without it, only a clean close is trusted. */
const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';

/** Size of a page: a kilobyte or two beside a key fit in, with others. */
const PAGE_BYTES = 8 * 1024;
/** Memory for pages, KiB: those that each transaction writes should be at hand. */
const CACHE_KIB = 32 * 1024;
/** The write-ahead journal is copied into the file when it has so many pages: rarely, as most are written again and again. */
const CHECKPOINT_PAGES = 4_000;

/** Not part of the state: what this voter knows of its own file. */
const LOCAL_SCHEMA = 'create table local (schema text not null, boot_id text, clean integer not null) strict;';

/**
 * The ledger's SQLite file is a cache of snapshot plus log, so it never waits for the disk (`synchronous=OFF`). A killed
 * process loses by that only what it hadn't committed, as the kernel still holds its writes, and the write-ahead journal keeps transactions whole. A
 * machine that stops may leave any mixture of old and new pages. So the file is believed only when this machine hasn't
 * restarted since it was opened, or when it was closed cleanly, which does wait for the disk; otherwise it is deleted, and the
 * log rebuilds it. A file of another schema or a damaged one is deleted too.
 */
export class LedgerFile {
  readonly db: DatabaseSync;
  readonly #path: string;

  private constructor(db: DatabaseSync, path: string) {
    this.db = db;
    this.#path = path;
  }

  /**
   * Opens or makes the file.
   *
   * @param path a file, or `:memory:`
   * @param schema what makes the ledger's tables; a file made with another text isn't believed
   * @param bootId names this start of the machine; read from the kernel by default
   */
  static open(path: string, schema: string, logger: Logger, bootId: string | undefined = readBootId()): LedgerFile {
    if (path === ':memory:') {
      const db = new DatabaseSync(path);
      db.exec(schema);
      return new LedgerFile(db, path);
    }
    mkdirSync(dirname(path), { recursive: true });
    let db = openBelieved(path, schema, bootId);
    if (db === undefined) {
      logger.info('ledger cache discarded; the log rebuilds it', { path });
      for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
      db = new DatabaseSync(path);
      db.exec(`pragma page_size = ${PAGE_BYTES}`);
      db.exec('pragma journal_mode = wal');
      db.exec(schema);
      db.exec(LOCAL_SCHEMA);
      db.prepare('insert into local values (?, null, 0)').run(schema);
    }
    // This must be on disk before any later write can be: from here on the file is believed only in this boot.
    mark(db, false, bootId ?? null);
    db.exec('pragma synchronous = off');
    db.exec(`pragma cache_size = -${CACHE_KIB}`);
    db.exec(`pragma wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    return new LedgerFile(db, path);
  }

  /** A second connection that sees the state as of now, whatever is written later. Undefined in memory. */
  reader(): DatabaseSync | undefined {
    if (this.#path === ':memory:') return undefined;
    const db = new DatabaseSync(this.#path, { readOnly: true });
    db.exec('begin');
    db.prepare('select * from meta').get();
    return db;
  }

  /** Waits for the disk, marks the file as clean and closes it. */
  close(): void {
    if (this.#path !== ':memory:') {
      this.db.exec('pragma synchronous = full');
      this.db.exec('pragma wal_checkpoint(truncate)');
      mark(this.db, true, null);
    }
    this.db.close();
  }
}

function mark(db: DatabaseSync, clean: boolean, bootId: string | null): void {
  db.exec('pragma synchronous = full');
  db.prepare('update local set clean = ?, boot_id = ?').run(clean ? 1 : 0, bootId);
  db.exec('pragma wal_checkpoint(truncate)');
}

function openBelieved(path: string, schema: string, bootId: string | undefined): DatabaseSync | undefined {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path);
    db.exec('pragma journal_mode = wal');
    const local = db.prepare('select * from local').get();
    const sameBoot = bootId !== undefined && local?.boot_id === bootId;
    if (local?.schema === schema && (local.clean === 1 || sameBoot)) return db;
  } catch {
    // Not a database, damaged, or without our tables: all are reasons to rebuild.
  }
  db?.close();
  return undefined;
}

function readBootId(): string | undefined {
  try {
    return readFileSync(BOOT_ID_FILE, 'utf8').trim();
  } catch {
    return undefined;
  }
}
