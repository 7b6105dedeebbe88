import { type NodeRef, nodeRefKey, type Timer, TroupeError } from '../../core/index.ts';
import type { Connection, Envelope, Lane } from '../port.ts';
import type { LinkContext } from './context.ts';
import type { DecodedFrame, FrameDecoder } from './decode.ts';
import { encodeFrame, encodeReceipt, type Receipt } from './encode.ts';
import { ENVELOPE_COST_BYTES, type LaneLimits } from './limits.ts';
import { CAPABILITIES, LINK_PROTOCOL } from './messages.ts';

interface Assembly {
  readonly envelope: Envelope;
  readonly payload: Uint8Array;
  filled: number;
}

/**
 * The receiving side of one lane from one life of a node. It outlives connections: what it has received it never takes
 * twice, and the dialler of the newest connection learns from it where to go on.
 */
export class Inbound {
  readonly #context: LinkContext;
  readonly #limits: LaneLimits;
  readonly #peer: NodeRef;
  readonly #lane: Lane;

  #connection: Connection | undefined;
  #attempt = 0;
  #received = 0;
  #settledMessages = 0;
  #settledBytes = 0;
  #assembly: Assembly | undefined;
  /** What the sender was told last. */
  #told: Receipt = { received: 0, messagesUntil: 0, bytesUntil: 0 };
  #writable = true;
  #delayed: Timer | undefined;
  #sinceRestBytes = 0;

  constructor(context: LinkContext, peer: NodeRef, lane: Lane) {
    this.#context = context;
    this.#limits = context.limits.lanes[lane];
    this.#peer = peer;
    this.#lane = lane;
  }

  /**
   * Goes on with a new connection, whose hello has been checked; the one before is closed.
   *
   * @param decoder has read the hello
   * @param attempt which dial of the peer this is
   * @param acknowledged what the peer believes to have been received
   * @throws TroupeError PROTOCOL_VIOLATION when a later dial came first, or the peer was told more than is true
   */
  adopt(connection: Connection, decoder: FrameDecoder, attempt: number, acknowledged: number): void {
    if (attempt <= this.#attempt) throw new TroupeError('PROTOCOL_VIOLATION', 'a later dial came first');
    if (acknowledged > this.#received) {
      throw new TroupeError('PROTOCOL_VIOLATION', `${acknowledged} messages were acknowledged, ${this.#received} came`);
    }
    this.#connection?.close();
    this.#connection = connection;
    this.#attempt = attempt;
    this.#assembly = undefined;
    this.#writable = true;
    connection.onClose(() => {
      if (this.#connection === connection) this.#connection = undefined;
    });
    connection.onDrain(() => {
      if (this.#connection !== connection) return;
      this.#writable = true;
      this.#tell();
    });
    connection.onFrame((bytes) => {
      if (this.#connection !== connection) return;
      this.#rest(connection, bytes.byteLength);
      try {
        const frame = decoder.decode(bytes);
        this.#take(frame);
        // Of a piece alone nothing stays: it was copied to where it belongs.
        return frame.envelopes.length === 0 ? 'done' : undefined;
      } catch (error) {
        this.#context.logger.warn('link broke the protocol', { peer: nodeRefKey(this.#peer), lane: this.#lane, error });
        this.close();
      }
    });
    const welcome = { protocol: LINK_PROTOCOL, capabilities: [...CAPABILITIES] };
    this.#told = this.#receipt();
    this.#writable = connection.write(encodeFrame({ welcome, receipt: this.#told }));
  }

  /** Ends the connection, not the memory of what was received. */
  close(): void {
    this.#delayed?.cancel();
    this.#delayed = undefined;
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** Reads on in the next turn, after so many bytes. */
  #rest(connection: Connection, bytes: number): void {
    this.#sinceRestBytes += bytes;
    if (this.#sinceRestBytes < this.#context.limits.turnBytes) return;
    this.#sinceRestBytes = 0;
    connection.pause();
    this.#context.clock.yieldThen(() => connection.resume());
  }

  #take(frame: DecodedFrame): void {
    const { envelopes, payloadBytes } = frame;
    if (frame.piece !== undefined) this.#addPiece(frame.piece);
    if (frame.firstSequence > this.#received + 1) {
      throw new TroupeError('PROTOCOL_VIOLATION', `${frame.firstSequence} follows ${this.#received}`);
    }
    if (envelopes.length > 0) {
      if (this.#assembly !== undefined) throw new TroupeError('PROTOCOL_VIOLATION', 'a payload lacks its last piece');
      const repeated = this.#received + 1 - frame.firstSequence;
      const whole = envelopes.length - (payloadBytes > 0 ? 1 : 0);
      for (let i = repeated; i < whole; i++) this.#deliver(envelopes[i]!);
      if (payloadBytes > 0) this.#announce(envelopes[whole]!, payloadBytes, repeated > whole);
    }
    if (frame.ping) this.#tell();
    else this.#report();
  }

  #announce(envelope: Envelope, payloadBytes: number, repeated: boolean): void {
    if (repeated) throw new TroupeError('PROTOCOL_VIOLATION', 'a payload in pieces comes again');
    if (payloadBytes > this.#limits.messageBytesMax) {
      throw new TroupeError('PROTOCOL_VIOLATION', `${payloadBytes} bytes are over the limit of the lane`);
    }
    // Not cleared first: it is handed on only when pieces have filled it.
    const payload = new Uint8Array(Buffer.allocUnsafeSlow(payloadBytes).buffer);
    this.#assembly = { envelope, payload, filled: 0 };
  }

  #addPiece(piece: Uint8Array): void {
    const assembly = this.#assembly;
    if (assembly === undefined || assembly.filled + piece.byteLength > assembly.payload.byteLength) {
      throw new TroupeError('PROTOCOL_VIOLATION', 'a piece of nothing');
    }
    assembly.payload.set(piece, assembly.filled);
    assembly.filled += piece.byteLength;
    if (assembly.filled < assembly.payload.byteLength) return;
    this.#assembly = undefined;
    this.#deliver({ ...assembly.envelope, payload: assembly.payload });
  }

  #deliver(envelope: Envelope): void {
    this.#received++;
    const cost = envelope.payload.byteLength + ENVELOPE_COST_BYTES;
    const settling = this.#context.deliver(this.#peer, this.#lane, envelope);
    if (settling === undefined) {
      this.#settledMessages++;
      this.#settledBytes += cost;
      return;
    }
    const settled = (): void => {
      this.#settledMessages++;
      this.#settledBytes += cost;
      this.#report();
    };
    settling.then(settled, settled);
  }

  #receipt(): Receipt {
    return {
      received: this.#received,
      messagesUntil: this.#settledMessages + this.#limits.creditMessages,
      bytesUntil: this.#settledBytes + this.#limits.creditBytes,
    };
  }

  /** Sends a receipt when enough has changed since the last, or soon. */
  #report(): void {
    if (this.#connection === undefined) return;
    const { receiptMessages, receiptDelayMs } = this.#context.limits;
    const { creditMessages, creditBytes } = this.#limits;
    const now =
      this.#received - this.#told.received >= receiptMessages ||
      (this.#settledMessages + creditMessages - this.#told.messagesUntil) * 4 >= creditMessages ||
      (this.#settledBytes + creditBytes - this.#told.bytesUntil) * 4 >= creditBytes;
    if (now) this.#tell();
    else {
      this.#delayed ??= this.#context.clock.schedule(receiptDelayMs, () => {
        this.#delayed = undefined;
        this.#tell();
      });
    }
  }

  #tell(): void {
    this.#delayed?.cancel();
    this.#delayed = undefined;
    // A sender that doesn't read its receipts gets the newest one when it does.
    if (this.#connection === undefined || !this.#writable) return;
    this.#told = this.#receipt();
    this.#writable = this.#connection.write(encodeReceipt(this.#told));
  }
}
