import { readFileSync } from 'node:fs';
import { UsageError } from '../command.ts';

/** Spot workers that a trace may name. */
export const WORKERS_MAX = 4;
/** Ticks of a trace; one is a second. */
const TICKS_MIN = 5;
const TICKS_MAX = 300;

/** The trace that is used unless another is named: of our own making, with single losses, a pair at once, and all at once. */
export const OWN_TRACE: URL = new URL('./trace.json', import.meta.url);

/**
 * Reads a trace of capacity: how many workers there are, tick by tick.
 * @throws UsageError with one line when it isn't one
 */
export function readTrace(file: URL | string): readonly number[] {
  const name = file instanceof URL ? file.pathname : file;
  let trace: unknown;
  try {
    trace = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`--trace ${name} can't be read: ${(error as Error).message.split('\n')[0]}`);
  }
  if (!Array.isArray(trace) || trace.length < TICKS_MIN || trace.length > TICKS_MAX) {
    throw new UsageError(
      `--trace ${name} must be a JSON list of ${TICKS_MIN} to ${TICKS_MAX} node counts, one for each second`,
    );
  }
  const wrong = trace.findIndex((count) => !Number.isInteger(count) || count < 0 || count > WORKERS_MAX);
  if (wrong < 0) return trace;
  const what = JSON.stringify(trace[wrong]);
  throw new UsageError(
    `--trace ${name} has ${what} at tick ${wrong}, which is no whole number from 0 to ${WORKERS_MAX}`,
  );
}

/** The price of a spot machine as a part of an on-demand one's. @throws UsageError */
export function priceRatio(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value <= 1) return value;
  throw new UsageError(`--price-ratio takes a number above 0 and up to 1, not "${text}"`);
}
