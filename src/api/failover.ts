import type { ClientReadableStream, ClientUnaryCall } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import {
  type BackoffPolicy,
  backoffMs,
  type Clock,
  delay,
  type ErrorCode,
  Quota,
  type Random,
  TroupeError,
} from '../core/index.ts';
import type { TroupeDefinition } from '../wire/generated/troupe/v1/Troupe.ts';
import { OPEN_CALL_BYTES_MAX, OPEN_CALLS_MAX } from './limits.ts';
import { type Connected, type NodeChannel, traceMetadata } from './node-channel.ts';
import { troupeService } from './schema.ts';
import { type CallFailure, fromStatus } from './status.ts';

const RETRY: BackoffPolicy = { minMs: 20, maxMs: 500, jitter: 0.5 };

/** The node can't, but the cluster may: the same request is worth repeating. */
const REPEATABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NODE_UNAVAILABLE',
  'NODE_FENCED',
  'NOT_LEADER',
  'NOT_OWNER',
  'NO_QUORUM',
  'PROPOSAL_DROPPED',
  'SHUTTING_DOWN',
]);

/** The node that answered is cut off or leaving: another one may know better. */
const MOVE_ON: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['NODE_FENCED', 'NO_QUORUM', 'SHUTTING_DOWN']);

type Method = keyof TroupeDefinition;
/** What a method is asked. */
export type RequestOf<M extends Method> =
  TroupeDefinition[M] extends MethodDefinition<infer Q, infer _R, infer _Q, infer _P> ? Q : never;
/** What a method answers. */
export type ReplyOf<M extends Method> =
  TroupeDefinition[M] extends MethodDefinition<infer _Q, infer _R, infer _P, infer R> ? R : never;

/** How a call is bounded. */
export interface FailoverOptions {
  readonly signal?: AbortSignal | undefined;
  readonly traceparent?: string | undefined;
  /** Whether to repeat after this failure; default: when the connection broke, or the cluster may do what the node can't. */
  readonly again?: (failure: CallFailure) => boolean;
}

/** How a call with one reply is bounded. */
export interface CallLimits extends FailoverOptions {
  /** All tries together, ms. */
  readonly timeoutMs: number;
}

/** A failure after which nothing was carried out, or repeating does no harm. */
export function isRepeatable({ error, answered }: CallFailure): boolean {
  return !answered || REPEATABLE.has(error.code);
}

/** Calls that go on with another node when theirs is lost, until their time is over. */
export class Failover {
  readonly #channel: NodeChannel;
  readonly #clock: Clock;
  readonly #random: Random;
  /** Calls and streams that aren't over, with what they send. */
  readonly #quota: Quota = new Quota('calls of this client are open', {
    countMax: OPEN_CALLS_MAX,
    bytesMax: OPEN_CALL_BYTES_MAX,
  });
  readonly #unavailableMs: number;

  /** @param unavailableMs how long no node at all may be reachable before calls and streams give up, ms */
  constructor(channel: NodeChannel, clock: Clock, random: Random, unavailableMs: number) {
    this.#unavailableMs = unavailableMs;
    this.#channel = channel;
    this.#clock = clock;
    this.#random = random;
  }

  /** One request, one reply. @throws TroupeError OVERLOADED when too much is open already, and as `attempt` */
  call<M extends Method>(method: M, request: RequestOf<M>, options: CallLimits): Promise<ReplyOf<M>> {
    return this.attempt(
      (connected, remainingMs) => this.#unary(connected, method, request, remainingMs, options),
      options,
      payloadBytes(request),
    );
  }

  /**
   * Runs `work` on a connection, and again on the next one while that may help.
   *
   * @param bytes what `work` keeps meanwhile
   * @throws TroupeError what the node answered; CANCELLED; TIMEOUT when the time is over and the outcome is unknown;
   *   NODE_UNAVAILABLE when it is over and no node was ever reached; OVERLOADED when too much is open already
   */
  async attempt<R>(
    work: (connected: Connected, remainingMs: number) => Promise<R>,
    limits: CallLimits,
    bytes = 0,
  ): Promise<R> {
    this.#quota.enter(bytes);
    try {
      return await this.#attempt(work, limits);
    } finally {
      this.#quota.leave(bytes);
    }
  }

  async #attempt<R>(
    work: (connected: Connected, remainingMs: number) => Promise<R>,
    { timeoutMs, signal, again = isRepeatable }: CallLimits,
  ): Promise<R> {
    const start = this.#clock.monotonic();
    const deadline = start + timeoutMs;
    let seen = start;
    let reached = false;
    for (let attempt = 0; ; attempt++) {
      if (signal?.aborted) throw cancelled();
      let connected: Connected | undefined;
      let failure: CallFailure;
      try {
        connected = await this.#channel.get();
        if (signal?.aborted) throw cancelled();
        reached = true;
        seen = Number.POSITIVE_INFINITY;
        return await work(connected, Math.max(1, deadline - this.#clock.monotonic()));
      } catch (error) {
        failure = fromStatus(error, connected?.address ?? '');
      }
      if (signal?.aborted) throw cancelled();
      // Nothing was sent when no connection was found: trying again is safe whatever the request.
      const repeat = connected === undefined ? failure.error.code === 'NODE_UNAVAILABLE' : again(failure);
      if (!repeat) throw failure.error;
      const now = this.#clock.monotonic();
      if (connected !== undefined) this.#moveOn(connected, failure);
      seen = Math.min(seen, now);
      const waitMs = backoffMs(RETRY, attempt, this.#random);
      if (now + waitMs >= Math.min(deadline, seen + this.#unavailableMs)) {
        if (!reached || failure.answered) throw failure.error;
        throw new TroupeError('TIMEOUT', `no answer in ${timeoutMs} ms; last: ${failure.error.message}`, {
          cause: failure.error,
          ...(failure.error.address === undefined ? {} : { address: failure.error.address }),
        });
      }
      await delay(this.#clock, waitMs, signal);
    }
  }

  /**
   * Follows a stream across nodes until the server ends it. Each time it is opened `request` is asked anew, so it can
   * say where to go on.
   *
   * @throws TroupeError what the node answered; CANCELLED; SHUTTING_DOWN when the channel is closed; NODE_UNAVAILABLE when broken for
   *   longer than `unavailableMs`; OVERLOADED when too much is open already
   */
  async *follow<M extends Method>(
    method: M,
    request: () => RequestOf<M>,
    options: FailoverOptions,
  ): AsyncGenerator<ReplyOf<M>> {
    this.#quota.enter(0);
    try {
      yield* this.#follow(method, request, options);
    } finally {
      this.#quota.leave(0);
    }
  }

  async *#follow<M extends Method>(
    method: M,
    request: () => RequestOf<M>,
    { signal, traceparent, again = isRepeatable }: FailoverOptions,
  ): AsyncGenerator<ReplyOf<M>> {
    const { closed } = this.#channel;
    const over = signal === undefined ? closed : AbortSignal.any([signal, closed]);
    const throwIfOver = (): void => {
      if (signal?.aborted) throw cancelled();
      this.#channel.throwIfClosed();
    };
    let brokenSince: number | undefined;
    for (let attempt = 0; ; attempt++) {
      throwIfOver();
      let connected: Connected | undefined;
      let failure: CallFailure;
      try {
        connected = await this.#channel.get();
        throwIfOver();
        for await (const message of this.#open(connected, method, request(), over, traceparent)) {
          brokenSince = undefined;
          attempt = 0;
          yield message;
        }
        return;
      } catch (error) {
        failure = fromStatus(error, connected?.address ?? '');
      }
      throwIfOver();
      if (!again(failure)) throw failure.error;
      if (connected !== undefined) this.#moveOn(connected, failure);
      brokenSince ??= this.#clock.monotonic();
      if (this.#clock.monotonic() - brokenSince > this.#unavailableMs) throw failure.error;
      await delay(this.#clock, backoffMs(RETRY, attempt, this.#random), over);
    }
  }

  #moveOn(connected: Connected, { error, answered }: CallFailure): void {
    if (!answered || MOVE_ON.has(error.code)) this.#channel.lost(connected);
  }

  #unary<M extends Method>(
    { client }: Connected,
    method: M,
    request: RequestOf<M>,
    remainingMs: number,
    { signal, traceparent }: FailoverOptions,
  ): Promise<ReplyOf<M>> {
    const { path, requestSerialize, responseDeserialize } = definitionOf(method);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => call.cancel();
      const deadline = this.#clock.now() + remainingMs;
      const call: ClientUnaryCall = client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        traceMetadata(traceparent),
        { deadline },
        (error, reply) => {
          signal?.removeEventListener('abort', onAbort);
          if (error === null) resolve(reply as ReplyOf<M>);
          else reject(error);
        },
      );
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  async *#open<M extends Method>(
    { client }: Connected,
    method: M,
    request: RequestOf<M>,
    over: AbortSignal,
    traceparent: string | undefined,
  ): AsyncGenerator<ReplyOf<M>> {
    const { path, requestSerialize, responseDeserialize } = definitionOf(method);
    const stream: ClientReadableStream<ReplyOf<M>> = client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      traceMetadata(traceparent),
    );
    const onAbort = (): void => stream.cancel();
    over.addEventListener('abort', onAbort, { once: true });
    // Once the loop is left nobody else listens, and the end of a cancelled stream is an error event.
    stream.on('error', () => undefined);
    try {
      yield* stream;
    } finally {
      over.removeEventListener('abort', onAbort);
      stream.cancel();
    }
  }
}

/** What of a request its caller made large. */
function payloadBytes(request: unknown): number {
  const { payload } = request as { readonly payload?: unknown };
  return payload instanceof Uint8Array ? payload.byteLength : 0;
}

/** The codec of a method; its messages are those of `RequestOf` and `ReplyOf`. */
interface Codec<M extends Method> {
  readonly path: string;
  readonly requestSerialize: (request: RequestOf<M>) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => ReplyOf<M>;
}

function definitionOf<M extends Method>(method: M): Codec<M> {
  return troupeService[method] as unknown as Codec<M>;
}

function cancelled(): TroupeError {
  return new TroupeError('CANCELLED', 'the caller took the request back');
}
