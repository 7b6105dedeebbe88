import { Buffer } from 'node:buffer';
import { backoffMs, Deque, errorMessage, type NodeRef, nodeRefKey, type Timer, TroupeError } from '../../core/index.ts';
import { fromErrorDetail } from '../../wire/index.ts';
import type { Connection, Envelope, Lane } from '../port.ts';
import type { LinkContext } from './context.ts';
import { type DecodedFrame, FrameDecoder } from './decode.ts';
import { encodeFrame, encodePing, FrameEncoder, type Receipt } from './encode.ts';
import { ENVELOPE_COST_BYTES, type LaneLimits } from './limits.ts';
import { CAPABILITIES, LINK_PROTOCOL, otherProtocol } from './messages.ts';

/** What it is counted for, bytes. */
const costOf = ({ payload }: Envelope): number => payload.byteLength + ENVELOPE_COST_BYTES;

/**
 * The sending side of one lane to one life of a node. It keeps every envelope until the receiver has acknowledged it; a
 * new connection goes on after the last one that the receiver has.
 *
 * Held envelopes are `unacked` (sent on this connection, numbered from `acked + 1`), then `unsent`. The first unsent one
 * may be under way in pieces.
 */
export class Outbound {
  readonly #context: LinkContext;
  readonly #limits: LaneLimits;
  readonly #peer: NodeRef;
  readonly #lane: Lane;
  readonly #address: () => string;

  readonly #unacked: Deque<Envelope> = new Deque();
  readonly #unsent: Deque<Envelope> = new Deque();
  #acked = 0;
  #heldBytes = 0;
  /** Cost of everything up to the last one sent on this connection. */
  #sentBytes = 0;
  /** The last one ever sent, on whichever connection. */
  #sentMax = 0;
  /** Bytes of the first unsent payload that have gone out; undefined when it hasn't been announced. */
  #pieceAt: number | undefined;
  #credit: Receipt = { received: 0, messagesUntil: 0, bytesUntil: 0 };
  /** What all who wait for room have in common. */
  #room: PromiseWithResolvers<void> | undefined;
  #flushes: { readonly upTo: number; readonly resolve: () => void }[] = [];

  #connection: Connection | undefined;
  /** Set once the receiver has welcomed us on this connection. */
  #encoder: FrameEncoder | undefined;
  #writable = true;
  #attempt = 0;
  #failures = 0;
  #refused: string | undefined;
  #redial: Timer | undefined;
  #silentRounds = 0;
  #closed = false;
  /** A pump has been promised: at the end of this turn of the event loop, or in a microtask. */
  #pumping = false;
  /** Something was written that isn't on its way yet, so what follows waits for the turn's end, to share a frame. */
  #sending = false;
  /** The turn's end has been asked for. */
  #yielding = false;
  readonly #pumpNow = (): void => {
    this.#pumping = false;
    this.#pump();
  };
  readonly #onSent = (): void => {
    this.#sending = false;
  };
  readonly #turnOver = (): void => {
    this.#yielding = false;
    this.#sending = false;
    if (this.#pumping) this.#pumpNow();
  };

  constructor(context: LinkContext, peer: NodeRef, lane: Lane, address: () => string) {
    this.#context = context;
    this.#limits = context.limits.lanes[lane];
    this.#peer = peer;
    this.#lane = lane;
    this.#address = address;
  }

  /** How many envelopes are waiting or unacknowledged. */
  get held(): number {
    return this.#unacked.length + this.#unsent.length;
  }

  /** See `Links.send`. */
  send(envelope: Envelope): boolean {
    const { clock, limits } = this.#context;
    const bytes = envelope.payload.byteLength;
    if (bytes > this.#limits.messageBytesMax) throw this.#tooLarge(bytes, this.#limits.messageBytesMax);
    const { to, method, from, requestId, traceparent } = envelope;
    const texts =
      to.length + method.length + (from?.length ?? 0) + (requestId?.length ?? 0) + (traceparent?.length ?? 0);
    if (texts > limits.textsMax) throw this.#tooLarge(texts, limits.textsMax);
    const cost = costOf(envelope);
    if (
      this.held > 0 &&
      (this.held >= this.#limits.heldMessagesMax || this.#heldBytes + cost > this.#limits.heldBytesMax)
    ) {
      throw new TroupeError('OVERLOADED', `the ${this.#lane} lane to ${this.#peer.node} is full`, {
        address: this.#peer.node,
        data: { messages: this.held, bytes: this.#heldBytes },
      });
    }
    const dated = envelope.timeoutMs === undefined || envelope.sinceMs !== undefined;
    this.#unsent.push(dated ? envelope : { ...envelope, sinceMs: clock.monotonic() });
    this.#heldBytes += cost;
    this.#wake();
    return this.#belowHigh();
  }

  /** See `Links.writable`. */
  writable(): Promise<void> {
    if (this.#closed || this.#belowHigh()) return Promise.resolve();
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /** Resolves when everything sent before is acknowledged, or the lane is closed. */
  flushed(): Promise<void> {
    if (this.held === 0) return Promise.resolve();
    return new Promise((resolve) => this.#flushes.push({ upTo: this.#acked + this.held, resolve }));
  }

  /** Called every `pingMs`: pings a silent receiver, gives up a dead connection. */
  tick(): void {
    if (this.#connection === undefined) return;
    this.#silentRounds++;
    if (this.#silentRounds > this.#context.limits.silentRoundsMax) this.#drop('no sign of life');
    else if (this.#encoder !== undefined && this.#silentRounds > 1 && this.#writable)
      this.#write(encodePing(this.#nextSequence));
  }

  /** Ends the lane. @returns what was never acknowledged, in order */
  close(): Envelope[] {
    this.#closed = true;
    this.#redial?.cancel();
    this.#connection?.close();
    this.#connection = undefined;
    this.#encoder = undefined;
    const left = [...this.#unacked, ...this.#unsent];
    this.#unacked.clear();
    this.#unsent.clear();
    this.#heldBytes = 0;
    this.#release();
    for (const { resolve } of this.#flushes.splice(0)) resolve();
    return left;
  }

  /** Whether frames end with checksums: TLS has its own. */
  get #sealed(): boolean {
    return this.#context.transport.authenticated !== true;
  }

  /** Number of the first unsent envelope. */
  get #nextSequence(): number {
    return this.#acked + this.#unacked.length + 1;
  }

  #tooLarge(size: number, max: number): TroupeError {
    return new TroupeError('MESSAGE_TOO_LARGE', `${size} is over the ${this.#lane} lane's limit of ${max}`, {
      address: this.#peer.node,
      data: { bytes: size, bytesMax: max },
    });
  }

  #belowHigh(): boolean {
    return this.held < this.#limits.heldMessagesHigh && this.#heldBytes < this.#limits.heldBytesHigh;
  }

  #release(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  /**
   * What comes while nothing is being written leaves at the next microtask, what comes meanwhile together at the turn's end. Waiting for
   * the end of the turn has its price, and a message alone never pays it.
   */
  #wake(): void {
    if (this.#pumping) return;
    if (this.#encoder === undefined) {
      this.#dial();
      return;
    }
    this.#pumping = true;
    if (this.#sending) this.#yield();
    else queueMicrotask(this.#pumpNow);
  }

  #dial(): void {
    if (this.#closed || this.#connection !== undefined || this.#redial !== undefined) return;
    const { transport, self, clusterId } = this.#context;
    let connection: Connection;
    this.#attempt++;
    try {
      connection = transport.dial(this.#address(), this.#lane, this.#peer.node);
    } catch (error) {
      this.#drop(errorMessage(error));
      return;
    }
    const decoder = new FrameDecoder();
    this.#connection = connection;
    this.#writable = true;
    this.#silentRounds = 0;
    connection.onClose((reason) => {
      if (this.#connection === connection) this.#drop(reason);
    });
    connection.onDrain(() => {
      if (this.#connection !== connection) return;
      this.#writable = true;
      this.#pump();
    });
    connection.onSent?.(() => {
      if (this.#connection === connection) this.#onSent();
    });
    connection.onFrame((bytes) => {
      if (this.#connection !== connection) return;
      try {
        this.#receive(decoder.decode(bytes));
      } catch (error) {
        this.#context.logger.warn('link broke the protocol', { peer: nodeRefKey(this.#peer), lane: this.#lane, error });
        this.#drop('protocol violation');
      }
    });
    const hello = {
      cluster: clusterId,
      protocol: LINK_PROTOCOL,
      from: self,
      to: this.#peer,
      lane: this.#lane.toUpperCase() as 'SYSTEM' | 'USER' | 'BULK',
      capabilities: this.#sealed ? [...CAPABILITIES] : [],
      attempt: this.#attempt,
      acknowledged: this.#acked,
    };
    this.#write(encodeFrame({ hello }));
  }

  #receive(frame: DecodedFrame): void {
    this.#silentRounds = 0;
    if (frame.refusal !== undefined) {
      this.#refuse(fromErrorDetail(frame.refusal));
      return;
    }
    if (this.#encoder === undefined) {
      if (frame.welcome === undefined) throw new TroupeError('PROTOCOL_VIOLATION', 'the first frame is no welcome');
      const { protocol } = frame.welcome;
      if (protocol !== LINK_PROTOCOL) {
        this.#refuse(otherProtocol(this.#peer.node, protocol));
        return;
      }
      this.#encoder = new FrameEncoder(this.#sealed);
      this.#refused = undefined;
    }
    if (frame.receipt !== undefined) this.#acknowledge(frame.receipt);
  }

  /** Until the membership decides, the peer may yet become who we think it is; said once, not at each try. */
  #refuse(error: TroupeError): void {
    if (this.#refused !== error.message) {
      this.#refused = error.message;
      this.#context.logger.warn('link refused', { peer: nodeRefKey(this.#peer), lane: this.#lane, error });
    }
    this.#drop(error.message);
  }

  #acknowledge(receipt: Receipt): void {
    if (receipt.received > this.#sentMax || receipt.received < this.#acked) {
      const range = `${this.#acked} to ${this.#sentMax}`;
      throw new TroupeError('PROTOCOL_VIOLATION', `it acknowledges ${receipt.received}, out of ${range}`);
    }
    // The welcome may acknowledge what earlier connections sent and this one hasn't yet.
    while (this.#nextSequence <= receipt.received) this.#sent();
    // Only progress makes the next redial a quick one: a peer that welcomes us and then hangs up isn't dialled in a loop.
    if (receipt.received > this.#acked) this.#failures = 0;
    while (this.#acked < receipt.received) {
      this.#heldBytes -= costOf(this.#unacked.shift()!);
      this.#acked++;
    }
    this.#credit = receipt;
    if (this.#room !== undefined && this.#belowHigh()) this.#release();
    while (this.#flushes.length > 0 && this.#flushes[0]!.upTo <= this.#acked) this.#flushes.shift()!.resolve();
    this.#pump();
  }

  #pump(): void {
    let bytes = 0;
    while (this.#encoder !== undefined && this.#writable && this.#unsent.length > 0) {
      if (bytes >= this.#context.limits.turnBytes) {
        this.#pumpNextTurn();
        return;
      }
      if (this.#pieceAt !== undefined) {
        bytes += this.#writePiece(this.#encoder, this.#pieceAt);
        continue;
      }
      const frame = this.#nextFrame(this.#encoder);
      if (frame === undefined) return;
      bytes += frame.byteLength;
      this.#write(frame);
    }
  }

  #pumpNextTurn(): void {
    this.#pumping = true;
    this.#yield();
  }

  #yield(): void {
    if (this.#yielding) return;
    this.#yielding = true;
    this.#context.clock.yieldThen(this.#turnOver);
  }

  #nextFrame(encoder: FrameEncoder): Uint8Array | undefined {
    const { frameEnvelopesMax, frameBytes, pieceBytes } = this.#context.limits;
    let count = 0;
    let now: number | undefined;
    encoder.begin(this.#nextSequence);
    while (count < frameEnvelopesMax && encoder.length < frameBytes) {
      const held = this.#unsent.peek();
      if (held === undefined) break;
      if (this.#nextSequence > this.#credit.messagesUntil) break;
      if (this.#sentBytes >= this.#credit.bytesUntil) break;
      const bytes = held.payload.byteLength;
      if (count > 0 && encoder.length + bytes > pieceBytes) break;
      count++;
      const { timeoutMs, sinceMs = 0 } = held;
      if (timeoutMs !== undefined) now ??= this.#context.clock.monotonic();
      const left = timeoutMs === undefined || now === undefined ? undefined : timeoutMs - (now - sinceMs);
      encoder.add(held, left, bytes > pieceBytes);
      if (bytes > pieceBytes) {
        this.#pieceAt = 0;
        break;
      }
      this.#sent();
    }
    return count === 0 ? undefined : encoder.finish();
  }

  /** @returns how many bytes it wrote */
  #writePiece(encoder: FrameEncoder, from: number): number {
    const payload = this.#unsent.peek()!.payload;
    const to = Math.min(payload.byteLength, from + this.#context.limits.pieceBytes);
    this.#pieceAt = to;
    if (to === payload.byteLength) {
      this.#pieceAt = undefined;
      this.#sent();
    }
    const connection = this.#connection!;
    const parts = encoder.piece(payload.subarray(from, to));
    this.#began();
    this.#writable = connection.writeParts?.(parts) ?? connection.write(Buffer.concat(parts));
    return to - from;
  }

  /** The first unsent envelope has gone out whole. */
  #sent(): void {
    const held = this.#unsent.shift()!;
    this.#unacked.push(held);
    this.#sentBytes += costOf(held);
    this.#sentMax = Math.max(this.#sentMax, this.#nextSequence - 1);
  }

  /** Something is written now; without a word from the connection it is on its way at the end of the turn. */
  #began(): void {
    if (this.#sending) return;
    this.#sending = true;
    if (this.#connection!.onSent === undefined) this.#yield();
  }

  #write(frame: Uint8Array): void {
    this.#began();
    this.#writable = this.#connection!.write(frame);
  }

  /** The connection is over: what was sent on it counts as unsent, and while there is something to send it is dialled anew. */
  #drop(reason: string): void {
    const { clock, limits, logger, random } = this.#context;
    const wasUp = this.#encoder !== undefined;
    this.#connection?.close();
    this.#connection = undefined;
    this.#encoder = undefined;
    this.#pieceAt = undefined;
    this.#pumping = false;
    this.#sending = false;
    for (let held = this.#unacked.pop(); held !== undefined; held = this.#unacked.pop()) {
      this.#unsent.unshift(held);
      this.#sentBytes -= costOf(held);
    }
    logger.debug('link down', { peer: nodeRefKey(this.#peer), lane: this.#lane, reason, wasUp });
    if (this.#unsent.length === 0) return;
    this.#redial = clock.schedule(backoffMs(limits.redial, this.#failures++, random), () => {
      this.#redial = undefined;
      this.#dial();
    });
  }
}
