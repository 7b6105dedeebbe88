import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

/** Bytes read from a file at a time. */
const READ_BYTES = 65_536;
/** From this far before the end lines are taken when only the last ones are wanted, bytes. */
const TAIL_BYTES = 1_048_576;

/**
 * Reads a log file that grows: each call gives the whole lines that are new. A file that got shorter was begun anew and
 * is read from its beginning; one that isn't there yet has no lines.
 */
export class LogTail {
  readonly #path: string;
  #position: number | undefined;
  #decoder: StringDecoder = new StringDecoder('utf8');
  #rest = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** @param last at the first call: only this many lines from the end */
  read(last: number): string[] {
    let file: number;
    try {
      file = openSync(this.#path, 'r');
    } catch {
      return [];
    }
    try {
      const { size } = fstatSync(file);
      const first = this.#position === undefined;
      let position = this.#position ?? Math.max(0, size - TAIL_BYTES);
      const skipsHalfALine = first && position > 0;
      if (size < position) position = this.#restart();
      const buffer = Buffer.allocUnsafe(READ_BYTES);
      const lines: string[] = [];
      for (let count = 1; count > 0 && position < size; position += count) {
        count = readSync(file, buffer, 0, READ_BYTES, position);
        const parts = (this.#rest + this.#decoder.write(buffer.subarray(0, count))).split('\n');
        this.#rest = parts.pop() ?? '';
        lines.push(...parts);
      }
      this.#position = position;
      if (skipsHalfALine) lines.shift();
      return first ? lines.slice(lines.length - Math.min(last, lines.length)) : lines;
    } finally {
      closeSync(file);
    }
  }

  #restart(): number {
    this.#rest = '';
    this.#decoder = new StringDecoder('utf8');
    return 0;
  }
}

/**
 * A line of a node's log for a person: time, level, message, then the fields. What isn't such a line stays as it is.
 *
 * @param node put in front when lines of several nodes are mixed
 */
export function formatLogLine(line: string, node?: string): string {
  const prefix = node === undefined ? '' : `${node.padEnd(8)} `;
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return prefix + line;
  }
  if (typeof entry !== 'object' || entry === null || !('msg' in entry)) return prefix + line;
  const { time, level, msg, node: _, ...fields } = entry as Record<string, unknown>;
  const clock = typeof time === 'string' ? time.slice(11, 23) : '';
  const rest = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return prefix + [clock, String(level ?? '').padEnd(5), msg, ...rest].join(' ').trimStart();
}
