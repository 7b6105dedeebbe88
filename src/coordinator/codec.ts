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

/** As `join`, into a buffer of its own. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let bytes = 0;
  for (const part of parts) bytes += part.byteLength;
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
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

/** Encodes the number that an encoded action is given, which goes before it. */
export function encodeSeq(seq: number): Uint8Array {
  return encode(seq);
}

/** Gives an encoded action its number. */
export function encodeCommand(seq: number, action: Uint8Array): Uint8Array {
  return join([encodeSeq(seq), action]);
}

/** Encodes a batch from encoded commands, whole or in pieces. Without commands it only keeps the session alive. */
export function encodeBatch(session: number, acked: number, commands: readonly Uint8Array[]): Uint8Array {
  return concat([encode([session, acked]), ...commands]);
}

/** What the commands of a batch may touch: those of a client outside the cluster, values only. */
export type Reach = 'all' | 'values';

const ENTRY_VERSIONS: Readonly<Record<Reach, number>> = { all: 1, values: 2 };
const ENTRY_HEAD_BYTES = 9;

/** Makes a log entry of a batch: a byte for version and reach, the leader's time as a double, the batch's bytes as they came. */
export function stampEntry(timeMs: number, batch: Uint8Array, reach: Reach = 'all'): Uint8Array {
  const entry = new Uint8Array(ENTRY_HEAD_BYTES + batch.byteLength);
  entry[0] = ENTRY_VERSIONS[reach];
  new DataView(entry.buffer).setFloat64(1, timeMs);
  entry.set(batch, ENTRY_HEAD_BYTES);
  return entry;
}

/**
 * Reads a log entry.
 *
 * @throws TroupeError PROTOCOL_VIOLATION when it isn't one, the same on every voter
 */
export function readEntry(entry: Uint8Array): { readonly time: number; readonly batch: Batch; readonly reach: Reach } {
  const reach = entry[0] === ENTRY_VERSIONS.values ? 'values' : 'all';
  const time =
    entry.byteLength > ENTRY_HEAD_BYTES
      ? new DataView(entry.buffer, entry.byteOffset, entry.byteLength).getFloat64(1)
      : Number.NaN;
  if (entry[0] !== ENTRY_VERSIONS[reach] || !Number.isSafeInteger(time)) throw notAnEntry();
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
  return { time, reach, batch: { session: head[0], acked: head[1], commands } };
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

/** Encodes queries from encoded actions: a flag for stale, then one after the other. */
export function encodeQueries(stale: boolean, actions: readonly Uint8Array[]): Uint8Array {
  return join([encode(stale), ...actions]);
}

/** Whether queries will do with an answer as things are, without decoding them. */
export function isStale(queries: Uint8Array): boolean {
  return queries[0] === MSGPACK_TRUE;
}

const MSGPACK_TRUE = 0xc3;

/** Reads what `encodeQueries` wrote. @throws TroupeError PROTOCOL_VIOLATION */
export function readQueries(body: Uint8Array): readonly (readonly [name: string, request: unknown])[] {
  const [stale, ...actions] = decodeAll(body);
  const fit = typeof stale === 'boolean' && actions.every((each) => Array.isArray(each) && typeof each[0] === 'string');
  if (!fit) throw new TroupeError('PROTOCOL_VIOLATION', 'these are no queries');
  return actions as [string, unknown][];
}

const ANSWER_HEAD_BYTES = 16;

/** A voter's answer: its term and applied index as doubles, then the replies one after the other. */
export function encodeAnswer(term: number, index: number, replies: readonly Uint8Array[]): Uint8Array {
  const head = new Uint8Array(ANSWER_HEAD_BYTES);
  const view = new DataView(head.buffer);
  view.setFloat64(0, term);
  view.setFloat64(8, index);
  return join([head, ...replies]);
}

/** The term of a voter's answer. @throws TroupeError PROTOCOL_VIOLATION */
export function termOf(answer: Uint8Array): number {
  const term =
    answer.byteLength < ANSWER_HEAD_BYTES
      ? Number.NaN
      : new DataView(answer.buffer, answer.byteOffset, answer.byteLength).getFloat64(0);
  if (isCount(term)) return term;
  throw new TroupeError('PROTOCOL_VIOLATION', 'this is not an answer of a voter');
}

/** The replies of a voter's answer. @throws TroupeError PROTOCOL_VIOLATION */
export function repliesOf(answer: Uint8Array): readonly unknown[] {
  termOf(answer);
  return decodeAll(answer.subarray(ANSWER_HEAD_BYTES));
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
