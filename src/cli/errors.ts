import { errorMessage, isTroupeError, TroupeError } from '../core/index.ts';

/** Exit codes: 0 it worked, 1 it failed, 2 the command line was wrong. */
export const EXIT = { failed: 1, usage: 2 } as const;

/**
 * A command line that can't be meant.
 *
 * @param message what is wrong and how to mend it, one line
 */
export function usageError(message: string): TroupeError {
  return new TroupeError('INVALID_ARGUMENT', message, { data: { usage: true } });
}

/** What the process ends with after `error`. */
export function exitCodeOf(error: unknown): number {
  return isTroupeError(error) && error.data.usage === true ? EXIT.usage : EXIT.failed;
}

/**
 * What a person is told of an error: one line, or the error's own lines where it lists several problems.
 *
 * @param debug adds the stack and its causes
 */
export function formatError(error: unknown, debug: boolean): string {
  if (debug && error instanceof Error) return `troupe: ${stackOf(error)}`;
  if (!isTroupeError(error)) return `troupe: ${errorMessage(error)} (TROUPE_DEBUG=1 shows where)`;
  const { message, address, code } = error;
  const where = address === undefined || message.includes(address) ? '' : ` (${address})`;
  const tag = error.data.usage === true ? '' : ` [${code}]`;
  const [first = '', ...rest] = message.split('\n');
  return [`troupe: ${first}${where}${tag}`, ...rest].join('\n');
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}
