import { backoffMs, errorMessage, isTroupeError, type NodeId, TroupeError } from '../../core/index.ts';
import type { Connection } from '../port.ts';
import type { ControlContext, ControlMethod } from './context.ts';

/** What happens to a stream. */
export interface PeerStreamEvents {
  /** It is open: the first frame must hold the hello. */
  opened(): void;
  frame(bytes: Uint8Array): void;
  /** The transport takes frames again. */
  drained(): void;
  /** It couldn't be opened, or it broke. */
  closed(error: TroupeError): void;
}

/**
 * One long stream to one peer, opened when there is something to send. The address is asked for at each opening, since a
 * restarted node has new ports. After a failure the peer is left alone for a moment.
 */
export class PeerStream {
  readonly #context: ControlContext;
  readonly #to: NodeId;
  readonly #method: ControlMethod;
  readonly #events: PeerStreamEvents;
  #connection: Connection | undefined;
  #opening = false;
  #writable = false;
  #openedAtMs = 0;
  #retryAtMs = 0;
  #failures = 0;
  #closed = false;
  #lastError: TroupeError | undefined;

  constructor(context: ControlContext, to: NodeId, method: ControlMethod, events: PeerStreamEvents) {
    this.#context = context;
    this.#to = to;
    this.#method = method;
    this.#events = events;
  }

  /** Whether a frame may be written now. */
  get writable(): boolean {
    return this.#writable;
  }

  /**
   * Sees to it that the stream is open, or opens soon.
   *
   * @throws TroupeError NODE_UNAVAILABLE while the peer is left alone after a failure
   */
  open(): void {
    if (this.#connection !== undefined || this.#opening) return;
    const { clock, resolve } = this.#context;
    if (this.#closed || clock.monotonic() < this.#retryAtMs) {
      throw this.#lastError ?? this.#unavailable('this node is leaving');
    }
    this.#opening = true;
    resolve(this.#to)
      .then((address) => {
        if (!this.#opening) return;
        if (address === undefined) throw this.#unavailable('its address is not known');
        this.#adopt(this.#context.streams.dial(address, this.#method, this.#to));
      })
      .catch((error) => {
        if (this.#opening) this.#fail(isTroupeError(error) ? error : this.#unavailable(errorMessage(error), error));
      });
  }

  write(frame: Uint8Array): void {
    if (this.#connection !== undefined) this.#writable = this.#connection.write(frame);
  }

  /** Gives the stream up, as if it had broken with this error. */
  drop(error: TroupeError): void {
    this.#connection?.close();
    this.#fail(error);
  }

  /** Ends it for good. */
  close(): void {
    this.#closed = true;
    if (this.#connection !== undefined || this.#opening) this.drop(this.#unavailable('this node is leaving'));
  }

  #adopt(connection: Connection): void {
    this.#opening = false;
    this.#connection = connection;
    this.#writable = true;
    this.#openedAtMs = this.#context.clock.monotonic();
    connection.onClose((reason) => {
      if (this.#connection === connection) this.#fail(this.#unavailable(reason));
    });
    connection.onDrain(() => {
      if (this.#connection !== connection) return;
      this.#writable = true;
      this.#events.drained();
    });
    connection.onFrame((bytes) => {
      if (this.#connection === connection) this.#events.frame(bytes);
    });
    this.#events.opened();
  }

  #fail(error: TroupeError): void {
    const { clock, limits, logger, random } = this.#context;
    const now = clock.monotonic();
    // A stream that held for a while was a good one: the next try is the first again.
    if (this.#connection !== undefined && now - this.#openedAtMs > limits.redial.maxMs) this.#failures = 0;
    this.#retryAtMs = now + backoffMs(limits.redial, this.#failures++, random);
    this.#lastError = error;
    this.#connection = undefined;
    this.#opening = false;
    this.#writable = false;
    logger.debug('control stream down', { peer: this.#to, method: this.#method, error });
    this.#events.closed(error);
  }

  #unavailable(reason: string, cause?: unknown): TroupeError {
    return new TroupeError('NODE_UNAVAILABLE', `${this.#to} can't be reached: ${reason}`, { address: this.#to, cause });
  }
}
