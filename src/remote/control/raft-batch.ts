import type { Hello, Hello__Output } from '../../wire/generated/troupe/v1/Hello.ts';
import { asBuffer, type RaftMessage } from '../../wire/index.ts';
import { controlProto, decode } from './messages.ts';

const { RaftBatch, RaftMessageType } = controlProto;

type RaftEntry = NonNullable<RaftMessage['entries']>[number];

/** What a frame of a stream of Raft messages holds. */
export interface Batch {
  readonly hello?: Hello__Output | null;
  readonly messages?: RaftMessage[];
}

const TYPES = (
  RaftMessageType.type as { readonly value: readonly { readonly name: string; readonly number: number }[] }
).value;
const NUMBERS: ReadonlyMap<unknown, number> = new Map(TYPES.map(({ name, number }) => [name, number]));
const NAMES: ReadonlyMap<number, RaftMessage['type']> = new Map(
  TYPES.map(({ name, number }) => [number, name as RaftMessage['type']]),
);

/** A message without its texts and entries, and an entry without its data: bytes at most. */
const FIXED_BYTES_MAX = 128;

/**
 * Encodes a `RaftBatch` of control.proto. What is sent for each write goes by hand, several times as fast as by the general
 * encoder and to the same bytes, which a test sees to; what is rare, greetings and snapshots, goes by the general one.
 */
export function encodeBatch(messages: RaftMessage[], hello?: Hello): Uint8Array {
  if (hello !== undefined || messages.some(({ snapshot }) => snapshot !== undefined)) {
    return RaftBatch.serialize({ ...(hello && { hello }), messages });
  }
  let bytes = 0;
  for (const { from = '', to = '', entries = [] } of messages) {
    bytes += FIXED_BYTES_MAX + 3 * (from.length + to.length);
    for (const { data } of entries) bytes += FIXED_BYTES_MAX + (data?.byteLength ?? 0);
  }
  const writer = new Writer(bytes);
  for (let i = messages.length - 1; i >= 0; i--) writer.message(messages[i] as RaftMessage);
  return writer.bytes;
}

/** Decodes what `encodeBatch` and the general encoder make. @throws TroupeError PROTOCOL_VIOLATION */
export function decodeBatch(frame: Uint8Array): Batch {
  return new Reader(frame).batch() ?? decode(RaftBatch, frame);
}

/** Writes from the end to the front: so the length of a part is known when it is due, before the part. */
class Writer {
  readonly #buffer: Buffer;
  #at: number;

  constructor(bytes: number) {
    this.#buffer = Buffer.allocUnsafe(bytes);
    this.#at = bytes;
  }

  get bytes(): Uint8Array {
    return this.#buffer.subarray(this.#at);
  }

  message(message: RaftMessage): void {
    const end = this.#at;
    const { entries = [] } = message;
    this.#flag(0x70, message.lease);
    this.#number(0x68, message.context);
    this.#flag(0x58, message.force);
    this.#number(0x50, message.rejectHint);
    this.#flag(0x48, message.reject);
    for (let i = entries.length - 1; i >= 0; i--) this.#entry(entries[i] as RaftEntry);
    this.#number(0x38, message.commit);
    this.#number(0x30, message.logTerm);
    this.#number(0x28, message.index);
    this.#number(0x20, message.term);
    this.#text(0x1a, message.to);
    this.#text(0x12, message.from);
    this.#number(0x08, NUMBERS.get(message.type));
    this.#number(0x12, end - this.#at);
  }

  #entry({ term, index, config, data }: RaftEntry): void {
    const end = this.#at;
    if (data !== undefined) {
      this.#at -= data.byteLength;
      this.#buffer.set(data, this.#at);
      this.#number(0x22, data.byteLength);
    }
    this.#flag(0x18, config);
    this.#number(0x10, index);
    this.#number(0x08, term);
    this.#number(0x42, end - this.#at);
  }

  #flag(tag: number, value: boolean | undefined): void {
    if (value !== undefined) this.#number(tag, value ? 1 : 0);
  }

  #text(tag: number, text: string | undefined): void {
    if (text === undefined) return;
    const bytes = Buffer.byteLength(text);
    this.#at -= bytes;
    this.#buffer.write(text, this.#at);
    this.#number(tag, bytes);
  }

  /** A number and the tag before it; every tag here takes one byte. */
  #number(tag: number, value: number | undefined): void {
    if (value === undefined) return;
    let size = 1;
    for (let rest = value; rest >= 0x80; rest /= 128) size++;
    this.#at -= size + 1;
    let at = this.#at;
    this.#buffer[at++] = tag;
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) this.#buffer[at++] = (rest % 128) | 0x80;
    this.#buffer[at] = rest;
  }
}

/** Reads batches of what is sent for each write. Where anything else turns up, it gives up. */
class Reader {
  readonly #buffer: Buffer;
  #at = 0;
  #end: number;
  #strange = false;

  constructor(frame: Uint8Array) {
    this.#buffer = asBuffer(frame);
    this.#end = frame.byteLength;
  }

  batch(): Batch | undefined {
    const messages: RaftMessage[] = [];
    while (this.#at < this.#end && !this.#strange) {
      if (this.#number() === 0x12) messages.push(this.#part((message) => this.#message(message), {}));
      else this.#strange = true;
    }
    return this.#strange ? undefined : { messages };
  }

  /** Reads a part, its length first. */
  #part<T>(read: (into: T) => void, into: T): T {
    const outer = this.#end;
    this.#end = this.#limit();
    while (this.#at < this.#end && !this.#strange) read(into);
    this.#strange ||= this.#at !== this.#end;
    this.#end = outer;
    return into;
  }

  #message(into: RaftMessage): void {
    switch (this.#number()) {
      case 0x08: {
        const type = NAMES.get(this.#number());
        if (type === undefined) this.#strange = true;
        else into.type = type;
        break;
      }
      case 0x12:
        into.from = this.#text();
        break;
      case 0x1a:
        into.to = this.#text();
        break;
      case 0x20:
        into.term = this.#number();
        break;
      case 0x28:
        into.index = this.#number();
        break;
      case 0x30:
        into.logTerm = this.#number();
        break;
      case 0x38:
        into.commit = this.#number();
        break;
      case 0x42:
        into.entries ??= [];
        into.entries.push(this.#part((entry) => this.#entry(entry), {}));
        break;
      case 0x48:
        into.reject = this.#number() !== 0;
        break;
      case 0x50:
        into.rejectHint = this.#number();
        break;
      case 0x58:
        into.force = this.#number() !== 0;
        break;
      case 0x68:
        into.context = this.#number();
        break;
      case 0x70:
        into.lease = this.#number() !== 0;
        break;
      default:
        this.#strange = true;
    }
  }

  #entry(into: RaftEntry): void {
    switch (this.#number()) {
      case 0x08:
        into.term = this.#number();
        break;
      case 0x10:
        into.index = this.#number();
        break;
      case 0x18:
        into.config = this.#number() !== 0;
        break;
      case 0x22: {
        const end = this.#limit();
        into.data = this.#buffer.subarray(this.#at, end);
        this.#at = end;
        break;
      }
      default:
        this.#strange = true;
    }
  }

  #number(): number {
    let value = 0;
    for (let scale = 1; this.#at < this.#end && scale <= 2 ** 49; scale *= 128) {
      const byte = this.#buffer[this.#at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.#strange ||= value > Number.MAX_SAFE_INTEGER;
        return value;
      }
    }
    this.#strange = true;
    return 0;
  }

  #limit(): number {
    const limit = this.#number() + this.#at;
    if (limit <= this.#end) return limit;
    this.#strange = true;
    return this.#end;
  }

  #text(): string {
    const end = this.#limit();
    const text = this.#buffer.toString('utf8', this.#at, end);
    this.#at = end;
    return text;
  }
}
