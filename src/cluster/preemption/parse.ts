import { createHash } from 'node:crypto';
import { TroupeError } from '../../core/index.ts';

/** How long before its time an announced event becomes a final notice, ms: as long as the longest notice of a spot machine. */
export const FINAL_BEFORE_MS = 120_000;

/** The fields of a JSON object. @throws TroupeError PROTOCOL_VIOLATION when it is none */
export function fields(text: string): Readonly<Record<string, unknown>> {
  return fieldsOf(json(text));
}

/** The fields of what should be an object. @throws TroupeError PROTOCOL_VIOLATION when it is none */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new TroupeError('PROTOCOL_VIOLATION', 'the answer is not the expected JSON object');
}

/** The items of a JSON list. @throws TroupeError PROTOCOL_VIOLATION when it is none */
export function itemsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TroupeError('PROTOCOL_VIOLATION', 'the answer is not the expected JSON list');
}

/** @throws TroupeError PROTOCOL_VIOLATION */
export function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new TroupeError('PROTOCOL_VIOLATION', 'the answer is not JSON');
  }
}

/** A word that must be there. @throws TroupeError PROTOCOL_VIOLATION */
export function word(value: unknown, name: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new TroupeError('PROTOCOL_VIOLATION', `the answer has no ${name}`);
}

/** Wall-clock time of an ISO 8601 or HTTP date, ms since 1970. @throws TroupeError PROTOCOL_VIOLATION when it is none */
export function timeOf(value: unknown): number {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(ms)) throw new TroupeError('PROTOCOL_VIOLATION', 'the answer has no time that can be read');
  return ms;
}

/** A name for a notice that has none of its own: a hash of what was said. */
export function payloadId(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
