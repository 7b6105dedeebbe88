import { type Logger, nullLogger, TroupeError, toWireError } from '../core/index.ts';
import { WatchHub } from './client/watch-hub.ts';
import { concat, decodeAll, encode, encodeAction, readReply } from './codec.ts';
import type { CommandName, Commands, Queries, QueryName } from './commands.ts';
import type { Leader } from './frames.ts';
import { CHANNEL_CALLS_MAX } from './limits.ts';
import type { CallOptions, Carrier, Coordinator, Relay, WatchDelivery } from './port.ts';

/** A pair of ends that carry values to each other in order: a MessagePort, or `inlineChannel`. */
export interface ChannelPort {
  /** @param transfer buffers that the other end takes over */
  postMessage(value: unknown, transfer?: readonly ArrayBuffer[]): void;
  on(event: 'message', listener: (value: unknown) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
}

/** Options of a call. What nobody can take back, as most calls, needs no signal at the other end. */
type Given = readonly [
  cancellable: boolean,
  timeoutMs: number | undefined,
  traceparent: string | undefined,
  stale: boolean,
];

type ToControl =
  | readonly ['execute', number, CommandName, action: Uint8Array, Given]
  | readonly ['query', number, QueryName, Queries[QueryName]['request'], Given]
  | readonly ['relay', number, 'write' | 'read', Uint8Array, number, string?]
  | readonly ['cancel', number]
  | readonly ['watch'];

type ToMain =
  | readonly ['reply', number, readonly [number, unknown]]
  | readonly ['delivery', WatchDelivery]
  | readonly ['leader', Leader | undefined];

/**
 * Sends values as bytes, those of one turn in one message: a message costs far more than a value, and a byte array inside
 * another would drag its whole buffer along.
 */
class Outbox<T> {
  readonly #port: ChannelPort;
  #parts: Uint8Array[] = [];

  constructor(port: ChannelPort) {
    this.#port = port;
  }

  push(value: T): void {
    if (this.#parts.push(encode(value)) > 1) return;
    queueMicrotask(() => {
      // A copy of its own, to give away: encoded bytes may lie in a pool.
      const message = concat(this.#parts);
      this.#parts = [];
      this.#port.postMessage(message, [message.buffer]);
    });
  }
}

function receive<T>(port: ChannelPort, handle: (value: T) => void): void {
  port.on('message', (message) => {
    if (!(message instanceof Uint8Array)) throw new TroupeError('PROTOCOL_VIOLATION', 'the channel carries bytes');
    for (const value of decodeAll(message) as readonly T[]) handle(value);
  });
}

/**
 * Serves a coordinator (control thread) to the other end (main thread).
 *
 * @returns what ends it; calls under way that can be taken back are cancelled
 */
export function serveCoordinator(coordinator: Coordinator & Relay & Carrier, port: ChannelPort): () => void {
  const outbox = new Outbox<ToMain>(port);
  const calls = new Map<number, AbortController>();
  const stops: (() => void)[] = [coordinator.onLeader((leader) => outbox.push(['leader', leader]))];
  outbox.push(['leader', coordinator.leader]);

  const answer = (id: number, work: Promise<unknown>): Promise<void> =>
    work.then(
      (reply) => outbox.push(['reply', id, [0, reply]]),
      (error) => outbox.push(['reply', id, [1, toWireError(error)]]),
    );
  const answerUnlessCancelled = (
    id: number,
    [cancellable, timeoutMs, traceparent]: Given,
    work: (options: CallOptions) => Promise<unknown>,
  ): void => {
    const options = { ...(timeoutMs === undefined ? {} : { timeoutMs }), traceparent };
    if (!cancellable) {
      void answer(id, work(options));
      return;
    }
    const controller = new AbortController();
    calls.set(id, controller);
    void answer(id, work({ ...options, signal: controller.signal })).finally(() => calls.delete(id));
  };
  receive<ToControl>(port, (message) => {
    if (message[0] === 'cancel') calls.get(message[1])?.abort();
    else if (message[0] === 'watch') {
      stops.push(coordinator.watch((delivery) => outbox.push(['delivery', delivery])));
    } else if (message[0] === 'relay') {
      const [, id, kind, body, timeoutMs, traceparent] = message;
      void answer(id, coordinator.relay(kind, body, timeoutMs, traceparent));
    } else if (message[0] === 'execute') {
      const [, id, name, action, given] = message;
      answerUnlessCancelled(id, given, (options) => coordinator.carry(name, action, options));
    } else {
      const [, id, name, request, given] = message;
      const stale = given[3];
      answerUnlessCancelled(id, given, (options) => coordinator.query(name, request, { ...options, stale }));
    }
  });
  return () => {
    for (const stop of stops.splice(0)) stop();
    for (const controller of calls.values()) controller.abort();
  };
}

/** The coordinator at the other end of a channel. When the channel closes, all fails with SHUTTING_DOWN. */
export function connectCoordinator(port: ChannelPort, logger: Logger = nullLogger): Coordinator & Relay {
  return new ChannelCoordinator(port, logger);
}

class ChannelCoordinator implements Coordinator, Relay {
  readonly #outbox: Outbox<ToControl>;
  readonly #hub: WatchHub;
  readonly #calls: Map<number, PromiseWithResolvers<unknown>> = new Map();
  readonly #leaderListeners: Set<(leader: Leader | undefined) => void> = new Set();
  #leader: Leader | undefined;
  #lastId = 0;
  #watching = false;
  #closed = false;

  constructor(port: ChannelPort, logger: Logger) {
    this.#outbox = new Outbox(port);
    this.#hub = new WatchHub(logger);
    receive<ToMain>(port, (message) => this.#receive(message));
    port.on('close', () => this.#close());
  }

  async execute<N extends CommandName>(
    name: N,
    request: Commands[N]['request'],
    options: CallOptions = {},
  ): Promise<Commands[N]['reply']> {
    const action = encodeAction(name, request);
    const reply = this.#call(options, (id) => ['execute', id, name, action, given(options)]);
    return (await reply) as Commands[N]['reply'];
  }

  async query<N extends QueryName>(
    name: N,
    request: Queries[N]['request'],
    options: CallOptions & { readonly stale?: boolean } = {},
  ): Promise<Queries[N]['reply']> {
    const reply = this.#call(options, (id) => ['query', id, name, request, given(options)]);
    return (await reply) as Queries[N]['reply'];
  }

  async relay(
    kind: 'write' | 'read',
    body: Uint8Array,
    timeoutMs: number,
    traceparent: string | undefined,
  ): Promise<Uint8Array> {
    return (await this.#call({}, (id) => ['relay', id, kind, body, timeoutMs, traceparent])) as Uint8Array;
  }

  watch(listener: (delivery: WatchDelivery) => void): () => void {
    if (!this.#watching) {
      this.#watching = true;
      this.#outbox.push(['watch']);
    }
    return this.#hub.add(listener);
  }

  get leader(): Leader | undefined {
    return this.#leader;
  }

  onLeader(listener: (leader: Leader | undefined) => void): () => void {
    this.#leaderListeners.add(listener);
    return () => this.#leaderListeners.delete(listener);
  }

  async #call({ signal }: CallOptions, message: (id: number) => ToControl): Promise<unknown> {
    if (this.#closed) throw new TroupeError('SHUTTING_DOWN', 'the control thread is gone');
    if (signal?.aborted) throw new TroupeError('CANCELLED', 'the caller took the request back');
    if (this.#calls.size >= CHANNEL_CALLS_MAX) throw new TroupeError('OVERLOADED', 'too many calls in flight');
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<unknown>();
    this.#outbox.push(message(id));
    this.#calls.set(id, waiting);
    const cancel = (): void => this.#outbox.push(['cancel', id]);
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      return await waiting.promise;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  #receive(message: ToMain): void {
    if (message[0] === 'delivery') this.#hub.deliver(message[1]);
    else if (message[0] === 'leader') {
      this.#leader = message[1];
      for (const listener of this.#leaderListeners) listener(message[1]);
    } else {
      const [, id, outcome] = message;
      const waiting = this.#calls.get(id);
      this.#calls.delete(id);
      const answer = readReply(outcome);
      if ('reply' in answer) waiting?.resolve(answer.reply);
      else waiting?.reject(answer.refusal);
    }
  }

  #close(): void {
    this.#closed = true;
    for (const waiting of this.#calls.values()) {
      waiting.reject(new TroupeError('SHUTTING_DOWN', 'the control thread is gone'));
    }
    this.#calls.clear();
  }
}

function given({ signal, timeoutMs, traceparent, stale }: CallOptions & { readonly stale?: boolean }): Given {
  return [signal !== undefined, timeoutMs, traceparent, stale ?? false];
}
