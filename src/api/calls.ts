import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  ServerDuplexStream,
  ServerReadableStream,
  ServerWritableStream,
} from '@grpc/grpc-js';
import { type Clock, isTroupeError, type Logger, sampled, TroupeError } from '../core/index.ts';
import { CALL_TIMEOUT_MS, STREAM_WORK_MAX } from './limits.ts';
import { toStatus } from './status.ts';

/** What a handler knows of its call beside the request. */
export interface CallContext {
  /** What is left of the client's deadline, ms; Infinity for a stream without one. */
  readonly timeoutMs: number;
  /** Fires when the client leaves, with CANCELLED, or when the server closes, with SHUTTING_DOWN. */
  readonly signal: AbortSignal;
  readonly traceparent: string | undefined;
}

interface AnyCall {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  getDeadline(): Date | number;
  getPath(): string;
  on(event: 'cancelled', listener: () => void): unknown;
}

/**
 * Adapts plain async functions to gRPC's handlers: deadline, cancellation and trace come in as a context, errors go out
 * with their registry code, and a stream is written no faster than its reader reads.
 */
export class Calls {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #streams: Set<AbortController> = new Set();
  readonly #unary: Set<AbortController> = new Set();
  #closing = false;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** One request, one reply. */
  unary<Q, R>(handler: (request: Q, context: CallContext) => Promise<R>): handleUnaryCall<Q, R> {
    return (call, callback) => {
      void this.#answer(call, (context) => handler(call.request, context)).then(
        (reply) => callback(null, reply),
        (error: unknown) => callback(this.#status(call, error)),
      );
    };
  }

  /** Many requests, one reply. Breaking off throws inside the handler's loop. */
  clientStream<Q, R>(
    handler: (requests: AsyncIterable<Q>, context: CallContext) => Promise<R>,
  ): handleClientStreamingCall<Q, R> {
    return (call: ServerReadableStream<Q, R>, callback) => {
      void this.#answer(call, (context) => handler(call, context)).then(
        (reply) => callback(null, reply),
        (error: unknown) => callback(this.#status(call, error)),
      );
    };
  }

  /**
   * One request, many replies. The handler's iterable ends when the signal fires.
   *
   * @param oneAtATime the next reply is asked for when the one before has left: for large ones, of which a stream would hold several
   */
  serverStream<Q, R>(
    handler: (request: Q, context: CallContext) => AsyncIterable<R>,
    oneAtATime = false,
  ): handleServerStreamingCall<Q, R> {
    return (call) => {
      const [controller, context] = this.#open(call, this.#streams, Number.POSITIVE_INFINITY);
      void this.#pump(call, handler(call.request, context), context.signal, oneAtATime)
        .then(() => context.signal.throwIfAborted())
        .then(
          () => call.end(),
          (error: unknown) => {
            // What work says when it is cut short matters less than why it was. grpc-js sends the status of an emitted
            // error; a cancelled call has nobody to tell.
            const reason: unknown = context.signal.aborted ? context.signal.reason : error;
            if (!call.cancelled) call.emit('error', this.#status(call, reason));
          },
        )
        .finally(() => this.#streams.delete(controller));
    };
  }

  /**
   * Many requests, each answered when it is done, also after the client has asked its last. With too many at work, or a reader that
   * is too slow, no more are read.
   *
   * @param open gets what sends a message of the server's own accord; its answers must not reject
   */
  duplex<Q, R>(
    open: (send: (message: R) => void, context: CallContext) => (request: Q) => Promise<R>,
  ): handleBidiStreamingCall<Q, R> {
    return (call: ServerDuplexStream<Q, R>) => {
      const [controller, context] = this.#open(call, this.#streams, Number.POSITIVE_INFINITY);
      const { signal } = context;
      let working = 0;
      let full = false;
      /** The client asks nothing more. */
      let asked = false;
      let over = false;
      const pace = (): void => {
        if (full || working >= STREAM_WORK_MAX) call.pause();
        else if (call.isPaused()) call.resume();
      };
      const send = (message: R): void => {
        if (!over) full = !call.write(message);
      };
      const end = (finish: () => void): void => {
        if (over) return;
        over = true;
        this.#streams.delete(controller);
        controller.abort(new TroupeError('CANCELLED', 'the client left'));
        finish();
      };
      const endWhenAnswered = (): void => {
        if (asked && working === 0) end(() => call.end());
      };
      const answer = open(send, context);
      call.on('data', (request: Q) => {
        working++;
        pace();
        void answer(request).then((reply) => {
          working--;
          send(reply);
          pace();
          endWhenAnswered();
        });
      });
      call.on('drain', () => {
        full = false;
        pace();
      });
      call.on('end', () => {
        asked = true;
        endWhenAnswered();
      });
      call.on('error', () => end(() => undefined));
      const onAbort = (): void =>
        end(() => {
          if (!call.cancelled) call.emit('error', this.#status(call, signal.reason));
        });
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    };
  }

  /** Ends every stream, so that its client moves to another node, and takes no more calls. */
  close(): void {
    this.#closing = true;
    for (const controller of this.#streams) controller.abort(shuttingDown());
  }

  /** Aborts unary calls too. */
  abort(): void {
    this.close();
    for (const controller of this.#unary) controller.abort(shuttingDown());
  }

  async #answer<R>(call: AnyCall, work: (context: CallContext) => Promise<R>): Promise<R> {
    if (this.#closing) throw shuttingDown();
    const [controller, context] = this.#open(call, this.#unary, CALL_TIMEOUT_MS);
    try {
      return await work(context);
    } catch (error) {
      throw context.signal.aborted ? context.signal.reason : error;
    } finally {
      this.#unary.delete(controller);
    }
  }

  #open(call: AnyCall, among: Set<AbortController>, defaultMs: number): [AbortController, CallContext] {
    const controller = new AbortController();
    among.add(controller);
    // grpc-js says so of calls that are over, too.
    call.on('cancelled', () => {
      if (among.has(controller)) controller.abort(new TroupeError('CANCELLED', 'the client left'));
    });
    if (call.cancelled) controller.abort(new TroupeError('CANCELLED', 'the client left'));
    if (this.#closing) controller.abort(shuttingDown());
    const deadline = Number(call.getDeadline());
    const timeoutMs = Number.isFinite(deadline) ? Math.max(1, deadline - this.#clock.now()) : defaultMs;
    const traceparent = call.metadata.get('traceparent')[0];
    return [
      controller,
      {
        timeoutMs,
        signal: controller.signal,
        traceparent: typeof traceparent === 'string' ? sampled(traceparent) : undefined,
      },
    ];
  }

  async #pump<Q, R>(
    call: ServerWritableStream<Q, R>,
    replies: AsyncIterable<R>,
    signal: AbortSignal,
    oneAtATime: boolean,
  ): Promise<void> {
    for await (const reply of replies) {
      if (signal.aborted) return;
      if (oneAtATime) await unlessAborted(signal, (done) => call.write(reply, done));
      else if (!call.write(reply)) await unlessAborted(signal, (done) => call.once('drain', done));
    }
  }

  #status(call: AnyCall, error: unknown): ReturnType<typeof toStatus> {
    // A defect is the operator's business as well as the caller's.
    if (isTroupeError(error, 'INVARIANT_VIOLATED')) {
      this.#logger.error('api call failed', { call: call.getPath(), error: error.message });
    }
    return toStatus(error);
  }
}

function shuttingDown(): TroupeError {
  return new TroupeError('SHUTTING_DOWN', 'this node is leaving; ask another one');
}

/** Resolves when `begin` calls its callback, or when there is nobody left to wait for. */
function unlessAborted(signal: AbortSignal, begin: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      signal.removeEventListener('abort', done);
      resolve();
    };
    signal.addEventListener('abort', done, { once: true });
    begin(done);
  });
}
