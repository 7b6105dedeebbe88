import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { invariant } from '../../core/index.ts';
import type { Frame as FrameMessage } from '../../wire/generated/troupe/v1/Frame.ts';
import { wireErrorToDetail } from '../../wire/index.ts';
import type { Envelope } from '../port.ts';
import { InternTable } from './interning.ts';
import { INTERNED_TEXTS, peerProto } from './messages.ts';

const { Budget, ErrorDetail, Frame } = peerProto;

/** How far a receiver is; see `Receipt` in peer.proto. */
export interface Receipt {
  readonly received: number;
  readonly messagesUntil: number;
  readonly bytesUntil: number;
}

/** Tags of an envelope's epoch and of the asks above an ask: fields 16 and 17, the first whose tags take two bytes. */
const EPOCH_TAG = 0x80;
const ASKERS_TAG = 0x8a;

const KIND_NUMBERS: Readonly<Record<Envelope['kind'], number>> = { tell: 0, ask: 1, reply: 2, error: 3, cancel: 4 };

/** Tag of a frame's checksum: field 9, four bytes. */
export const CHECKSUM_TAG = 0x4d;
/** The checksum with its tag, bytes. */
const CHECKSUM_BYTES = 5;

/** A frame longer than this, bytes, keeps the memory that it was written into; shorter ones are copied out of it. */
const COPIED_BYTES_MAX = 16 * 1024;

/** Up to this length a loop beats the call into native code. */
const SHORT = 40;
/** Bytes of an envelope besides its texts and payload, at most: tags, lengths and numbers. */
const FIXED_BYTES_MAX = 128;

/**
 * Writes `Frame`s of peer.proto in protobuf's encoding, by hand: several times as fast as the general encoder, which
 * copies each message into an object of its own first. A test holds the two against each other.
 *
 * Lengths of envelopes are written as three-byte varints with leading zeros, which every decoder takes, so that an
 * envelope needn't be measured before it is written.
 */
export class FrameEncoder {
  readonly #table: InternTable = new InternTable(INTERNED_TEXTS);
  readonly #sealed: boolean;
  #buffer: Buffer = Buffer.allocUnsafeSlow(COPIED_BYTES_MAX);
  #at = 0;

  /** @param sealed whether frames end with a checksum */
  constructor(sealed = true) {
    this.#sealed = sealed;
  }

  /** How many bytes the frame under construction has. */
  get length(): number {
    return this.#at;
  }

  /** Starts a frame of envelopes. */
  begin(firstSequence: number): void {
    this.#at = 0;
    this.#field(0x20, firstSequence);
  }

  /**
   * Adds an envelope.
   *
   * @param timeoutMs what is left of the deadline now, if there is one
   * @param inPieces true to announce the payload only; its pieces follow in frames of their own
   */
  add(envelope: Envelope, timeoutMs: number | undefined, inPieces: boolean): void {
    const { to, method, from, correlation, payload, requestId, traceparent, budget, error, askers } = envelope;
    const texts =
      to.length + method.length + (from?.length ?? 0) + (requestId?.length ?? 0) + (traceparent?.length ?? 0);
    const budgetBytes = budget === undefined ? undefined : Budget.serialize(budget);
    const errorBytes = error === undefined ? undefined : ErrorDetail.serialize(wireErrorToDetail(error));
    const extra = (budgetBytes?.byteLength ?? 0) + (errorBytes?.byteLength ?? 0);
    const above = askers === undefined ? 0 : askersBytes(askers);
    this.#reserve(FIXED_BYTES_MAX + texts * 3 + extra + above + (inPieces ? 0 : payload.byteLength));
    this.#buffer[this.#at++] = 0x2a;
    const start = this.#at;
    this.#at += 3;
    if (envelope.kind !== 'tell') this.#field(0x08, KIND_NUMBERS[envelope.kind]);
    this.#interned(0x12, 0x18, to);
    this.#interned(0x22, 0x28, method);
    if (from !== undefined) this.#interned(0x32, 0x38, from);
    if (correlation !== 0) this.#field(0x40, correlation);
    if (inPieces) this.#field(0x50, payload.byteLength);
    else if (payload.byteLength > 0) this.#bytes(0x4a, payload);
    if (requestId !== undefined) this.#text(0x5a, requestId);
    if (traceparent !== undefined) this.#text(0x62, traceparent);
    if (timeoutMs !== undefined) this.#field(0x68, Math.min(0xffffffff, Math.max(0, Math.ceil(timeoutMs))));
    if (budgetBytes !== undefined) this.#bytes(0x72, budgetBytes);
    if (errorBytes !== undefined) this.#bytes(0x7a, errorBytes);
    if (envelope.epoch !== undefined && envelope.epoch > 0) {
      this.#varint(EPOCH_TAG);
      this.#varint(envelope.epoch);
    }
    if (askers !== undefined) this.#askers(askers);
    const size = this.#at - start - 3;
    invariant(size < 1 << 21, 'an envelope is longer than three bytes of length can say');
    this.#buffer[start] = (size & 0x7f) | 0x80;
    this.#buffer[start + 1] = ((size >> 7) & 0x7f) | 0x80;
    this.#buffer[start + 2] = size >> 14;
  }

  /** The frame, in memory of its own. */
  finish(): Uint8Array {
    if (this.#sealed) this.#reserve(CHECKSUM_BYTES);
    const written = this.#buffer.subarray(0, this.#sealed ? this.#at + CHECKSUM_BYTES : this.#at);
    let frame = written;
    if (written.byteLength > COPIED_BYTES_MAX) this.#buffer = Buffer.allocUnsafeSlow(this.#buffer.length);
    else frame = Buffer.from(written);
    return this.#sealed ? seal(frame) : frame;
  }

  /** A frame with the next bytes of a payload that was announced, in parts: these bytes stay where they are. */
  piece(bytes: Uint8Array): Uint8Array[] {
    this.#at = 0;
    this.#field(0x32, bytes.byteLength);
    const head = Buffer.from(this.#buffer.subarray(0, this.#at));
    if (!this.#sealed) return [head, bytes];
    const end = Buffer.allocUnsafe(CHECKSUM_BYTES);
    end[0] = CHECKSUM_TAG;
    end.writeUInt32LE(crc32(bytes, crc32(head)), 1);
    return [head, bytes, end];
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#buffer.length) return;
    const bigger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(bigger, 0, 0, this.#at);
    this.#buffer = bigger;
  }

  #varint(value: number): void {
    let rest = value;
    while (rest > 0x7fffffff) {
      this.#buffer[this.#at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      this.#buffer[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#at++] = rest;
  }

  #field(tag: number, value: number): void {
    this.#buffer[this.#at++] = tag;
    this.#varint(value);
  }

  #bytes(tag: number, bytes: Uint8Array): void {
    this.#field(tag, bytes.byteLength);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.byteLength;
  }

  #interned(textTag: number, idTag: number, text: string): void {
    let id = this.#table.idOf(text);
    if (id === 0) {
      if (text.length === 0) return;
      this.#text(textTag, text);
      id = this.#table.define(text);
      if (id === 0) return;
    }
    this.#field(idTag, id);
  }

  #askers(askers: readonly string[]): void {
    for (const asker of askers) {
      this.#varint(ASKERS_TAG);
      this.#varint(Buffer.byteLength(asker));
      this.#at += this.#buffer.write(asker, this.#at);
    }
  }

  #text(tag: number, text: string): void {
    const buffer = this.#buffer;
    const length = text.length;
    if (length <= SHORT) {
      let at = this.#at + 2;
      let ascii = true;
      for (let i = 0; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 0x7f) {
          ascii = false;
          break;
        }
        buffer[at++] = code;
      }
      if (ascii) {
        buffer[this.#at] = tag;
        buffer[this.#at + 1] = length;
        this.#at = at;
        return;
      }
    }
    this.#field(tag, Buffer.byteLength(text));
    this.#at += buffer.write(text, this.#at);
  }
}

/** What the asks above one take at most, bytes. */
function askersBytes(askers: readonly string[]): number {
  return askers.reduce((sum, { length }) => sum + 8 + length * 3, 0);
}

/** Writes the checksum into the last bytes of a frame, over all before them. */
function seal(frame: Buffer): Buffer {
  const end = frame.byteLength - CHECKSUM_BYTES;
  frame[end] = CHECKSUM_TAG;
  frame.writeUInt32LE(crc32(frame.subarray(0, end)), end + 1);
  return frame;
}

/** Any frame by the general encoder: for those that aren't sent often. */
export function encodeFrame(frame: FrameMessage): Uint8Array {
  const bytes = Frame.serialize(frame);
  const sealed = Buffer.allocUnsafe(bytes.byteLength + CHECKSUM_BYTES);
  bytes.copy(sealed);
  return seal(sealed);
}

/** A frame that asks for a receipt, and says which envelope would come next, so that a gap shows. */
export function encodePing(nextSequence: number): Uint8Array {
  return encodeFrame({ firstSequence: nextSequence, ping: true });
}

/** A frame with a receipt. */
export function encodeReceipt(receipt: Receipt): Uint8Array {
  return encodeFrame({ receipt });
}
