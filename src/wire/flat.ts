import { Buffer } from 'node:buffer';
import { invariant } from '../core/index.ts';

/**
 * MessagePack of flat objects, the most common bodies: plain, with few keys, whose values are texts, numbers, bytes, refs. Byte by
 * byte what msgpackr makes of them and reads (records of its extension `r`; a test holds the two against each other), at a
 * third of its price: nothing in them comes twice, and no record is compiled for one use.
 */

const KEYS_MAX = 15;
const KEY_LENGTH_MAX = 31;
/** Up to this length a loop beats the call into native code. */
const SHORT = 40;
/** How often the keys of an object are looked up before the table begins anew: objects of so many kinds. */
const SHAPES_MAX = 1_024;

const FIX_EXT_1 = 0xd4;
/** Type of msgpackr's records, and the number of the first one in a body. */
const RECORD = 0x72;
const FIRST_RECORD = 0x40;
const NULL = 0xc0;
const FALSE = 0xc2;
const TRUE = 0xc3;
const BIN_8 = 0xc4;
const BIN_16 = 0xc5;
const BIN_32 = 0xc6;
const FLOAT_64 = 0xcb;
const UINT_8 = 0xcc;
const UINT_16 = 0xcd;
const UINT_32 = 0xce;
const INT_8 = 0xd0;
const INT_16 = 0xd1;
const INT_32 = 0xd2;
const STR_8 = 0xd9;
const STR_16 = 0xda;
const FIX_STR = 0xa0;
const FIX_ARRAY = 0x90;
/** Integers from 0 below this are one byte; what follows are numbers of records. */
const FIX_INT_END = 0x40;
const NEGATIVE_FIX_INT = 0xe0;

/** Objects of a class that travel as something else. */
interface Extension {
  readonly type: number;
  readonly of: abstract new (...args: never[]) => unknown;
  write(value: unknown): unknown;
  read(written: unknown): unknown;
}

const extensions: Extension[] = [];
const shapes: Map<string, readonly string[]> = new Map();

/** See `extendPayload`. What `write` gives must be null, a text, or a pair of numbers. */
export function extendFlat(extension: Extension): void {
  extensions.push(extension);
  byPrototype = new WeakMap();
}

/** Which extension is for objects with a prototype, once that has been found out; null when none is. */
let byPrototype: WeakMap<object, Extension | null> = new WeakMap();

function extensionOf(value: object): Extension | null {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === null) return null;
  let extension = byPrototype.get(prototype);
  if (extension === undefined) {
    extension = extensions.find(({ of }) => value instanceof of) ?? null;
    byPrototype.set(prototype, extension);
  }
  return extension;
}

/** Length of a text in UTF-8, bytes; -1 when half a surrogate pair is in it, which UTF-8 can't say. */
function textBytes(text: string): number {
  const length = text.length;
  if (length > SHORT) return wellFormedBytes(text);
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) > 0x7f) return wellFormedBytes(text);
  return length;
}

const wellFormedBytes = (text: string): number => (text.isWellFormed() ? Buffer.byteLength(text) : -1);

const headBytes = (length: number, short: number): number => (length < short ? 1 : length < 0x100 ? 2 : 3);

function numberBytes(value: number): number {
  if (value >>> 0 === value) return value < FIX_INT_END ? 1 : value < 0x100 ? 2 : value < 0x10000 ? 3 : 5;
  if (value >> 0 === value) return value >= -0x20 ? 1 : value >= -0x80 ? 2 : value >= -0x8000 ? 3 : 5;
  return 9;
}

/** What a value takes, bytes; -1 for what isn't flat. */
function leafBytes(value: unknown): number {
  switch (typeof value) {
    case 'string': {
      const bytes = textBytes(value);
      return bytes < 0 || bytes > 0xffff ? -1 : bytes + headBytes(bytes, 0x20);
    }
    case 'number':
      return numberBytes(value);
    case 'boolean':
      return 1;
    case 'undefined':
      return 3;
    default:
      if (value === null) return 1;
      if (!Buffer.isBuffer(value)) return -1;
      return value.byteLength + (value.byteLength < 0x100 ? 2 : value.byteLength < 0x10000 ? 3 : 5);
  }
}

/** What an extension has written takes, bytes. */
function writtenBytes(written: unknown): number {
  if (Array.isArray(written)) return 1 + numberBytes(written[0] as number) + numberBytes(written[1] as number);
  return leafBytes(written);
}

/** @returns undefined for what isn't a flat object: msgpackr encodes it */
export function packFlat(value: object): Buffer | undefined {
  if (value.constructor !== Object || Object.getPrototypeOf(value) !== Object.prototype) return undefined;
  const keys = Object.keys(value);
  if (keys.length > KEYS_MAX) return undefined;
  const values: unknown[] = [];
  let extended: (Extension | undefined)[] | undefined;
  let size = 4;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    if (key.length > KEY_LENGTH_MAX || key === '__proto__' || textBytes(key) !== key.length) return undefined;
    size += 1 + key.length;
    const leaf = (value as Record<string, unknown>)[key];
    // What comes twice stays one thing at the other side, which takes a reference.
    if (typeof leaf === 'object' && leaf !== null && values.includes(leaf)) return undefined;
    const bytes = leafBytes(leaf);
    if (bytes < 0) {
      const extension = typeof leaf === 'object' && leaf !== null ? extensionOf(leaf) : null;
      if (extension === null) return undefined;
      extended ??= [];
      extended[i] = extension;
    } else size += bytes;
    values.push(leaf);
  }
  // Writing may have effects, so it comes when nothing else can stand in the way.
  if (extended !== undefined) {
    for (let i = 0; i < values.length; i++) {
      const extension = extended[i];
      if (extension === undefined) continue;
      values[i] = extension.write(values[i]);
      const bytes = writtenBytes(values[i]);
      invariant(bytes >= 0, 'what stands for an object in a message is a text, a pair of numbers, or null');
      size += 3 + bytes;
    }
  }
  const writer = new Writer(size);
  writer.head(RECORD, FIRST_RECORD);
  writer.byte(FIX_ARRAY | keys.length);
  for (const key of keys) writer.text(key);
  for (let i = 0; i < values.length; i++) {
    const extension = extended?.[i];
    if (extension !== undefined) writer.head(extension.type, 0);
    writer.leaf(values[i]);
  }
  return writer.bytes;
}

class Writer {
  readonly bytes: Buffer;
  #at = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  byte(value: number): void {
    this.bytes[this.#at++] = value;
  }

  /** The head of an extension of one byte. */
  head(type: number, data: number): void {
    this.byte(FIX_EXT_1);
    this.byte(type);
    this.byte(data);
  }

  #uint(value: number, bytes: 1 | 2 | 4): void {
    if (bytes === 1) this.bytes[this.#at] = value;
    else if (bytes === 2) this.bytes.writeUInt16BE(value, this.#at);
    else this.bytes.writeUInt32BE(value, this.#at);
    this.#at += bytes;
  }

  text(text: string): void {
    const length = textBytes(text);
    if (length < 0x20) this.byte(FIX_STR | length);
    else {
      const small = length < 0x100;
      this.byte(small ? STR_8 : STR_16);
      this.#uint(length, small ? 1 : 2);
    }
    const { bytes } = this;
    if (length > SHORT || length !== text.length) this.#at += bytes.write(text, this.#at);
    else for (let i = 0; i < length; i++) bytes[this.#at++] = text.charCodeAt(i);
  }

  leaf(value: unknown): void {
    if (typeof value === 'string') this.text(value);
    else if (typeof value === 'number') this.#number(value);
    else if (value === undefined) this.head(0, 0);
    else if (value === null) this.byte(NULL);
    else if (typeof value === 'boolean') this.byte(value ? TRUE : FALSE);
    else if (Buffer.isBuffer(value)) this.#binary(value);
    else {
      this.byte(FIX_ARRAY | 2);
      for (const number of value as [number, number]) this.#number(number);
    }
  }

  #binary(value: Buffer): void {
    const length = value.byteLength;
    this.byte(length < 0x100 ? BIN_8 : length < 0x10000 ? BIN_16 : BIN_32);
    this.#uint(length, length < 0x100 ? 1 : length < 0x10000 ? 2 : 4);
    this.bytes.set(value, this.#at);
    this.#at += length;
  }

  #number(value: number): void {
    const bytes = numberBytes(value);
    if (bytes === 1) this.byte(value & 0xff);
    else if (bytes === 9) {
      this.byte(FLOAT_64);
      this.bytes.writeDoubleBE(value, this.#at);
      this.#at += 8;
    } else {
      const step = bytes === 2 ? 0 : bytes === 3 ? 1 : 2;
      this.byte((value < 0 ? INT_8 : UINT_8) + step);
      this.#uint(value < 0 ? value + 2 ** (8 * (bytes - 1)) : value, (bytes - 1) as 1 | 2 | 4);
    }
  }
}

/** What an extension wrote, to be read when all of the body is there. */
interface Extended {
  readonly key: string;
  readonly extension: Extension;
  readonly written: unknown;
}

/**
 * Reads what `packFlat` or msgpackr made of a flat object.
 *
 * @param copied whether binary parts are copied; else they are views
 * @returns undefined for any other body, whole or broken: msgpackr reads it
 */
export function unpackFlat(body: Buffer, copied: boolean): object | undefined {
  if (body.byteLength < 4 || body[0] !== FIX_EXT_1 || body[1] !== RECORD || body[2] !== FIRST_RECORD) return undefined;
  const count = body[3]! - FIX_ARRAY;
  if (count < 0 || count > KEYS_MAX) return undefined;
  let at = 4;
  for (let i = 0; i < count; i++) at += 1 + (body[at]! - FIX_STR);
  if (!(at >= 4 && at <= body.byteLength)) return undefined;
  const keys = keysOf(body, at, count);
  if (keys === undefined) return undefined;
  const reader = new Reader(body, at, copied);
  const value: Record<string, unknown> = {};
  let extended: Extended[] | undefined;
  for (const key of keys) {
    const extension = reader.extension();
    const leaf = extension === undefined ? reader.leaf() : reader.written();
    if (reader.failed) return undefined;
    value[key] = leaf;
    if (extension !== undefined) {
      extended ??= [];
      extended.push({ key, extension, written: leaf });
    }
  }
  if (!reader.ended) return undefined;
  if (extended !== undefined) for (const { key, extension, written } of extended) value[key] = extension.read(written);
  return value;
}

/** The keys that a body begins with. Those of each kind of object are read once. */
function keysOf(body: Buffer, end: number, count: number): readonly string[] | undefined {
  const written = body.toString('latin1', 4, end);
  const known = shapes.get(written);
  if (known !== undefined) return known;
  const keys: string[] = [];
  for (let at = 0; at < written.length; ) {
    const length = written.charCodeAt(at) - FIX_STR;
    const key = written.slice(at + 1, at + 1 + length);
    at += 1 + length;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what isn't ASCII is left to msgpackr
    if (length < 0 || length > KEY_LENGTH_MAX || key === '__proto__' || /[^\x00-\x7f]/.test(key)) return undefined;
    keys.push(key);
  }
  if (keys.length !== count) return undefined;
  if (shapes.size >= SHAPES_MAX) shapes.clear();
  shapes.set(written, keys);
  return keys;
}

class Reader {
  /** Set when something isn't flat. */
  failed = false;
  readonly #body: Buffer;
  readonly #copied: boolean;
  #at: number;

  constructor(body: Buffer, at: number, copied: boolean) {
    this.#body = body;
    this.#at = at;
    this.#copied = copied;
  }

  get ended(): boolean {
    return this.#at === this.#body.byteLength;
  }

  /** The extension whose object comes next, if one does. */
  extension(): Extension | undefined {
    const body = this.#body;
    const at = this.#at;
    if (body[at] !== FIX_EXT_1 || body[at + 1] === 0 || body[at + 2] !== 0) return undefined;
    for (const extension of extensions) {
      if (extension.type !== body[at + 1]) continue;
      this.#at += 3;
      return extension;
    }
    return undefined;
  }

  /** What an extension has written. */
  written(): unknown {
    if (this.#body[this.#at] !== (FIX_ARRAY | 2)) return this.leaf();
    this.#at++;
    return [this.leaf(), this.leaf()];
  }

  leaf(): unknown {
    const tag = this.#body[this.#at++] ?? -1;
    if (tag >= 0 && tag < FIX_INT_END) return tag;
    if (tag >= NEGATIVE_FIX_INT) return tag - 0x100;
    if (tag >= FIX_STR && tag < NULL) return this.#text(tag - FIX_STR);
    switch (tag) {
      case NULL:
        return null;
      case FALSE:
        return false;
      case TRUE:
        return true;
      case BIN_8:
        return this.#binary(this.#uint(1));
      case BIN_16:
        return this.#binary(this.#uint(2));
      case BIN_32:
        return this.#binary(this.#uint(4));
      case STR_8:
        return this.#text(this.#uint(1));
      case STR_16:
        return this.#text(this.#uint(2));
      case UINT_8:
        return this.#uint(1);
      case UINT_16:
        return this.#uint(2);
      case UINT_32:
        return this.#uint(4);
      case INT_8:
        return (this.#uint(1) << 24) >> 24;
      case INT_16:
        return (this.#uint(2) << 16) >> 16;
      case INT_32:
        return this.#uint(4) | 0;
      case FLOAT_64:
        return this.#take(8) ? this.#body.readDoubleBE(this.#at - 8) : undefined;
      case FIX_EXT_1:
        if (this.#uint(2) !== 0) this.failed = true;
        return undefined;
      default:
        this.failed = true;
        return undefined;
    }
  }

  #take(bytes: number): boolean {
    this.#at += bytes;
    if (this.#at <= this.#body.byteLength) return true;
    this.failed = true;
    return false;
  }

  #uint(bytes: 1 | 2 | 4): number {
    return this.#take(bytes) ? this.#body.readUIntBE(this.#at - bytes, bytes) : 0;
  }

  #text(bytes: number): string {
    if (!this.#take(bytes)) return '';
    const text = this.#body.toString('utf8', this.#at - bytes, this.#at);
    // Perhaps half a surrogate pair, which msgpackr has a way to write.
    if (text.includes('\ufffd')) this.failed = true;
    return text;
  }

  #binary(bytes: number): Buffer | undefined {
    if (!this.#take(bytes)) return undefined;
    const view = this.#body.subarray(this.#at - bytes, this.#at);
    return this.#copied ? Buffer.from(view) : view;
  }
}
