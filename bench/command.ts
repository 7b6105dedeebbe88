/** What `npm run bench` and `npm run soak` have in common: how they begin, end and refuse. */
import { endAll, freshFolder } from './resources.ts';

/** A terminal and `npm run` both pass a Ctrl-C on: what comes sooner than this after the first is the same one, ms. */
const ECHO_MS = 1_000;

let onInterrupt: (() => void) | undefined;

/** The command line is wrong: one clear line, and exit code 2. */
export class UsageError extends Error {}

/**
 * Runs a command and ends the process: 0, or 1 when it failed, or 2 when it was asked wrongly. Whatever ends it, its
 * children and folders go.
 *
 * @param work says whether all is well
 */
export async function runCommand(name: string, usage: string, work: () => Promise<boolean>): Promise<never> {
  // Node says that node:sqlite is experimental; that isn't this program's news.
  process.removeAllListeners('warning');
  process.on('exit', endAll);
  let interruptedAt = Number.NEGATIVE_INFINITY;
  process.on('SIGINT', () => {
    const echo = performance.now() - interruptedAt < ECHO_MS;
    const act = onInterrupt;
    if (act === undefined && !echo) process.exit(130);
    onInterrupt = undefined;
    if (act === undefined) return;
    interruptedAt = performance.now();
    act();
  });
  process.on('SIGTERM', () => process.exit(143));
  process.on('SIGHUP', () => process.exit(129));
  try {
    process.exit((await work()) ? 0 : 1);
  } catch (error) {
    const wrong = error instanceof UsageError;
    const text = wrong ? `${error.message}; ${usage}` : `${name}: ${error instanceof Error ? error.stack : error}`;
    process.stderr.write(`${text}\n`);
    process.exit(wrong ? 2 : 1);
  }
}

/** The next Ctrl-C has the work come to its end by itself; the one after that ends the program at once. */
export function endsEarly(act: () => void): void {
  onInterrupt = act;
}

/** A new folder below `dir`. @throws UsageError when there can't be one, or in memory only */
export function usableFolder(dir: string): string {
  try {
    return freshFolder(dir);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** A whole number of the command line. @throws UsageError */
export function wholeNumber(flag: string, text: string | undefined, otherwise: number, max: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new UsageError(`--${flag} takes a whole number from 1 to ${max}, not "${text}"`);
}

/** Says how far it is, with the seconds since the start. */
export function progressLine(): (text: string) => void {
  const started = performance.now();
  return (text) => {
    process.stderr.write(`${String(Math.round((performance.now() - started) / 1_000)).padStart(4)} s  ${text}\n`);
  };
}

/** What `parse` gives; its complaints as ours. @throws UsageError */
export function parsing<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError((error as Error).message.split(/\. |\.?\n/)[0] ?? '');
  }
}
