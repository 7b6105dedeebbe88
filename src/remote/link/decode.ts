import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { TroupeError } from '../../core/index.ts';
import type { LinkHello__Output } from '../../wire/generated/troupe/v1/LinkHello.ts';
import type { LinkWelcome__Output } from '../../wire/generated/troupe/v1/LinkWelcome.ts';
import { asBuffer, type ErrorDetail as Detail, detailToWireError } from '../../wire/index.ts';
import type { Envelope } from '../port.ts';
import { CHECKSUM_TAG, type Receipt as LinkReceipt } from './encode.ts';
import { checksums, INTERNED_TEXTS, peerProto } from './messages.ts';

const { Budget, ErrorDetail, LinkHello, LinkWelcome, Receipt } = peerProto;

/** What a frame held. */
export interface DecodedFrame {
  hello: LinkHello__Output | undefined;
  welcome: LinkWelcome__Output | undefined;
  refusal: Detail | undefined;
  firstSequence: number;
  readonly envelopes: Envelope[];
  /** Length of the payload that follows in pieces and belongs to the last envelope; 0 when none does. */
  payloadBytes: number;
  piece: Uint8Array | undefined;
  receipt: LinkReceipt | undefined;
  ping: boolean;
}

const KINDS: readonly Envelope['kind'][] = ['tell', 'ask', 'reply', 'error', 'cancel'];
const EMPTY: Uint8Array = new Uint8Array(0);

const violation = (what: string): TroupeError => new TroupeError('PROTOCOL_VIOLATION', `broken frame: ${what}`);

/**
 * Reads `Frame`s of peer.proto as one connection brings them; the table of texts lasts as long as the connection. Fields
 * of later versions are skipped. Payloads and pieces are views of the frame. Whoever announces checksums has each frame checked.
 */
export class FrameDecoder {
  readonly #texts: (string | undefined)[] = [];
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;
  #payloadBytes = 0;
  /** The other side ends every frame with its checksum. */
  #checksums = false;

  /** @throws TroupeError PROTOCOL_VIOLATION */
  decode(bytes: Uint8Array): DecodedFrame {
    this.#buffer = asBuffer(bytes);
    this.#at = 0;
    this.#end = bytes.byteLength;
    this.#payloadBytes = 0;
    const frame: DecodedFrame = {
      hello: undefined,
      welcome: undefined,
      refusal: undefined,
      firstSequence: 0,
      envelopes: [],
      payloadBytes: 0,
      piece: undefined,
      receipt: undefined,
      ping: false,
    };
    let intact = false;
    while (this.#at < this.#end) {
      const tag = this.#varint();
      if (tag === 0x2a) this.#envelope(frame);
      else if (tag === 0x20) frame.firstSequence = this.#varint();
      else if (tag === 0x32) frame.piece = this.#view();
      else if (tag === 0x3a) frame.receipt = this.#receipt();
      else if (tag === 0x40) frame.ping = this.#varint() !== 0;
      else if (tag === 0x0a) frame.hello = this.#message(LinkHello);
      else if (tag === 0x12) frame.welcome = this.#message(LinkWelcome);
      else if (tag === 0x1a) frame.refusal = this.#message(ErrorDetail);
      else if (tag === CHECKSUM_TAG) intact = this.#checksum();
      else this.#skip(tag);
    }
    if (this.#at !== this.#end) throw violation('it ends early');
    this.#checksums ||= checksums(frame.hello ?? frame.welcome);
    if (this.#checksums && !intact) throw violation('its checksum is missing');
    frame.payloadBytes = this.#payloadBytes;
    return frame;
  }

  #envelope(frame: DecodedFrame): void {
    if (this.#payloadBytes > 0) throw violation('an envelope before the pieces of the one before');
    const outer = this.#end;
    this.#end = this.#limit();
    let kind = 0;
    let toText: string | undefined;
    let toId = 0;
    let methodText: string | undefined;
    let methodId = 0;
    let fromText: string | undefined;
    let fromId = 0;
    let correlation = 0;
    let payload: Uint8Array = EMPTY;
    let requestId: string | undefined;
    let traceparent: string | undefined;
    let timeoutMs: number | undefined;
    let budget: Envelope['budget'];
    let error: Envelope['error'];
    let epoch: number | undefined;
    let askers: string[] | undefined;
    while (this.#at < this.#end) {
      const tag = this.#varint();
      if (tag === 0x4a) payload = this.#view();
      else if (tag === 0x18) toId = this.#varint();
      else if (tag === 0x28) methodId = this.#varint();
      else if (tag === 0x38) fromId = this.#varint();
      else if (tag === 0x08) kind = this.#varint();
      else if (tag === 0x40) correlation = this.#varint();
      else if (tag === 0x68) timeoutMs = this.#varint();
      else if (tag === 0x80) epoch = this.#varint();
      else if (tag === 0x8a) {
        askers ??= [];
        askers.push(this.#text());
      } else if (tag === 0x12) toText = this.#text();
      else if (tag === 0x22) methodText = this.#text();
      else if (tag === 0x32) fromText = this.#text();
      else if (tag === 0x5a) requestId = this.#text();
      else if (tag === 0x62) traceparent = this.#text();
      else if (tag === 0x50) this.#payloadBytes = this.#varint();
      else if (tag === 0x72) {
        const { tokens, costMicroUsd } = this.#message(Budget);
        budget = {
          ...(tokens === undefined ? {} : { tokens }),
          ...(costMicroUsd === undefined ? {} : { costMicroUsd }),
        };
      } else if (tag === 0x7a) error = detailToWireError(this.#message(ErrorDetail));
      else this.#skip(tag);
    }
    if (this.#at !== this.#end) throw violation('an envelope ends early');
    this.#end = outer;
    const name = KINDS[kind];
    if (name === undefined) throw violation(`envelope of kind ${kind}`);
    frame.envelopes.push({
      kind: name,
      to: this.#known(toText, toId) ?? '',
      correlation,
      method: this.#known(methodText, methodId) ?? '',
      payload,
      requestId,
      from: this.#known(fromText, fromId),
      traceparent,
      timeoutMs,
      budget,
      error,
      epoch,
      askers,
    });
  }

  /** The text that was written, or that the number stands for. */
  #known(text: string | undefined, id: number): string | undefined {
    if (id === 0) return text;
    if (text === undefined) {
      const known = this.#texts[id];
      if (known === undefined) throw violation(`nothing was numbered ${id}`);
      return known;
    }
    if (id > INTERNED_TEXTS) throw violation(`the number ${id} is too large for a text`);
    this.#texts[id] = text;
    return text;
  }

  #varint(): number {
    const buffer = this.#buffer;
    let byte = this.#at < this.#end ? buffer[this.#at++]! : -1;
    if (byte >= 0 && byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let scale = 128; byte >= 0x80; scale *= 128) {
      // Seven groups more than the first reach 2^56; what doesn't fit a safe integer is refused below.
      if (scale > 2 ** 49 || this.#at >= this.#end) throw violation('a number without end');
      byte = buffer[this.#at++]!;
      value += (byte & 0x7f) * scale;
    }
    if (byte < 0 || value > Number.MAX_SAFE_INTEGER) throw violation('a number that is cut or too large');
    return value;
  }

  /** Where the part ends whose length is written next. */
  #limit(): number {
    const length = this.#varint();
    const limit = this.#at + length;
    if (limit > this.#end) throw violation('a part longer than the whole');
    return limit;
  }

  #view(): Uint8Array {
    const end = this.#limit();
    const view = new Uint8Array(this.#buffer.buffer, this.#buffer.byteOffset + this.#at, end - this.#at);
    this.#at = end;
    return view;
  }

  #text(): string {
    const end = this.#limit();
    const text = this.#buffer.toString('utf8', this.#at, end);
    this.#at = end;
    return text;
  }

  #message<T>(codec: { deserialize(bytes: Buffer): T }): T {
    const end = this.#limit();
    const bytes = this.#buffer.subarray(this.#at, end);
    this.#at = end;
    try {
      return codec.deserialize(bytes);
    } catch {
      throw violation('a part that is no message');
    }
  }

  #receipt(): LinkReceipt {
    const { received = 0, messagesUntil = 0, bytesUntil = 0 } = this.#message(Receipt);
    return { received, messagesUntil, bytesUntil };
  }

  /** Reads the checksum, over all that came before it. */
  #checksum(): boolean {
    const covered = this.#at - 1;
    this.#at += 4;
    if (this.#at !== this.#end) throw violation('something follows the checksum');
    const buffer = this.#buffer;
    if (buffer.readUInt32LE(covered + 1) !== crc32(buffer.subarray(0, covered)))
      throw violation('its checksum is wrong');
    return true;
  }

  #skip(tag: number): void {
    const type = tag & 7;
    if (type === 0) this.#varint();
    else if (type === 1) this.#at += 8;
    else if (type === 2) this.#at = this.#limit();
    else if (type === 5) this.#at += 4;
    else throw violation(`tag ${tag}`);
    if (this.#at > this.#end) throw violation('a part longer than the whole');
  }
}
