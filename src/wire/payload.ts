import { Buffer } from 'node:buffer';
import { addExtension, Packr } from 'msgpackr';
import { errorMessage, isTroupeError, TroupeError } from '../core/index.ts';
import { asBuffer } from './bytes.ts';
import { extendFlat, packFlat, unpackFlat } from './flat.ts';

/**
 * Bodies of messages as MessagePack. Objects travel as records, so that a Map stays a Map; cycles, Set, Date, bigint,
 * undefined, typed arrays and errors survive. A class instance arrives as a plain object, a function as undefined.
 * Each body stands alone: no state is shared between two of them.
 */
const packr = new Packr({ structuredClone: true, useBigIntExtension: true });
/** The same for a body that is one value: nothing in it comes twice, so nobody keeps account of that. */
const single = new Packr({ moreTypes: true, useBigIntExtension: true });
/** Longest body, bytes, that is copied before it is decoded: a part of it, kept in a mailbox, would keep the whole frame that it came in. */
const COPIED_BYTES_MAX = 1_024;

/** What no object may have as a key. */
const PROTO = '__proto__';

/** MessagePack's tags of binary data, whose length follows in 1, 2 or 4 bytes. */
const BIN_8 = 0xc4;
const BIN_16 = 0xc5;
const BIN_32 = 0xc6;

const isSingle = (value: unknown): boolean => typeof value !== 'object' || ArrayBuffer.isView(value);

/**
 * Lets objects of a class travel in bodies. What `write` or `read` throws ends the encoding or decoding.
 *
 * @param type 1 to 100, of its own for each thing that travels; part of the protocol
 * @param of the class, subclasses included
 * @param write gives in its place null, a text, or a pair of numbers
 * @param read makes of that what arrives
 */
export function extendPayload<T, W>(
  type: number,
  of: abstract new (...args: never[]) => T,
  write: (value: T) => W,
  read: (written: W) => unknown,
): void {
  addExtension({ Class: of, type, write, read });
  extendFlat({ type, of, write: write as (value: unknown) => unknown, read: read as (written: unknown) => unknown });
}

/** The body of a message without one. */
export const EMPTY_PAYLOAD: Uint8Array = new Uint8Array(0);

/** The largest body that any lane carries, bytes. */
export const PAYLOAD_BYTES_MAX: number = 128 * 1024 * 1024;

/**
 * Encodes the body of a message. `undefined` takes no bytes.
 *
 * @param bytesMax limit of the encoded size, bytes
 * @throws TroupeError MESSAGE_TOO_LARGE, or INVALID_ARGUMENT for what can't be encoded (a symbol, a key `__proto__`)
 */
export function encodePayload(value: unknown, bytesMax: number = PAYLOAD_BYTES_MAX): Uint8Array {
  if (value === undefined) return EMPTY_PAYLOAD;
  let bytes: Uint8Array;
  try {
    bytes = pack(value);
  } catch (error) {
    if (isTroupeError(error)) throw error;
    throw new TroupeError('INVALID_ARGUMENT', `the message can't be encoded: ${errorMessage(error)}`, { cause: error });
  }
  if (bytes.byteLength > bytesMax) {
    throw new TroupeError('MESSAGE_TOO_LARGE', `the message has ${bytes.byteLength} bytes, the limit is ${bytesMax}`, {
      data: { bytes: bytes.byteLength, bytesMax },
    });
  }
  return bytes;
}

/**
 * Decodes what `encodePayload` made. Binary parts of a body over a kilobyte are views of `bytes`.
 *
 * @throws TroupeError PROTOCOL_VIOLATION when it isn't one whole body
 */
export function decodePayload(bytes: Uint8Array): unknown {
  if (bytes.byteLength === 0) return undefined;
  try {
    const flat = unpackFlat(asBuffer(bytes), bytes.byteLength <= COPIED_BYTES_MAX);
    if (flat !== undefined) return flat;
    const body = readable(bytes);
    return unpackBuffer(body) ?? packr.unpack(body);
  } catch (error) {
    if (isTroupeError(error)) throw error;
    throw new TroupeError('PROTOCOL_VIOLATION', `the message can't be decoded: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

function pack(value: unknown): Uint8Array {
  if (Buffer.isBuffer(value)) return packBuffer(value);
  if (isSingle(value)) return single.pack(value);
  return (value === null ? undefined : packFlat(value as object)) ?? packAny(value);
}

/** @throws TroupeError INVALID_ARGUMENT for a key that the codec would rename on arrival, lest it be a prototype */
function packAny(value: unknown): Buffer {
  const packed = packr.pack(value);
  // Hardly a body has the text at all: looking for it in the bytes costs next to nothing.
  if (packed.includes(PROTO) && hasProtoKey(value)) {
    throw new TroupeError('INVALID_ARGUMENT', `an object with a key "${PROTO}" can't travel`);
  }
  return packed;
}

function hasProtoKey(value: unknown): boolean {
  const seen = new Set<unknown>([value]);
  // A set is walked to its end, also what is added on the way.
  for (const each of seen) {
    if (typeof each !== 'object' || each === null || ArrayBuffer.isView(each)) continue;
    if (Object.hasOwn(each, PROTO)) return true;
    if (each instanceof Map) for (const key of each.keys()) seen.add(key);
    const inner = each instanceof Map || each instanceof Set ? each.values() : Object.values(each);
    for (const member of inner) seen.add(member);
  }
  return false;
}

/** What may be read in place of a body. The decoder hangs a view onto it: a message that waits with its body shouldn't keep that. */
function readable(body: Uint8Array): Buffer {
  const { buffer, byteOffset, byteLength } = body;
  return byteLength > COPIED_BYTES_MAX ? Buffer.from(buffer, byteOffset, byteLength) : Buffer.from(body);
}

/** A body that is nothing but binary: what the codec would make of it, in a fraction of the time. */
function packBuffer(value: Buffer): Buffer {
  const length = value.byteLength;
  const head = length < 0x100 ? 2 : length < 0x10000 ? 3 : 5;
  const packed = Buffer.allocUnsafe(head + length);
  packed[0] = head === 2 ? BIN_8 : head === 3 ? BIN_16 : BIN_32;
  packed.writeUIntBE(length, 1, (head - 1) as 1 | 2 | 4);
  packed.set(value, head);
  return packed;
}

/** The other way round; undefined for what is something else, or broken. */
function unpackBuffer(bytes: Buffer): Buffer | undefined {
  const tag = bytes[0]!;
  if (tag < BIN_8 || tag > BIN_32) return undefined;
  const head = tag === BIN_8 ? 2 : tag === BIN_16 ? 3 : 5;
  if (bytes.byteLength < head || bytes.readUIntBE(1, head - 1) !== bytes.byteLength - head) return undefined;
  return bytes.subarray(head);
}
