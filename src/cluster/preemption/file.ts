import { readFileSync, statSync } from 'node:fs';
import { type Clock, errorMessage, type Random, TroupeError } from '../../core/index.ts';
import { fields, payloadId, timeOf } from './parse.ts';
import { pollSource } from './poll.ts';
import type { Notice, PreemptionSource } from './source.ts';

/** How often the file is looked at, also while it is garbage, ms. */
const POLL_MS = 200;
/** A notice longer than this is garbage. */
const NOTICE_BYTES_MAX = 4_096;

const ACTIONS = new Set(['terminate', 'stop', 'hibernate', 'rebalance']);

/**
 * A notice as a JSON file that somebody puts there: `{"action":"terminate","time":"2026-01-01T00:00:00Z"}`, the shape of
 * an AWS interruption; `"action":"rebalance"` is advisory. A missing file is peace, and takes an advisory notice back.
 *
 * @param path where the file will appear
 */
export function fileSource(path: string, clock: Clock, random: Random): PreemptionSource {
  const look = async (): Promise<readonly Notice[]> => {
    const text = read(path);
    return text === undefined ? [] : [parseNotice(text, clock.now())];
  };
  return pollSource({ name: 'file', everyMs: POLL_MS, retryMsMax: POLL_MS, look }, clock, random);
}

/** The file's text; undefined when it isn't there. */
function read(path: string): string | undefined {
  try {
    const { size } = statSync(path);
    if (size > NOTICE_BYTES_MAX)
      throw new TroupeError('MESSAGE_TOO_LARGE', `${size} bytes are no notice`, { address: path });
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (error instanceof TroupeError) throw error;
    throw new TroupeError('NODE_UNAVAILABLE', `the notice can't be read: ${errorMessage(error)}`, { address: path });
  }
}

/**
 * Reads a notice in the shape of an AWS interruption.
 *
 * @param nowMs wall-clock time, ms since 1970, from which the time left is counted
 * @throws TroupeError PROTOCOL_VIOLATION when the text isn't one
 */
export function parseNotice(text: string, nowMs: number): Notice {
  const { action, time } = fields(text);
  const leftMs = timeOf(time) - nowMs;
  if (typeof action !== 'string' || !ACTIONS.has(action))
    throw new TroupeError('PROTOCOL_VIOLATION', 'no known action');
  return {
    id: payloadId(text),
    kind: action === 'rebalance' ? 'advisory' : 'final',
    reason: `preemption: ${action}`,
    leftMs: Math.max(0, leftMs),
  };
}
