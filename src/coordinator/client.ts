import {
  asTroupeError,
  backoffMs,
  type Clock,
  delay,
  type Logger,
  type NodeId,
  nullLogger,
  type Random,
  type Timer,
  TroupeError,
} from '../core/index.ts';
import { bounded } from './client/bounded.ts';
import { LeaderTracker } from './client/leader-tracker.ts';
import { CommandSender, isUntouched } from './client/sender.ts';
import { keepWatching } from './client/upstream.ts';
import { WatchHub } from './client/watch-hub.ts';
import { encodeAction, encodeQueries, isStale, readReply, repliesOf, termOf } from './codec.ts';
import type { CommandName, Commands, Queries, QueryName } from './commands.ts';
import type { Leader, WatchFrame } from './frames.ts';
import { CLIENT_LIMITS, type ClientLimits } from './limits.ts';
import type { CallKind, CallOptions, Carrier, Coordinator, Relay, WatchDelivery } from './port.ts';
import type { CoordinatorServer } from './server.ts';

/** How a client reaches the coordinators of other voters; bodies and answers are `CoordinatorServer`'s. */
export interface Voters {
  /** @throws TroupeError NODE_UNAVAILABLE, TIMEOUT, or what the voter answered */
  call(
    to: NodeId,
    kind: CallKind,
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
  /** Ids of all voters when it starts, at least one. */
  readonly voters: readonly NodeId[];
  readonly transport: Voters;
  /** The coordinator of this very node, when it votes: calls to it take no detour. */
  readonly local?: CoordinatorServer;
  /** Told when no voter that is known can be watched: all may have been replaced meanwhile. */
  readonly onLost?: () => void;
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
export class CoordinatorClient implements Coordinator, Relay, Carrier {
  readonly #options: ClientOptions;
  readonly #limits: ClientLimits;
  readonly #tracker: LeaderTracker;
  readonly #sender: CommandSender;
  readonly #hub: WatchHub;
  readonly #closing: AbortController = new AbortController();
  /** Each fires when another voter leads: calls to this one needn't be waited for, as repeating them is harmless. */
  readonly #calls: Map<NodeId, AbortController> = new Map();
  /** Fires at news of a leader: pauses end. */
  #news: AbortController = new AbortController();
  /** Fires when no leader has been known for too long, and at the end: whoever can ask another node should. */
  #patience: AbortController = new AbortController();
  #leaderless: Timer | undefined;
  #voters: readonly NodeId[];
  #local: CoordinatorServer | undefined;
  #stopLocal: (() => void) | undefined;
  /** Fires when another voter is to be watched. */
  #moving: AbortController = new AbortController();
  #watching = false;
  /** Queries and relayed calls under way. */
  #asked = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#limits = { ...CLIENT_LIMITS, ...options.limits };
    const { voters, self, local, clock, random } = options;
    this.#voters = voters;
    const first = local === undefined ? random.int(0, voters.length) : Math.max(0, voters.indexOf(self));
    this.#tracker = new LeaderTracker(voters, first);
    this.#hub = new WatchHub(options.logger ?? nullLogger);
    const deliver = (body: Uint8Array, trace: string | undefined): Promise<readonly unknown[]> =>
      this.#attempt(this.#tracker.target, 'execute', body, this.#limits.attemptMs, trace).then(repliesOf);
    this.#sender = new CommandSender(deliver, this.#tracker, clock, random, this.#limits);
    this.#tracker.onLeader((leader) => this.#leaderChanged(leader));
    this.#listenTo(local);
  }

  /** Who votes from now on, at least one. */
  set voters(voters: readonly NodeId[]) {
    this.#voters = voters;
    this.#tracker.voters = voters;
  }

  /** This node votes from now on, with this coordinator, or no longer. */
  set local(local: CoordinatorServer | undefined) {
    if (local === this.#local) return;
    this.#listenTo(local);
    this.#moving.abort();
    this.#moving = new AbortController();
  }

  async execute<N extends CommandName>(
    name: N,
    request: Commands[N]['request'],
    options: CallOptions = {},
  ): Promise<Commands[N]['reply']> {
    return (await this.carry(name, encodeAction(name, request), options)) as Commands[N]['reply'];
  }

  carry(name: CommandName, action: Uint8Array, options: CallOptions = {}): Promise<unknown> {
    const { timeoutMs = this.#limits.timeoutMs, signal, traceparent } = options;
    return this.#sender.send(name, action, timeoutMs, signal, traceparent);
  }

  async query<N extends QueryName>(
    name: N,
    request: Queries[N]['request'],
    options: CallOptions & { readonly stale?: boolean } = {},
  ): Promise<Queries[N]['reply']> {
    const { timeoutMs = this.#limits.timeoutMs, signal, traceparent } = options;
    const body = encodeQueries(options.stale ?? false, [encodeAction(name, request)]);
    const closing = this.#closing.signal;
    const end = signal === undefined ? closing : AbortSignal.any([closing, signal]);
    const [value] = repliesOf(await this.#ask('query', body, timeoutMs, traceparent, end));
    const answer = readReply(value);
    if ('refusal' in answer) throw answer.refusal;
    return answer.reply as Queries[N]['reply'];
  }

  relay(
    kind: 'write' | 'read',
    body: Uint8Array,
    timeoutMs: number,
    traceparent: string | undefined,
  ): Promise<Uint8Array> {
    return this.#ask(kind, body, timeoutMs, traceparent, isStale(body) ? this.#closing.signal : this.#patience.signal);
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
    this.#patience.abort(this.#closing.signal.reason);
    this.#stopLocal?.();
    this.#leaderless?.cancel();
    this.#sender.close();
  }

  /** Tries until a voter answers or the time is over. Only for what does no harm when it arrives twice. */
  async #ask(
    kind: Exclude<CallKind, 'execute'>,
    body: Uint8Array,
    timeoutMs: number,
    trace: string | undefined,
    end: AbortSignal,
  ): Promise<Uint8Array> {
    end.throwIfAborted();
    if (this.#asked >= this.#limits.callsInFlightMax) throw new TroupeError('OVERLOADED', 'too many calls in flight');
    const { clock } = this.#options;
    const deadline = clock.monotonic() + timeoutMs;
    this.#asked++;
    try {
      return await bounded(this.#persist(kind, body, deadline, trace, end), clock, timeoutMs, end);
    } finally {
      this.#asked--;
    }
  }

  /** The caller is told when the time is over in any case. */
  async #persist(
    kind: Exclude<CallKind, 'execute'>,
    body: Uint8Array,
    deadline: number,
    trace: string | undefined,
    end: AbortSignal,
  ): Promise<Uint8Array> {
    const { clock, random, self } = this.#options;
    const stale = kind !== 'write' && isStale(body);
    /** An earlier try that may have been carried out: no later refusal takes that back. */
    let uncertain: TroupeError | undefined;
    for (let attempt = 0; ; ) {
      const here = stale && this.#local !== undefined;
      const target = here ? self : this.#tracker.target;
      const timeoutMs = Math.max(1, Math.min(this.#limits.attemptMs, deadline - clock.monotonic()));
      try {
        return await this.#attempt(target, kind, body, timeoutMs, trace);
      } catch (thrown) {
        const error = asTroupeError(thrown, 'PROTOCOL_VIOLATION');
        if (!error.retryable || end.aborted) throw error;
        if (!isUntouched(error)) uncertain = error;
        // Whoever leads is no help to a voter that can't tell its own state: it must have a pause to get it back.
        if (!here && this.#tracker.failed(target, error)) continue;
        const policy = { minMs: this.#limits.retryMinMs, maxMs: this.#limits.retryMaxMs, jitter: 0.5 };
        // News of a leader end the pause.
        await delay(clock, backoffMs(policy, attempt++, random), this.#news.signal);
        if (end.aborted || clock.monotonic() >= deadline) throw uncertain ?? error;
      }
    }
  }

  /** One attempt at one voter. @returns its answer */
  async #attempt(
    target: NodeId,
    kind: CallKind,
    body: Uint8Array,
    timeoutMs: number,
    trace: string | undefined,
  ): Promise<Uint8Array> {
    const { self, transport, clock } = this.#options;
    const work =
      this.#local !== undefined && target === self
        ? this.#local.call(kind, body, trace)
        : transport.call(target, kind, body, timeoutMs, trace);
    const answer = await bounded(work, clock, timeoutMs, this.#callsTo(target));
    const term = termOf(answer);
    if (kind === 'execute' || kind === 'write') this.#tracker.served({ node: target, term });
    return answer;
  }

  #callsTo(target: NodeId): AbortSignal {
    const calls = this.#calls.get(target) ?? new AbortController();
    this.#calls.set(target, calls);
    return calls.signal;
  }

  #leaderChanged(leader: Leader | undefined): void {
    const { clock } = this.#options;
    if (leader === undefined) {
      this.#leaderless ??= clock.schedule(this.#limits.leaderlessMs, () =>
        this.#patience.abort(new TroupeError('NO_QUORUM', 'no leader is known here')),
      );
      return;
    }
    this.#leaderless?.cancel();
    this.#leaderless = undefined;
    if (this.#patience.signal.aborted && !this.#closing.signal.aborted) this.#patience = new AbortController();
    for (const [target, calls] of this.#calls) {
      if (target === leader.node) continue;
      this.#calls.delete(target);
      calls.abort(new TroupeError('NODE_UNAVAILABLE', `${leader.node} leads now`));
    }
    this.#news.abort();
    this.#news = new AbortController();
    this.#sender.hurry();
  }

  #startWatching(): void {
    if (this.#watching) return;
    this.#watching = true;
    const { self, transport, clock, logger, random, onLost } = this.#options;
    const first = random.next();
    void keepWatching(
      {
        open: (voter, signal) =>
          voter === self && this.#local !== undefined ? this.#local.watch(signal) : transport.watch(voter, signal),
        moving: () => this.#moving.signal,
        // Nodes begin at different voters, so that the watches are spread; a voter begins at itself. One that was removed while
        // it was away hears so from the others only.
        voters: () => {
          if (this.#local === undefined) return rotated(this.#voters, first);
          return [self, ...rotated(this.#voters, first).filter((voter) => voter !== self)];
        },
        lost: () => onLost?.(),
        clock,
        limits: this.#limits,
        logger: logger ?? nullLogger,
        hear: (frame) => this.#hear(frame),
      },
      this.#closing.signal,
    );
  }

  #listenTo(local: CoordinatorServer | undefined): void {
    this.#stopLocal?.();
    this.#local = local;
    if (local?.leader !== undefined) this.#tracker.heard(local.leader);
    this.#stopLocal = local?.onLeader((leader) => leader !== undefined && this.#tracker.heard(leader));
  }

  #hear(frame: WatchFrame): void {
    if (frame.type !== 'leader') this.#hub.deliver(frame);
    else if (frame.leader !== undefined) this.#tracker.heard(frame.leader);
  }
}

/** The same list, begun at a share of its length. */
function rotated<T>(list: readonly T[], share: number): readonly T[] {
  const first = Math.floor(share * list.length);
  return [...list.slice(first), ...list.slice(0, first)];
}
