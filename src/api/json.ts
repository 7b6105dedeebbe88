import { errorMessage, TroupeError } from '../core/index.ts';

const EMPTY: Uint8Array = new Uint8Array(0);

/**
 * A value as the API carries it: UTF-8 JSON, and nothing at all for `undefined`.
 *
 * @param what names the value in the error, e.g. `reply of reviewer/left-pad`
 * @throws TroupeError SCHEMA_MISMATCH when JSON has no form for it
 */
export function toJsonBytes(value: unknown, what: string): Uint8Array {
  if (value === undefined) return EMPTY;
  try {
    return Buffer.from(JSON.stringify(value));
  } catch (cause) {
    throw new TroupeError('SCHEMA_MISMATCH', `${what} has no JSON form: ${errorMessage(cause)}`, { cause });
  }
}

/**
 * The value behind `toJsonBytes`.
 *
 * @throws TroupeError INVALID_ARGUMENT when the bytes aren't JSON
 */
export function fromJsonBytes(bytes: Uint8Array | string | undefined, what: string): unknown {
  if (bytes === undefined || bytes.length === 0) return undefined;
  try {
    return JSON.parse(Buffer.from(bytes as Uint8Array).toString()) as unknown;
  } catch (cause) {
    throw new TroupeError('INVALID_ARGUMENT', `${what} is not JSON: ${errorMessage(cause)}`, { cause });
  }
}
