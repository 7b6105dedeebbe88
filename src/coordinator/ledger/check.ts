import { type ErrorCode, type ErrorDetails, isTroupeError, TroupeError } from '../../core/index.ts';

/**
 * Refuses the command.
 *
 * @throws TroupeError always
 */
export function refuse(code: ErrorCode, message: string, data?: ErrorDetails['data']): never {
  throw new TroupeError(code, message, data === undefined ? {} : { data });
}

/** A text of 1 to `charsMax` UTF-16 code units that UTF-8 can hold. @throws TroupeError INVALID_ARGUMENT */
export function text(value: unknown, name: string, charsMax: number): string {
  if (typeof value === 'string' && value.length > 0 && value.length <= charsMax && value.isWellFormed()) return value;
  refuse('INVALID_ARGUMENT', `${name} must be a text of 1 to ${charsMax} characters`);
}

/** As `text`, or nothing at all. @throws TroupeError INVALID_ARGUMENT */
export function optionalText(value: unknown, name: string, charsMax: number): string | null {
  return value === undefined || value === null || value === '' ? null : text(value, name, charsMax);
}

/** A whole number in [min, max]. @throws TroupeError INVALID_ARGUMENT */
export function whole(value: unknown, name: string, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  refuse('INVALID_ARGUMENT', `${name} must be a whole number from ${min} to ${max}`);
}

/** Bytes, at most `bytesMax`. @throws TroupeError INVALID_ARGUMENT, MESSAGE_TOO_LARGE */
export function blob(value: unknown, name: string, bytesMax: number): Uint8Array {
  if (!(value instanceof Uint8Array)) refuse('INVALID_ARGUMENT', `${name} must be bytes`);
  if (value.byteLength > bytesMax) refuse('MESSAGE_TOO_LARGE', `${name} is over ${bytesMax} bytes`, { bytesMax });
  return value;
}

/** A list of at most `itemsMax` items. @throws TroupeError INVALID_ARGUMENT */
export function list<T>(value: readonly T[], name: string, itemsMax: number, itemsMin = 0): readonly T[] {
  if (Array.isArray(value) && value.length >= itemsMin && value.length <= itemsMax) return value;
  refuse('INVALID_ARGUMENT', `${name} must be a list of ${itemsMin} to ${itemsMax} items`);
}

/** A list of different texts. @throws TroupeError INVALID_ARGUMENT */
export function names(value: readonly string[], name: string, itemsMax: number, charsMax: number): readonly string[] {
  for (const item of list(value, name, itemsMax, 1)) text(item, name, charsMax);
  if (new Set(value).size !== value.length) refuse('INVALID_ARGUMENT', `${name} has an item twice`);
  return value;
}

/** Primary SQLite result codes that a request causes (constraint, too big, mismatch), the same on every voter. */
const REQUEST_FAULTS: readonly number[] = [18, 19, 20];

/** The refusal that an error means on every voter alike; undefined when it is this voter's own trouble. */
export function asRefusal(error: unknown): TroupeError | undefined {
  if (isTroupeError(error)) return error.code === 'INVARIANT_VIOLATED' ? undefined : error;
  const code = sqliteCode(error);
  const malformed = code === undefined ? error instanceof TypeError : REQUEST_FAULTS.includes(code & 0xff);
  return malformed ? new TroupeError('INVALID_ARGUMENT', 'the request does not have the expected shape') : undefined;
}

/** SQLite's extended result code, when an error has one. */
export function sqliteCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : undefined;
}
