import { Buffer } from 'node:buffer';
import type { Http2Stream } from 'node:http2';
import { errorMessage, type NodeId } from '../../core/index.ts';
import type { Connection, FrameListener } from '../port.ts';
import { MessageReader, prefixed } from './framing.ts';

/** Frames up to this length, bytes, are copied behind their prefix; a longer one goes out behind it as it is. */
const COPIED_BYTES_MAX = 16 * 1024;
/** What a stream keeps for a socket that is full before `write` says false, bytes. */
const WAITING_BYTES_HIGH = 256 * 1024;

/** What a connection does with its stream. */
export interface ConnectionEnds {
  /** Whom the caller has proved to be. */
  readonly peer?: NodeId | undefined;
  /** Largest frame that is taken, bytes. */
  readonly frameBytesMax: number;
  /** Ends the stream and what it stands on. @param refused why, when what came couldn't be taken */
  end(refused?: unknown): void;
}

/**
 * Frames over one gRPC stream, on either side: each is a message. A dialled one has no stream at first; the frame or two that its user
 * writes until it is told to wait are kept.
 */
export class GrpcConnection implements Connection {
  readonly peer: NodeId | undefined;
  readonly #end: (refused?: unknown) => void;
  readonly #reader: MessageReader;
  #stream: Http2Stream | undefined;
  #early: Uint8Array[] = [];
  #open = true;
  #paused = false;
  #reading = false;
  /** What has been read but not looked at, since its reader paused. */
  #rest: Buffer | undefined;
  #frameListener: FrameListener | undefined;
  #drainListener: (() => void) | undefined;
  #sentListener: (() => void) | undefined;
  /** Frames that the stream hasn't handed to the socket yet. */
  #underWay = 0;
  readonly #handedOver = (): void => {
    if (--this.#underWay === 0 && this.#open) this.#sentListener?.();
  };
  #closeListener: ((reason: string) => void) | undefined;

  constructor({ peer, frameBytesMax, end }: ConnectionEnds) {
    this.peer = peer;
    this.#end = end;
    this.#reader = new MessageReader(frameBytesMax, (message) => {
      if (this.#frameListener?.(message) === 'done') this.#reader.reuse();
      return this.#open && !this.#paused;
    });
  }

  /** Here is the stream. */
  attach(stream: Http2Stream): void {
    this.#stream = stream;
    stream.on('drain', () => {
      if (this.#open) this.#drainListener?.();
    });
    if (this.#paused) stream.pause();
    if (this.#frameListener !== undefined) this.#listen(stream);
    const early = this.#early;
    this.#early = [];
    let writable = early.length > 0;
    for (const frame of early) writable = this.write(frame);
    if (writable) this.#drainListener?.();
  }

  write(frame: Uint8Array): boolean {
    const stream = this.#stream;
    if (stream === undefined || frame.byteLength > COPIED_BYTES_MAX) return this.writeParts([frame]);
    if (!this.#open) return false;
    this.#underWay++;
    const below = stream.write(prefixed(frame.byteLength, frame), this.#handedOver);
    return below || stream.writableLength < WAITING_BYTES_HIGH;
  }

  writeParts(parts: readonly Uint8Array[]): boolean {
    if (!this.#open) return false;
    const stream = this.#stream;
    if (stream === undefined) {
      this.#early.push(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
      return false;
    }
    let size = 0;
    for (const part of parts) size += part.byteLength;
    this.#underWay++;
    stream.cork();
    const last = parts.length - 1;
    stream.write(prefixed(size));
    for (let i = 0; i < last; i++) stream.write(parts[i]);
    const below = stream.write(parts[last], this.#handedOver);
    stream.uncork();
    return below || stream.writableLength < WAITING_BYTES_HIGH;
  }

  onFrame(listener: FrameListener): void {
    const first = this.#frameListener === undefined;
    this.#frameListener = listener;
    if (first && this.#stream !== undefined) this.#listen(this.#stream);
  }

  onDrain(listener: () => void): void {
    this.#drainListener = listener;
  }

  onSent(listener: () => void): void {
    this.#sentListener = listener;
  }

  onClose(listener: (reason: string) => void): void {
    this.#closeListener = listener;
  }

  pause(): void {
    this.#paused = true;
    this.#stream?.pause();
  }

  resume(): void {
    this.#paused = false;
    const rest = this.#rest;
    if (rest !== undefined && !this.#reading) {
      this.#rest = undefined;
      this.#read(rest);
    }
    if (!this.#paused && this.#frameListener !== undefined) this.#stream?.resume();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#end();
  }

  /** It is over, and this side didn't ask for it. @param refused when it is over because of what came */
  closed(reason: string, refused?: unknown): void {
    if (!this.#open) return;
    this.#open = false;
    this.#end(refused);
    this.#closeListener?.(reason);
  }

  #listen(stream: Http2Stream): void {
    stream.on('data', (chunk: Buffer) => {
      if (this.#open) this.#read(chunk);
    });
  }

  #read(chunk: Buffer): void {
    this.#reading = true;
    try {
      this.#rest = this.#reader.read(chunk);
    } catch (error) {
      this.closed(errorMessage(error), error);
    }
    this.#reading = false;
  }
}
