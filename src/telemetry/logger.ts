import { type DestinationStream, destination, pino } from 'pino';
import { type Clock, type LogFields, type Logger, systemClock, toWireError } from '../core/index.ts';

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** Lines that may wait while they can't be written, bytes; further ones are dropped. */
const WAITING_BYTES_MAX = 256 * 1024;

/** Lines below the level aren't written; `silent` writes none. */
export type LogLevel = (typeof LEVELS)[number];

/** How a log is opened. */
export interface LoggerOptions {
  /** A file (appended to, folders are made), or standard error. Default standard error. */
  readonly file?: string;
  /** On every line, e.g. `{ node: 'node-1' }`. */
  readonly fields?: LogFields;
  /** Default: TROUPE_LOG_LEVEL, or `info`. */
  readonly level?: LogLevel;
  readonly clock?: Clock;
}

/**
 * A log of JSON lines. Each line is one synchronous write, so the last words of a process that is killed are there; the
 * two threads of a node may write to one file.
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const maxLength = WAITING_BYTES_MAX;
  const stream = destination({ dest: options.file ?? 2, mkdir: true, append: true, sync: true, maxLength });
  // A full disk costs lines, never the process: a few wait until there is room again.
  stream.on('error', () => undefined);
  return pinoLogger(stream, options);
}

/** The same log to any stream. */
export function pinoLogger(stream: DestinationStream, options: Omit<LoggerOptions, 'file'> = {}): Logger {
  const asked = options.level ?? process.env.TROUPE_LOG_LEVEL ?? 'info';
  const clock = options.clock ?? systemClock;
  const level = LEVELS.find((known) => known === asked);
  const logger = adapt(
    pino(
      {
        level: level ?? 'info',
        base: options.fields ?? {},
        timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
        formatters: { level: (label) => ({ level: label }), log: plain },
      },
      stream,
    ),
  );
  if (level === undefined) logger.warn('unknown log level', { asked, known: LEVELS });
  return logger;
}

/** The part of pino that is used. */
type Lines = Record<'debug' | 'info' | 'warn' | 'error', (fields: LogFields, message: string) => void> & {
  child(fields: LogFields): Lines;
};

function adapt(lines: Lines): Logger {
  return {
    debug: (message, fields = {}) => lines.debug(fields, message),
    info: (message, fields = {}) => lines.info(fields, message),
    warn: (message, fields = {}) => lines.warn(fields, message),
    error: (message, fields = {}) => lines.error(fields, message),
    child: (fields) => adapt(lines.child(fields)),
  };
}

/** An Error is an empty object to JSON: it becomes code, message and cause, with the stack for what isn't ours. */
function plain(fields: Record<string, unknown>): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined;
  for (const [key, value] of Object.entries(fields)) {
    if (!(value instanceof Error)) continue;
    copy ??= { ...fields };
    const { code, ...rest } = toWireError(value);
    copy[key] = value.name === 'TroupeError' ? { code, ...rest } : { name: value.name, ...rest, stack: value.stack };
  }
  return copy ?? fields;
}
