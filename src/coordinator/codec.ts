import { Packr } from 'msgpackr';
import { fromWireError, TroupeError, toWireError } from '../core/index.ts';

/** Plain maps and no shared structures: the same value gives the same bytes on every voter, and any piece decodes alone. */
const packr = new Packr({ useRecords: false });

/** Encodes any plain value. The bytes may lie in a pool: copy them before handing their buffer away. */
export function encode(value: unknown): Uint8Array {
  return packr.pack(value);
}

/** Decodes one value; byte arrays in it are views of `bytes`. */
export function decode(bytes: Uint8Array): unknown {
  return packr.unpack(plain(bytes));
}

/** Decodes values that were encoded one after the other. */
export function decodeAll(bytes: Uint8Array): readonly unknown[] {
  return bytes.byteLength === 0 ? [] : packr.unpackMultiple(plain(bytes));
}

/** Puts encoded values one after the other. */
export function join(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
}

/** Without it, decoded byte arrays would be Buffers on one path and Uint8Arrays on another. */
function plain(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** One command inside a batch. */
export interface Command {
  /** Number within its session, from 1; 0 outside any session. */
  readonly seq: number;
  readonly name: string;
  readonly request: unknown;
}

/** What a client sends and the log holds: commands of one session, applied in this order. */
export interface Batch {
  /** 0 outside any session: only `session.open` and `clock.tick` may be. */
  readonly session: number;
  /** The client has the replies of all commands up to here, or no longer wants them. */
  readonly acked: number;
  readonly commands: readonly Command[];
}

/** Encodes what is done, once, before the command has a number. */
export function encodeAction(name: string, request: unknown): Uint8Array {
  return encode([name, request]);
}

/** Gives an encoded action its number. */
export function encodeCommand(seq: number, action: Uint8Array): Uint8Array {
  return join([encode(seq), action]);
}

/** Encodes a batch from encoded commands. Without commands it only keeps the session alive. */
export function encodeBatch(session: number, acked: number, commands: readonly Uint8Array[]): Uint8Array {
  return join([encode([session, acked]), ...commands]);
}

const ENTRY_VERSION = 1;
const ENTRY_HEAD_BYTES = 9;

/** Makes a log entry of a batch: a version byte, the leader's time as a double, the batch's bytes as they came. */
export function stampEntry(timeMs: number, batch: Uint8Array): Uint8Array {
  const entry = new Uint8Array(ENTRY_HEAD_BYTES + batch.byteLength);
  entry[0] = ENTRY_VERSION;
  new DataView(entry.buffer).setFloat64(1, timeMs);
  entry.set(batch, ENTRY_HEAD_BYTES);
  return entry;
}

/**
 * Reads a log entry.
 *
 * @throws TroupeError PROTOCOL_VIOLATION when it isn't one, the same on every voter
 */
export function readEntry(entry: Uint8Array): { readonly time: number; readonly batch: Batch } {
  const time =
    entry.byteLength > ENTRY_HEAD_BYTES
      ? new DataView(entry.buffer, entry.byteOffset, entry.byteLength).getFloat64(1)
      : Number.NaN;
  if (entry[0] !== ENTRY_VERSION || !Number.isSafeInteger(time)) throw notAnEntry();
  let values: readonly unknown[];
  try {
    values = decodeAll(entry.subarray(ENTRY_HEAD_BYTES));
  } catch {
    throw notAnEntry();
  }
  const [head] = values;
  if (!isNumbers(head) || values.length % 2 === 0) throw notAnEntry();
  const commands: Command[] = [];
  for (let i = 1; i < values.length; i += 2) commands.push(toCommand(values[i], values[i + 1]));
  return { time, batch: { session: head[0], acked: head[1], commands } };
}

function isNumbers(value: unknown): value is readonly [number, number] {
  return Array.isArray(value) && isCount(value[0]) && isCount(value[1]);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function toCommand(seq: unknown, action: unknown): Command {
  if (!isCount(seq) || !Array.isArray(action) || typeof action[0] !== 'string') throw notAnEntry();
  return { seq, name: action[0], request: action[1] };
}

function notAnEntry(): TroupeError {
  return new TroupeError('PROTOCOL_VIOLATION', 'this is not an entry of the ledger');
}

/** Encodes what a command or query answered. */
export function encodeReply(reply: unknown): Uint8Array {
  return encode([0, reply]);
}

/** Encodes a refusal. */
export function encodeRefusal(error: TroupeError): Uint8Array {
  return encode([1, toWireError(error)]);
}

/** The reply, or the refusal as an error. */
export function readReply(value: unknown): { readonly reply: unknown } | { readonly refusal: TroupeError } {
  if (!Array.isArray(value) || value.length !== 2) {
    return { refusal: new TroupeError('PROTOCOL_VIOLATION', 'this is not a reply of the ledger') };
  }
  return value[0] === 0 ? { reply: value[1] } : { refusal: fromWireError(value[1]) };
}
