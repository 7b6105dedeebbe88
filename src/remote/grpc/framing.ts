import { Buffer } from 'node:buffer';
import { TroupeError } from '../../core/index.ts';

/** What stands before each message of a gRPC stream, bytes: whether it is compressed, and its length. */
const PREFIX_BYTES = 5;

/** A message with its prefix, in memory of its own; without a message just the prefix. */
export function prefixed(messageBytes: number, message?: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + (message?.byteLength ?? 0));
  framed[0] = 0;
  framed.writeUInt32BE(messageBytes, 1);
  if (message !== undefined) framed.set(message, PREFIX_BYTES);
  return framed;
}

/** Memory that the mere announcement of a message takes, bytes; more is taken as its bytes come. */
const RESERVED_BYTES_MAX = 128 * 1024;

/** Whether a message can begin in this memory, and doesn't keep much more of it than it needs. */
const fits = (memory: Buffer | undefined, size: number): boolean =>
  memory !== undefined && memory.byteLength >= Math.min(size, RESERVED_BYTES_MAX) && memory.byteLength <= 2 * size;

/**
 * Finds the messages in what HTTP/2 brings, by gRPC's protocol over HTTP/2 ("Length-Prefixed-Message"). One that came in one chunk is a
 * view of it; others are
 * copied, into memory that is their taker's unless it says otherwise (`reuse`).
 */
export class MessageReader {
  readonly #bytesMax: number;
  readonly #take: (message: Buffer) => boolean;
  readonly #prefix: Buffer = Buffer.alloc(PREFIX_BYTES);
  /** Bytes of the next prefix that have come. */
  #prefixBytes = 0;
  /** Length of the message under way, and what of it is still to come; 0 when none is. */
  #size = 0;
  #missing = 0;
  /** Where it is put together, or the next one may be. */
  #whole: Buffer | undefined;
  /** The last one that was put together, while it is being taken. */
  #taken: Buffer | undefined;

  /**
   * @param bytesMax longest message that is taken
   * @param take takes a message; false when it wants no further one now
   */
  constructor(bytesMax: number, take: (message: Buffer) => boolean) {
    this.#bytesMax = bytesMax;
    this.#take = take;
  }

  /** Nothing is kept of the message that is being taken: the next one may be put together where it was. */
  reuse(): void {
    this.#whole ??= this.#taken;
  }

  /**
   * Reads a chunk, as far as the taker wants.
   *
   * @returns what is left of it: to be read before anything else
   * @throws TroupeError MESSAGE_TOO_LARGE, PROTOCOL_VIOLATION when a message is compressed, which was never offered
   */
  read(chunk: Buffer): Buffer | undefined {
    const end = chunk.byteLength;
    for (let at = 0; at < end; ) {
      let message: Buffer | undefined;
      if (this.#missing > 0) {
        const part = chunk.subarray(at, at + this.#missing);
        at += part.byteLength;
        message = this.#collect(part);
      } else {
        let size: number;
        if (this.#prefixBytes === 0 && end - at >= PREFIX_BYTES) {
          size = this.#sizeIn(chunk, at);
          at += PREFIX_BYTES;
        } else {
          const bytes = chunk.copy(this.#prefix, this.#prefixBytes, at);
          at += bytes;
          this.#prefixBytes += bytes;
          if (this.#prefixBytes < PREFIX_BYTES) return undefined;
          this.#prefixBytes = 0;
          size = this.#sizeIn(this.#prefix, 0);
        }
        if (at + size <= end) {
          message = chunk.subarray(at, at + size);
          at += size;
        } else {
          this.#size = size;
          this.#missing = size;
          if (!fits(this.#whole, size)) this.#whole = Buffer.allocUnsafe(Math.min(size, RESERVED_BYTES_MAX));
        }
      }
      if (message !== undefined) {
        const goesOn = this.#take(message);
        this.#taken = undefined;
        if (!goesOn) return at < end ? chunk.subarray(at) : undefined;
      }
    }
    return undefined;
  }

  #sizeIn(buffer: Buffer, at: number): number {
    if (buffer[at] !== 0) throw new TroupeError('PROTOCOL_VIOLATION', 'a compressed message, which nobody offered');
    const size = buffer.readUInt32BE(at + 1);
    if (size <= this.#bytesMax) return size;
    const said = `a message of ${size} bytes is larger than max, ${this.#bytesMax}`;
    throw new TroupeError('MESSAGE_TOO_LARGE', said, { data: { bytes: size, bytesMax: this.#bytesMax } });
  }

  #collect(part: Buffer): Buffer | undefined {
    const from = this.#size - this.#missing;
    const to = from + part.byteLength;
    let whole = this.#whole!;
    if (whole.byteLength < to) {
      const larger = Buffer.allocUnsafe(Math.min(this.#size, 2 * to));
      whole.copy(larger, 0, 0, from);
      whole = larger;
      this.#whole = larger;
    }
    whole.set(part, from);
    this.#missing -= part.byteLength;
    if (this.#missing > 0) return undefined;
    this.#taken = whole;
    this.#whole = undefined;
    return whole.subarray(0, this.#size);
  }
}
