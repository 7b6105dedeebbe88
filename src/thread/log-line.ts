import type { LogFields, Logger } from '../core/index.ts';

/** One line of a log on its way to the other thread. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

/** Writes a line that came from a thread; what isn't one is dropped. */
export function logLine(logger: Logger, line: unknown): void {
  const { level, message, fields } = line as LogLine;
  if (level === 'debug' || level === 'info' || level === 'warn' || level === 'error')
    logger[level](String(message), { ...fields });
}

/** The logger inside a thread. */
export function crossingLogger(send: (line: LogLine) => void, own: LogFields = {}): Logger {
  const at =
    (level: LogLine['level']) =>
    (message: string, fields: LogFields = {}): void =>
      send({ level, message, fields: { ...own, ...fields } });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => crossingLogger(send, { ...own, ...fields }),
  };
}
