import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { type Clock, errorMessage, type Logger } from '../../core/index.ts';
import type { Notice, PreemptionSource } from './source.ts';

/** How often the file is looked at, ms. */
const POLL_MS = 200;
/** A notice longer than this is garbage. */
const NOTICE_BYTES_MAX = 4_096;

/**
 * A notice as a JSON file that somebody puts there: `{"action":"terminate","time":"2026-01-01T00:00:00Z"}`, the shape of
 * an AWS interruption; `"action":"rebalance"` is advisory. A missing file is peace; garbage is logged once and is no notice.
 *
 * @param path where the file will appear
 */
export function fileSource(path: string, clock: Clock): PreemptionSource {
  return {
    name: 'file',
    start(listener: (notice: Notice) => void, logger: Logger): () => void {
      let seen = '';
      const timer = clock.repeat(POLL_MS, () => {
        const { text, trouble } = read(path);
        const found = trouble ?? text;
        if (found === undefined || found === seen) return;
        seen = found;
        const notice = text === undefined ? undefined : parseNotice(text, clock.now());
        if (notice !== undefined) listener(notice);
        else logger.warn('preemption file is not a notice', { path, trouble: trouble ?? 'not the expected JSON' });
      });
      return () => timer.cancel();
    },
  };
}

/** The file's text; nothing when it isn't there. */
function read(path: string): { readonly text?: string; readonly trouble?: string } {
  try {
    const { size } = statSync(path);
    return size > NOTICE_BYTES_MAX ? { trouble: `${size} bytes are too many` } : { text: readFileSync(path, 'utf8') };
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? {} : { trouble: errorMessage(error) };
  }
}

/**
 * Reads a notice; undefined when the text isn't one.
 *
 * @param nowMs wall-clock time, ms since 1970, from which the time left is counted
 */
export function parseNotice(text: string, nowMs: number): Notice | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { action, time } = value as { readonly action?: unknown; readonly time?: unknown };
  const until = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  if (typeof action !== 'string' || Number.isNaN(until)) return undefined;
  if (!['terminate', 'stop', 'hibernate', 'rebalance'].includes(action)) return undefined;
  return {
    id: createHash('sha256').update(text).digest('hex').slice(0, 16),
    kind: action === 'rebalance' ? 'advisory' : 'final',
    reason: `preemption: ${action}`,
    leftMs: Math.max(0, until - nowMs),
  };
}
