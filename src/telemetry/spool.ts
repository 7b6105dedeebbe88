import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import type { Attributes, HrTime } from '@opentelemetry/api';
import { errorMessage, type Logger } from '../core/index.ts';
import { isAlive, ownLife } from './life.ts';
import type { SpanRecord } from './span-record.ts';

/** The file isn't rewritten while it is smaller than this. */
const COMPACT_BYTES_MIN = 1024 * 1024;

/** Default of `spoolBytesMax`: about 150,000 open spans. */
export const SPOOL_BYTES_MAX: number = 64 * 1024 * 1024;

const SUFFIX = '.spans';

/** A line of the file. The first names the process; then spans (the last line of an id counts) and what has been sent. */
type Line = { readonly resource: Attributes } | { readonly span: SpanRecord } | { readonly sent: readonly string[] };

/** What a dead life left behind. */
export interface LeftSpans {
  /** Resource attributes of the dead process. */
  readonly resource: Attributes;
  /** Spans that were started and never sent; those without `end` were open when the process died. */
  readonly spans: readonly SpanRecord[];
  /** Last sign of life, ms since 1970. */
  readonly lastWriteMs: number;
  /** Deletes the file: call it when the spans are safe elsewhere. */
  readonly discard: () => void;
}

/** How a spool is opened. */
export interface SpoolOptions {
  /** Folder of the spools of one node; made when it is missing. */
  readonly directory: string;
  /** Tells this spool from the others of this process. */
  readonly name: string;
  readonly resource: Attributes;
  readonly logger: Logger;
  /** Limit of the file, bytes; spans past it aren't spooled, and a kill may leave their children without a parent. */
  readonly spoolBytesMax?: number;
}

/**
 * Spans that are open or not yet sent, in a file of this process's life. Each record is one `write` to the page cache,
 * which outlives a SIGKILL (not a power cut: then the trace is the least of the losses). A file that can't be written
 * turns the spool off; it never fails the work that is traced.
 */
export class SpanSpool {
  readonly #path: string;
  readonly #header: string;
  readonly #logger: Logger;
  readonly #bytesMax: number;
  #fd: number | undefined;
  #bytes = 0;
  #compactAt = COMPACT_BYTES_MIN;
  #skipped = 0;

  constructor(options: SpoolOptions) {
    this.#path = join(options.directory, `${ownLife()}.${threadId}.${options.name}${SUFFIX}`);
    this.#header = encode({ resource: options.resource });
    this.#logger = options.logger;
    this.#bytesMax = options.spoolBytesMax ?? SPOOL_BYTES_MAX;
    this.#attempt(() => {
      mkdirSync(options.directory, { recursive: true });
      this.#fd = openSync(this.#path, 'w', 0o600);
      this.#write(this.#header);
    });
  }

  /** Size of the file, bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps a span: as it started, or as it ended. */
  keep(span: SpanRecord): void {
    if (this.#fd === undefined) return;
    if (this.#bytes >= this.#bytesMax) {
      if (this.#skipped++ === 0) this.#logger.warn('span spool is full', { bytes: this.#bytes, limit: this.#bytesMax });
      return;
    }
    this.#attempt(() => this.#write(encode({ span })));
  }

  /**
   * Marks spans as sent, or given up. Once the file has grown enough it is written anew with what is left, so its size
   * follows what is open, not what has happened.
   *
   * @param left all spans that are still open or unsent; asked for only when the file is rewritten
   */
  sent(ids: readonly string[], left: () => Iterable<SpanRecord>): void {
    if (this.#fd === undefined || ids.length === 0) return;
    this.#attempt(() => {
      if (this.#bytes < this.#compactAt) this.#write(encode({ sent: ids }));
      else this.#rewrite(left());
    });
  }

  /** Ends the spool; with nothing left its file goes, else the next life sends what is in it. */
  close(empty: boolean): void {
    if (this.#fd === undefined) return;
    if (empty) this.#off();
    else closeSync(this.#fd);
    this.#fd = undefined;
  }

  #rewrite(left: Iterable<SpanRecord>): void {
    const next = `${this.#path}.next`;
    const fd = openSync(next, 'w', 0o600);
    const old = this.#fd;
    this.#fd = fd;
    this.#bytes = 0;
    let text = this.#header;
    for (const span of left) {
      text += encode({ span });
      if (text.length < 65_536) continue;
      this.#write(text);
      text = '';
    }
    this.#write(text);
    renameSync(next, this.#path);
    if (old !== undefined) closeSync(old);
    this.#compactAt = Math.max(this.#bytes + COMPACT_BYTES_MIN, Math.min(this.#bytes * 2, this.#bytesMax));
    if (this.#bytes < this.#bytesMax) this.#skipped = 0;
  }

  #write(text: string): void {
    if (this.#fd !== undefined) this.#bytes += writeSync(this.#fd, text);
  }

  /** A file that is no longer kept up would call spans lost that were sent: it goes. */
  #off(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    try {
      if (fd !== undefined) closeSync(fd);
      rmSync(this.#path, { force: true });
    } catch {
      // A disk that refuses even this: the next life deletes or sends what it finds.
    }
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#logger.warn('span spool is off', { path: this.#path, error: errorMessage(error) });
      this.#off();
    }
  }
}

/**
 * What dead lives left in a folder. Each file is claimed first by a rename to a name of this life, so two threads or
 * processes never take the same one, and one that dies half-way leaves it to the next.
 *
 * @param claimant tells this caller from others of this process
 */
export function* leftSpans(directory: string, claimant: string): Generator<LeftSpans> {
  let claims = 0;
  for (const name of list(directory)) {
    const life = name.slice(0, name.indexOf('.'));
    if (isAlive(life)) continue;
    const path = join(directory, name);
    if (!name.endsWith(SUFFIX)) {
      rmSync(path, { force: true });
      continue;
    }
    const claimed = join(directory, `${ownLife()}.${claimant}-${claims++}${SUFFIX}`);
    try {
      const lastWriteMs = statSync(path).mtimeMs;
      renameSync(path, claimed);
      yield { ...parse(readFileSync(claimed, 'utf8')), lastWriteMs, discard: () => rmSync(claimed, { force: true }) };
    } catch (error) {
      // Another thread was faster.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/** End of an open span: when its process last wrote, or its own start if that is later. */
export function lostAt(record: SpanRecord, lastWriteMs: number): HrTime {
  const seconds = Math.floor(lastWriteMs / 1000);
  const end: HrTime = [seconds, Math.floor((lastWriteMs - seconds * 1000) * 1e6)];
  const [start, nanoseconds] = record.start;
  return end[0] > start || (end[0] === start && end[1] > nanoseconds) ? end : record.start;
}

function encode(line: Line): string {
  return `${JSON.stringify(line)}\n`;
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => /^\d+-\d+\.[\w.-]+\.spans(\.next)?$/.test(name));
  } catch {
    return [];
  }
}

function parse(text: string): { readonly resource: Attributes; readonly spans: readonly SpanRecord[] } {
  const spans = new Map<string, SpanRecord>();
  let resource: Attributes = {};
  for (const raw of text.split('\n')) {
    const line = decode(raw);
    if (line === undefined) continue;
    if ('span' in line) spans.set(line.span.id, line.span);
    else if ('sent' in line) for (const id of line.sent) spans.delete(id);
    else resource = line.resource;
  }
  return { resource, spans: [...spans.values()] };
}

/** A kill in the middle of a write leaves half a line: it counts as never written. */
function decode(raw: string): Line | undefined {
  try {
    return raw === '' ? undefined : (JSON.parse(raw) as Line);
  } catch {
    return undefined;
  }
}
