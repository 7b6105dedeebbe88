import { errorMessage, type Logger } from '../core/index.ts';
import { ActorPath, type ActorReference, Nobody, type Ref } from './references.ts';

/** Levels of log lines, as nact numbers them. */
export const LogLevel = { OFF: 0, TRACE: 1, DEBUG: 2, INFO: 3, WARN: 4, ERROR: 5, CRITICAL: 6 } as const;

/** One of the levels. */
export type LogLevel = (typeof LogLevel)[keyof typeof LogLevel];

/** What a logging engine's actor is sent. */
export type LogMsg = { readonly actor: Ref<unknown>; readonly createdAt: Date } & (
  | { readonly type: 'trace'; readonly level: LogLevel; readonly message: string }
  | { readonly type: 'event'; readonly name: string; readonly properties: unknown }
  | { readonly type: 'metric'; readonly name: string; readonly values: unknown }
  | { readonly type: 'exception'; readonly exception: unknown }
);

/** What an actor writes its log with: `ctx.log`. */
export interface ActorLog {
  trace(message: unknown): void;
  debug(message: unknown): void;
  info(message: unknown): void;
  warn(message: unknown): void;
  error(message: unknown): void;
  critical(message: unknown): void;
  event(name: string, properties: unknown): void;
  metric(name: string, values: unknown): void;
  exception(exception: unknown): void;
}

/** Makes the actor that gets all log lines of a system; Nobody for none. */
export type LoggingEngine = (system: Ref<never>) => Ref<LogMsg>;

/** A log without an engine: the lines go to the node's own log. */
export function plainLog(logger: Logger, actor: string): ActorLog {
  const lines = logger.child({ actor });
  return {
    trace: (message) => lines.debug(String(message)),
    debug: (message) => lines.debug(String(message)),
    info: (message) => lines.info(String(message)),
    warn: (message) => lines.warn(String(message)),
    error: (message) => lines.error(String(message)),
    critical: (message) => lines.error(String(message)),
    event: (event, properties) => lines.info('event', { event, properties }),
    metric: (metric, values) => lines.info('metric', { metric, values }),
    exception: (exception) => lines.error('exception', { error: errorMessage(exception) }),
  };
}

/** A log whose lines are messages to the actor of a logging engine. */
export function engineLog(actor: ActorReference<never>, now: () => number, send: (line: LogMsg) => void): ActorLog {
  const stamp = (): { actor: Ref<unknown>; createdAt: Date } => ({
    actor: actor as Ref<unknown>,
    createdAt: new Date(now()),
  });
  const traceAt =
    (level: LogLevel) =>
    (message: unknown): void =>
      send({ type: 'trace', level, message: String(message), ...stamp() });
  return {
    trace: traceAt(LogLevel.TRACE),
    debug: traceAt(LogLevel.DEBUG),
    info: traceAt(LogLevel.INFO),
    warn: traceAt(LogLevel.WARN),
    error: traceAt(LogLevel.ERROR),
    critical: traceAt(LogLevel.CRITICAL),
    event: (name, properties) => send({ type: 'event', name: String(name), properties, ...stamp() }),
    metric: (name, values) => send({ type: 'metric', name: String(name), values, ...stamp() }),
    exception: (exception) => send({ type: 'exception', exception, ...stamp() }),
  };
}

/** A logging engine that drops every line. */
export function logNothing(): LoggingEngine {
  return () => new Nobody();
}

/** The part of `console` that is written to. */
export type ConsoleProxy = Partial<Record<'trace' | 'debug' | 'info' | 'warn' | 'error' | 'critical' | 'log', Write>>;
type Write = (line: string) => void;

/** How `logToConsole` writes. */
export interface ConsoleLogOptions {
  /** Default: `console`. A level that it has no method for is written with that of the level below. */
  readonly consoleProxy?: ConsoleProxy;
  readonly formatter?: (line: LogMsg) => string;
  /** Name of the actor; default `console-logger`. */
  readonly name?: string;
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'critical'] as const;

/** @returns writes a line to the console */
export function consoleWriter({
  consoleProxy = console,
  formatter = format,
}: ConsoleLogOptions): (line: LogMsg) => void {
  const writers: (Write | undefined)[] = [undefined];
  for (const level of LEVELS) writers.push(consoleProxy[level] ?? writers.at(-1) ?? consoleProxy.log);
  return (line) => writers[levelOf(line)]?.call(consoleProxy, formatter(line));
}

function levelOf(line: LogMsg): LogLevel {
  if (line.type === 'trace') return line.level;
  return line.type === 'exception' ? LogLevel.ERROR : LogLevel.INFO;
}

function format(line: LogMsg): string {
  const { path } = line.actor as ActorReference<never>;
  // The path of a ref that came from another node has no methods.
  const actor = new ActorPath(path.parts, path.system);
  const head = `${line.createdAt.toISOString()} ${actor}`;
  switch (line.type) {
    case 'trace':
      return `${head} ${LEVELS[line.level - 1] ?? 'off'}: ${line.message}`;
    case 'exception':
      return `${head} exception: ${String(line.exception)}`;
    case 'event':
      return `${head} event ${line.name}: ${JSON.stringify(line.properties)}`;
    case 'metric':
      return `${head} metric ${line.name}: ${JSON.stringify(line.values)}`;
  }
}
