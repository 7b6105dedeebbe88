import {
  asTroupeError,
  type Clock,
  type ErrorCode,
  errorMessage,
  invariant,
  isTroupeError,
  type Logger,
  nullLogger,
  nullTracer,
  type Timer,
  type Tracer,
  TroupeError,
  traced,
} from '../core/index.ts';
import {
  encodeAction,
  encodeAnswer,
  encodeBatch,
  encodeCommand,
  encodeRefusal,
  encodeReply,
  isStale,
  type Reach,
  readQueries,
  stampEntry,
} from './codec.ts';
import type { LedgerEvent, Queries, QueryName } from './commands.ts';
import { Feed } from './feed.ts';
import { encodeFrame, type Leader } from './frames.ts';
import type { Ledger } from './ledger/ledger.ts';
import { SERVER_LIMITS, type ServerLimits } from './limits.ts';
import type { CallKind, ReplicatedLog } from './port.ts';

/** What a voter serves to clients. */
export interface ServerOptions {
  readonly log: ReplicatedLog;
  /** The consumer of `log`. */
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly limits?: Partial<ServerLimits>;
  readonly tracer?: Tracer;
  readonly logger?: Logger;
}

const TICK: Uint8Array = encodeBatch(0, 0, [encodeCommand(0, encodeAction('clock.tick', {}))]);

const FULL: Uint8Array = encodeRefusal(new TroupeError('OVERLOADED', 'the replies to one call have grown too large'));
/** Queries that clients outside the cluster may send as they are. */
const OPEN_TO_CLIENTS: readonly string[] = ['kv.get', 'kv.list'] satisfies QueryName[];

/** What ends a member: its own trouble, which another voter doesn't have. */
const STOPPED: readonly ErrorCode[] = ['LOG_POISONED', 'DISK_FULL', 'INVARIANT_VIOLATED'];

/** What a leader owes the ledger besides commands: a stamp when something is due by logged time. Pure. */
export function tickIsDue(leading: boolean, ticking: boolean, now: number, dueAt: number): boolean {
  return leading && !ticking && now >= dueAt;
}

/**
 * The coordinator on a voter. It stamps, appends and answers batches of commands while it leads; answers queries, behind a
 * barrier or as things are when a stale answer will do; and feeds watchers.
 */
export class CoordinatorServer {
  readonly #log: ReplicatedLog;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #limits: ServerLimits;
  readonly #tracer: Tracer;
  readonly #logger: Logger;
  readonly #feed: Feed;
  readonly #listeners: Set<(leader: Leader | undefined) => void> = new Set();
  readonly #duties: Timer;
  readonly #stopRole: () => void;
  readonly #closing: AbortController = new AbortController();
  #leader: Leader | undefined;
  #calls = 0;
  #bytes = 0;
  #ticking = false;
  #barrier: Promise<number> = Promise.resolve(0);
  #nextBarrier: Promise<number> | undefined;

  constructor(options: ServerOptions) {
    this.#log = options.log;
    this.#ledger = options.ledger;
    this.#clock = options.clock;
    this.#limits = { ...SERVER_LIMITS, ...options.limits };
    this.#tracer = options.tracer ?? nullTracer;
    this.#logger = options.logger ?? nullLogger;
    this.#feed = new Feed(this.#limits, () => this.#opening());
    this.#ledger.listen({
      changed: (index, events) => this.#changed(index, events),
      replaced: () => this.#feed.reset(),
    });
    this.#leader = leaderOf(this.#log.role);
    this.#stopRole = this.#log.onRole((role) => this.#roleChanged(role));
    this.#duties = this.#clock.repeat(this.#limits.dutyPeriodMs, () => this.#tick());
  }

  /** Who leads, as far as this voter knows. */
  get leader(): Leader | undefined {
    return this.#leader;
  }

  /** Calls `listener` at each change of leader or term; returns a function that ends it. */
  onLeader(listener: (leader: Leader | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Serves a call that `CoordinatorClient` made, here or elsewhere.
   *
   * @param kind `execute` and `query`, or `write` and `read` for clients outside the cluster, whose reach is values
   * @param body a batch of commands, or queries
   * @returns term and index, then the replies one after the other; refusals are among them
   * @throws TroupeError NOT_LEADER (data.leader and data.term when known), PROPOSAL_DROPPED, NO_QUORUM, OVERLOADED,
   * MESSAGE_TOO_LARGE, SHUTTING_DOWN, PROTOCOL_VIOLATION
   */
  async call(kind: CallKind, body: Uint8Array, traceparent?: string): Promise<Uint8Array> {
    const { callsInFlightMax, callBytesInFlightMax, callBytesMax } = this.#limits;
    if (this.#closing.signal.aborted) throw new TroupeError('SHUTTING_DOWN', 'this voter is closing');
    if (body.byteLength > callBytesMax) {
      throw new TroupeError('MESSAGE_TOO_LARGE', `a call has at most ${callBytesMax} bytes`);
    }
    if (this.#calls >= callsInFlightMax || this.#bytes + body.byteLength > callBytesInFlightMax) {
      throw new TroupeError('OVERLOADED', 'too many calls in flight on this voter');
    }
    this.#calls++;
    this.#bytes += body.byteLength;
    try {
      if (kind === 'query' || kind === 'read') return await this.#query(body, kind === 'read' ? 'values' : 'all');
      return await this.#execute(body, kind === 'write' ? 'values' : 'all', traceparent);
    } catch (error) {
      if (isTroupeError(error, 'NOT_LEADER')) throw this.#notLeader();
      if (isTroupeError(error) && STOPPED.includes(error.code)) {
        throw new TroupeError('NODE_UNAVAILABLE', `this voter has stopped: ${error.message}`, { cause: error });
      }
      throw error;
    } finally {
      this.#calls--;
      this.#bytes -= body.byteLength;
    }
  }

  /** Frames of a watch: who leads, a view, then every event after it, until `signal` fires or this voter closes. */
  watch(signal: AbortSignal): AsyncIterable<Uint8Array> {
    return this.#feed.follow(AbortSignal.any([signal, this.#closing.signal]));
  }

  /** Takes nothing new and ends the watches. The log and the ledger are their owner's to close. */
  close(): void {
    this.#closing.abort();
    this.#duties.cancel();
    this.#stopRole();
  }

  async #execute(body: Uint8Array, reach: Reach, traceparent: string | undefined): Promise<Uint8Array> {
    // Who doesn't lead is refused by the log, which waits for the end of a transfer to name the next leader.
    const entry = stampEntry(Math.floor(this.#clock.now()), body, reach);
    const { index, term, reply } = await traced(this.#tracer, 'raft.propose', { parent: traceparent }, async (span) => {
      const { traceparent: parent } = span;
      const untrace = parent && this.#ledger.trace(entry, () => this.#tracer.start('ledger.apply', { parent }));
      try {
        const appended = await this.#log.append(entry);
        span.set({ 'troupe.raft.index': appended.index, 'troupe.raft.term': appended.term });
        return appended;
      } finally {
        if (untrace) untrace();
      }
    });
    invariant(reply instanceof Uint8Array, 'the ledger answers in bytes');
    return encodeAnswer(term, index, [reply]);
  }

  async #query(body: Uint8Array, reach: Reach): Promise<Uint8Array> {
    const queries = readQueries(body);
    if (!isStale(body)) await this.#passBarrier();
    let room = this.#limits.replyBytesMax;
    const replies = queries.map(([name, request]) => {
      const reply = room > 0 ? this.#answer(reach, name, request) : FULL;
      room -= reply.byteLength;
      return reply;
    });
    return encodeAnswer(this.#log.role.term, this.#ledger.appliedIndex, replies);
  }

  #answer(reach: Reach, name: string, request: unknown): Uint8Array {
    if (reach === 'values' && !OPEN_TO_CLIENTS.includes(name)) {
      return encodeRefusal(new TroupeError('INVALID_ARGUMENT', `${name} is not for clients`));
    }
    try {
      return encodeReply(this.#ledger.query(name as QueryName, request as Queries[QueryName]['request']));
    } catch (error) {
      if (isTroupeError(error, 'NODE_UNAVAILABLE')) throw error;
      return encodeRefusal(asTroupeError(error, 'INVARIANT_VIOLATED'));
    }
  }

  /** One barrier at a time; whoever comes while it runs shares the next, which starts after they came. */
  #passBarrier(): Promise<number> {
    this.#nextBarrier ??= this.#barrier
      .catch(() => 0)
      .then(() => {
        this.#nextBarrier = undefined;
        this.#barrier = this.#log.barrier();
        return this.#barrier;
      });
    return this.#nextBarrier;
  }

  #notLeader(): TroupeError {
    const { leader, term } = this.#log.role;
    const data = { term, ...(leader === undefined ? {} : { leader }) };
    return new TroupeError('NOT_LEADER', 'this voter does not lead', { data });
  }

  #tick(): void {
    const { leading } = this.#log.role;
    if (!tickIsDue(leading, this.#ticking, this.#clock.now(), this.#ledger.dueAt)) return;
    this.#ticking = true;
    this.#execute(TICK, 'all', undefined)
      // The next period tries again, here or on the next leader.
      .catch((error) => this.#logger.debug('clock tick failed', { error: errorMessage(error) }))
      .finally(() => {
        this.#ticking = false;
      });
  }

  #changed(index: number, events: readonly LedgerEvent[]): void {
    if (this.#feed.followed) this.#feed.push(encodeFrame({ type: 'events', index, events }));
  }

  #roleChanged(role: ReplicatedLog['role']): void {
    const leader = leaderOf(role);
    if (leader?.node === this.#leader?.node && leader?.term === this.#leader?.term) return;
    this.#leader = leader;
    this.#feed.push(encodeFrame({ type: 'leader', leader }));
    for (const listener of this.#listeners) listener(leader);
  }

  #opening(): readonly Uint8Array[] {
    const view = this.#ledger.query('cluster.view', {});
    return [encodeFrame({ type: 'leader', leader: this.#leader }), encodeFrame({ type: 'view', view })];
  }
}

function leaderOf({ leader, term }: ReplicatedLog['role']): Leader | undefined {
  return leader === undefined ? undefined : { node: leader, term };
}
