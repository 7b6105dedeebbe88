import {
  asTroupeError,
  type Clock,
  Deque,
  fromWireError,
  TroupeError,
  toWireError,
  type WireError,
} from '../core/index.ts';
import { decodePayload, encodePayload } from '../wire/index.ts';
import { CALLS_MAX, FRAME_BYTES_MAX, FRAMES_MAX, FRAMES_PER_TURN_MAX } from './limits.ts';

/** What crosses: short, since each is cloned. Bodies are payloads as on a link, so the same survives here as there. */
export type Frame =
  | readonly ['call', number, string, Uint8Array]
  | readonly ['note', string, Uint8Array]
  /** So many calls and notes have been taken. */
  | readonly ['taken', number]
  | readonly ['done', number, Uint8Array]
  | readonly ['failed', number, WireError]
  | readonly ['cancel', number, WireError];

/** What one end does for the other: by name, for calls and notes alike. What it gives is the answer of a call. */
export type Handlers = Readonly<Record<string, (value: unknown, signal: AbortSignal) => unknown>>;

const NEVER: AbortSignal = new AbortController().signal;

/**
 * One end of a channel between two threads: calls with answers, errors that keep their type, and cancellation; and notes
 * without an answer. Both ends are alike. Order is kept.
 *
 * Each end says, once per turn of its event loop, how much it has taken; the other sends at most FRAMES_MAX ahead of that.
 * So memory is bounded, and whoever sends more than FRAMES_PER_TURN_MAX within one turn doesn't keep to the rules: the channel
 * breaks.
 */
export class Channel {
  readonly #post: (frame: Frame) => void;
  readonly #clock: Clock;
  readonly #broken: (error: TroupeError) => void;
  readonly #decode: (body: Uint8Array) => unknown;
  #handlers: Handlers = {};
  readonly #calls: Map<number, PromiseWithResolvers<unknown>> = new Map();
  readonly #serving: Map<number, AbortController> = new Map();
  #lastCall = 0;
  #ahead = 0;
  /** What waits until the other end has taken something, in order. */
  readonly #waiting: Deque<{ readonly frame: Frame; readonly sent: PromiseWithResolvers<void> }> = new Deque();
  /** Frames that came in this turn of the event loop, and how many of them the other end waits to hear of. */
  #came = 0;
  #taken = 0;
  #closed: TroupeError | undefined;

  /**
   * @param broken hears once what the other end did that no end of ours does
   * @param decode reads what the other end sends, where that may hold more than plain values
   */
  constructor(
    post: (frame: Frame) => void,
    clock: Clock,
    broken: (error: TroupeError) => void,
    decode: (body: Uint8Array) => unknown = decodePayload,
  ) {
    this.#post = post;
    this.#clock = clock;
    this.#broken = broken;
    this.#decode = decode;
  }

  /** Says what this end serves. */
  serve(handlers: Handlers): void {
    this.#handlers = handlers;
  }

  /**
   * Calls the other end.
   * @param signal takes the call back: the other end's signal fires; its answer is waited for all the same
   * @throws TroupeError (rejects) what the handler threw; OVERLOADED, MESSAGE_TOO_LARGE; why the channel was closed
   */
  async call(name: string, value: unknown, signal?: AbortSignal): Promise<unknown> {
    const body = payload(value);
    if (this.#calls.size >= CALLS_MAX) throw new TroupeError('OVERLOADED', `${CALLS_MAX} calls are open`);
    const id = ++this.#lastCall;
    const answer = Promise.withResolvers<unknown>();
    const cancel = (): void => this.#post(['cancel', id, toWireError(asTroupeError(signal?.reason, 'CANCELLED'))]);
    this.#calls.set(id, answer);
    try {
      await this.#send(['call', id, name, body]);
      if (signal?.aborted) cancel();
      else signal?.addEventListener('abort', cancel, { once: true });
      return await answer.promise;
    } finally {
      signal?.removeEventListener('abort', cancel);
      this.#calls.delete(id);
      // When sending failed nobody waits for it.
      answer.promise.catch(() => undefined);
    }
  }

  /**
   * Tells the other end something.
   * @returns when it has left: at once, or when the other end has taken enough of the earlier ones
   * @throws TroupeError (rejects) OVERLOADED, MESSAGE_TOO_LARGE; why the channel was closed
   */
  async note(name: string, value: unknown): Promise<void> {
    await this.#send(['note', name, payload(value)]);
  }

  /** Takes what the other end has sent. */
  take(frame: Frame): void {
    if (this.#closed !== undefined) return;
    try {
      this.#take(frame);
    } catch (error) {
      this.#break(asTroupeError(error, 'PROTOCOL_VIOLATION'));
    }
  }

  /** Ends it: open calls fail with `error`, and what was being served is cancelled. */
  close(error: TroupeError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    for (const { reject } of this.#calls.values()) reject(error);
    for (const serving of this.#serving.values()) serving.abort(error);
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next.sent.reject(error);
  }

  #break(error: TroupeError): void {
    this.close(error);
    this.#broken(error);
  }

  #send(frame: Frame): Promise<void> | undefined {
    if (this.#closed !== undefined) throw this.#closed;
    if (this.#ahead < FRAMES_MAX) {
      this.#ahead++;
      this.#post(frame);
      return undefined;
    }
    if (this.#waiting.length >= CALLS_MAX) throw new TroupeError('OVERLOADED', `${CALLS_MAX} senders wait`);
    const sent = Promise.withResolvers<void>();
    this.#waiting.push({ frame, sent });
    return sent.promise;
  }

  /** The other end has taken so many: as many of those that wait may follow. */
  #advance(taken: number): void {
    this.#ahead = Math.max(0, this.#ahead - taken);
    while (this.#ahead < FRAMES_MAX) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#ahead++;
      this.#post(next.frame);
      next.sent.resolve();
    }
  }

  #take(frame: Frame): void {
    this.#count();
    switch (frame[0]) {
      case 'call':
        this.#taken++;
        this.#answer(frame[1], frame[2], frame[3]);
        return;
      case 'note':
        this.#taken++;
        this.#handler(frame[1])(this.#opened(frame[2]), NEVER);
        return;
      case 'taken':
        this.#advance(frame[1]);
        return;
      case 'done':
        this.#calls.get(frame[1])?.resolve(this.#opened(frame[2]));
        return;
      case 'failed':
        this.#calls.get(frame[1])?.reject(fromWireError(frame[2]));
        return;
      case 'cancel':
        this.#serving.get(frame[1])?.abort(fromWireError(frame[2]));
        return;
      default:
        throw new TroupeError('PROTOCOL_VIOLATION', 'the other thread sent something that is no frame');
    }
  }

  /** What is taken is told once per turn. So who keeps to the rules sends no more than this within one. */
  #count(): void {
    if (this.#came++ === 0) {
      this.#clock.yieldThen(() => {
        const taken = this.#taken;
        this.#came = 0;
        this.#taken = 0;
        if (taken > 0 && this.#closed === undefined) this.#post(['taken', taken]);
      });
    }
    if (this.#came <= FRAMES_PER_TURN_MAX && this.#serving.size <= CALLS_MAX) return;
    throw new TroupeError('PROTOCOL_VIOLATION', 'the other thread sends without waiting for what is taken');
  }

  #handler(name: string): Handlers[string] {
    const handler = Object.hasOwn(this.#handlers, name) ? this.#handlers[name] : undefined;
    if (handler === undefined) throw new TroupeError('PROTOCOL_VIOLATION', `nothing here is called "${name}"`);
    return handler;
  }

  #answer(id: number, name: string, body: Uint8Array): void {
    const handler = this.#handler(name);
    const abort = new AbortController();
    this.#serving.set(id, abort);
    const settle = (frame: () => Frame): void => {
      this.#serving.delete(id);
      if (this.#closed === undefined) this.#post(frame());
    };
    const failed = (error: unknown): void => settle(() => ['failed', id, toWireError(error)]);
    (async () => payload(await handler(this.#opened(body), abort.signal)))().then(
      (value) => settle(() => ['done', id, value]),
      failed,
    );
  }

  /** @throws TroupeError PROTOCOL_VIOLATION: whoever keeps to the rules sends nothing of that size */
  #opened(body: Uint8Array): unknown {
    if (body.byteLength <= FRAME_BYTES_MAX) return this.#decode(body);
    throw new TroupeError('PROTOCOL_VIOLATION', `the other thread sent ${body.byteLength} bytes at once`);
  }
}
/** A copy of its own: encoded bytes may lie in a pool, and posting copies the whole pool. */
function payload(value: unknown): Uint8Array {
  return new Uint8Array(encodePayload(value, FRAME_BYTES_MAX));
}
