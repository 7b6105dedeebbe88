import {
  asTroupeError,
  backoffMs,
  type Clock,
  type Logger,
  type NodeId,
  nullLogger,
  type Random,
  TroupeError,
} from '../core/index.ts';
import { bounded } from './client/bounded.ts';
import { LeaderTracker } from './client/leader-tracker.ts';
import { CommandSender } from './client/sender.ts';
import { keepWatching } from './client/upstream.ts';
import { WatchHub } from './client/watch-hub.ts';
import { encode, readReply } from './codec.ts';
import type { CommandName, Commands, Queries, QueryName } from './commands.ts';
import type { Leader, WatchFrame } from './frames.ts';
import { CLIENT_LIMITS, type ClientLimits } from './limits.ts';
import type { CallOptions, Coordinator, WatchDelivery } from './port.ts';
import type { CoordinatorServer } from './server.ts';

/** How a client reaches the coordinators of other voters; bodies and answers are `CoordinatorServer`'s. */
export interface Voters {
  /** @throws TroupeError NODE_UNAVAILABLE, TIMEOUT, or what the voter answered */
  call(
    to: NodeId,
    kind: 'execute' | 'query',
    body: Uint8Array,
    timeoutMs: number,
    traceparent: string | undefined,
  ): Promise<Uint8Array>;
  /** Frames of the voter's watch; fails or ends when the connection breaks. */
  watch(to: NodeId, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** How a client is made. */
export interface ClientOptions {
  readonly self: NodeId;
  /** Ids of all voters, at least one. */
  readonly voters: readonly NodeId[];
  readonly transport: Voters;
  /** The coordinator of this very node, when it votes: calls to it take no detour. */
  readonly local?: CoordinatorServer;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits?: Partial<ClientLimits>;
  readonly logger?: Logger;
}

/**
 * The coordinator as any node sees it.
 *
 * @example
 * const coordinator = new CoordinatorClient({ self: 'n4', voters: ['n1', 'n2', 'n3'], transport, clock, random });
 * const { incarnation } = await coordinator.execute('node.join', …);
 */
export class CoordinatorClient implements Coordinator {
  readonly #options: ClientOptions;
  readonly #limits: ClientLimits;
  readonly #tracker: LeaderTracker;
  readonly #sender: CommandSender;
  readonly #hub: WatchHub;
  readonly #closing: AbortController = new AbortController();
  /** Fires when another leader is known: calls to the old one needn't be waited for, as repeating them is harmless. */
  #reign: AbortController = new AbortController();
  readonly #stopLocal: (() => void) | undefined;
  #watching = false;
  #queries = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#limits = { ...CLIENT_LIMITS, ...options.limits };
    const { voters, self, local, clock, random } = options;
    const first = local === undefined ? random.int(0, voters.length) : Math.max(0, voters.indexOf(self));
    this.#tracker = new LeaderTracker(voters, first);
    this.#hub = new WatchHub(options.logger ?? nullLogger);
    const deliver = (body: Uint8Array, trace: string | undefined): Promise<readonly unknown[]> =>
      this.#call(this.#tracker.target, 'execute', body, this.#limits.attemptMs, trace);
    this.#sender = new CommandSender(deliver, this.#tracker, clock, random, this.#limits);
    this.#tracker.onLeader((leader) => {
      if (leader === undefined) return;
      this.#reign.abort(new TroupeError('NODE_UNAVAILABLE', `${leader.node} leads now`));
      this.#reign = new AbortController();
    });
    if (local?.leader !== undefined) this.#tracker.heard(local.leader);
    this.#stopLocal = local?.onLeader((leader) => leader !== undefined && this.#tracker.heard(leader));
  }

  async execute<N extends CommandName>(
    name: N,
    request: Commands[N]['request'],
    options: CallOptions = {},
  ): Promise<Commands[N]['reply']> {
    const { timeoutMs = this.#limits.timeoutMs, signal, traceparent } = options;
    return (await this.#sender.send(name, request, timeoutMs, signal, traceparent)) as Commands[N]['reply'];
  }

  async query<N extends QueryName>(
    name: N,
    request: Queries[N]['request'],
    options: CallOptions & { readonly stale?: boolean } = {},
  ): Promise<Queries[N]['reply']> {
    const { timeoutMs = this.#limits.timeoutMs, signal } = options;
    if (this.#queries >= this.#limits.callsInFlightMax)
      throw new TroupeError('OVERLOADED', 'too many queries in flight');
    this.#queries++;
    const deadline = this.#options.clock.monotonic() + timeoutMs;
    const cancelled = AbortSignal.any([this.#closing.signal, ...(signal === undefined ? [] : [signal])]);
    try {
      return (await bounded(
        this.#ask(encode([name, request, options.stale ?? false]), deadline, options, cancelled),
        this.#options.clock,
        timeoutMs,
        cancelled,
      )) as Queries[N]['reply'];
    } finally {
      this.#queries--;
    }
  }

  watch(listener: (delivery: WatchDelivery) => void): () => void {
    this.#startWatching();
    return this.#hub.add(listener);
  }

  get leader(): Leader | undefined {
    return this.#tracker.leader;
  }

  onLeader(listener: (leader: Leader | undefined) => void): () => void {
    this.#startWatching();
    return this.#tracker.onLeader(listener);
  }

  /** Fails what waits with SHUTTING_DOWN, takes nothing new and ends the watch. */
  close(): void {
    this.#closing.abort(new TroupeError('SHUTTING_DOWN', 'the coordinator is closed'));
    this.#stopLocal?.();
    this.#sender.close();
  }

  /** Tries until an answer comes or the time is over; the caller is told by then in any case. */
  async #ask(
    body: Uint8Array,
    deadline: number,
    options: CallOptions & { readonly stale?: boolean },
    end: AbortSignal,
  ): Promise<unknown> {
    const { clock, random, local, self } = this.#options;
    for (let attempt = 0; ; ) {
      const target = options.stale && local !== undefined ? self : this.#tracker.target;
      const timeoutMs = Math.max(1, Math.min(this.#limits.attemptMs, deadline - clock.monotonic()));
      try {
        const [value] = await this.#call(target, 'query', body, timeoutMs, options.traceparent);
        const answer = readReply(value);
        if ('reply' in answer) return answer.reply;
        throw new Refused(answer.refusal);
      } catch (thrown) {
        if (thrown instanceof Refused) throw thrown.error;
        const error = asTroupeError(thrown, 'PROTOCOL_VIOLATION');
        if (!error.retryable || end.aborted) throw error;
        if (this.#tracker.failed(target, error)) continue;
        const policy = { minMs: this.#limits.retryMinMs, maxMs: this.#limits.retryMaxMs, jitter: 0.5 };
        await new Promise<void>((resolve) => clock.schedule(backoffMs(policy, attempt++, random), resolve));
        if (end.aborted || clock.monotonic() >= deadline) throw error;
      }
    }
  }

  /** One attempt at one voter. @returns the replies */
  async #call(
    target: NodeId,
    kind: 'execute' | 'query',
    body: Uint8Array,
    timeoutMs: number,
    trace: string | undefined,
  ): Promise<readonly unknown[]> {
    const { local, self, transport, clock } = this.#options;
    const work =
      local !== undefined && target === self
        ? local.call(kind, body, trace)
        : transport.call(target, kind, body, timeoutMs, trace);
    const { term, replies } = CommandSender.read(await bounded(work, clock, timeoutMs, this.#reign.signal));
    if (kind === 'execute') this.#tracker.served({ node: target, term });
    return replies;
  }

  #startWatching(): void {
    if (this.#watching) return;
    this.#watching = true;
    const { local, self, voters, transport, clock, logger, random } = this.#options;
    const first = random.int(0, voters.length);
    void keepWatching(
      {
        open: (voter, signal) => (local === undefined ? transport.watch(voter, signal) : local.watch(signal)),
        voters: local === undefined ? [...voters.slice(first), ...voters.slice(0, first)] : [self],
        clock,
        limits: this.#limits,
        logger: logger ?? nullLogger,
        hear: (frame) => this.#hear(frame),
      },
      this.#closing.signal,
    );
  }

  #hear(frame: WatchFrame): void {
    if (frame.type !== 'leader') this.#hub.deliver(frame);
    else if (frame.leader !== undefined) this.#tracker.heard(frame.leader);
  }
}

/** Tells the ledger's refusal from a failure on the way, which would be tried again. */
class Refused {
  readonly error: TroupeError;

  constructor(error: TroupeError) {
    this.error = error;
  }
}
