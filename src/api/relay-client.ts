import type { ClientDuplexStream } from '@grpc/grpc-js';
import {
  type CallOptions,
  CLIENT_LIMITS,
  type CommandName,
  CommandSender,
  type Commands,
  type Coordinator,
  encodeAction,
  type Queries,
  type QueryName,
  QuerySender,
  type Route,
  repliesOf,
} from '../coordinator/index.ts';
import { type Clock, type ErrorCode, isTroupeError, type Random, settlesWithin, TroupeError } from '../core/index.ts';
import type { RelayReply__Output } from '../wire/generated/troupe/v1/RelayReply.ts';
import type { RelayRequest } from '../wire/generated/troupe/v1/RelayRequest.ts';
import { fromErrorDetail } from '../wire/index.ts';
import { type Connected, type NodeChannel, traceMetadata } from './node-channel.ts';
import { fromStatus } from './status.ts';

/** What a node may take to answer beyond the time it was given, before it counts as hung, ms. */
const ANSWER_GRACE_MS = 500;

/** Failures that say nothing against the node that was asked. */
const STAY: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['OVERLOADED', 'PROPOSAL_DROPPED']);

type Stream = ClientDuplexStream<RelayRequest, RelayReply__Output>;

/** A stream of calls to one node. */
interface Line {
  readonly connected: Connected;
  readonly stream: Stream;
  readonly waiting: Map<number, PromiseWithResolvers<Uint8Array>>;
}

/**
 * The commands and queries about values, from outside the cluster: a session of the ledger of its own, kept over whichever node is
 * reached, the leader's if it can be. What a broken connection left open is sent again under its number, so it happens once.
 */
export class RelayClient implements Pick<Coordinator, 'execute' | 'query'> {
  readonly #channel: NodeChannel;
  readonly #clock: Clock;
  readonly #commands: CommandSender;
  readonly #queries: QuerySender;
  #line: Line | undefined;
  /** All that are open: calls may wait on one that was left for a better one. */
  readonly #open: Set<Line> = new Set();
  #lastId = 0;

  /** @param channel for these calls only: it follows the leader */
  constructor(channel: NodeChannel, clock: Clock, random: Random) {
    this.#channel = channel;
    this.#clock = clock;
    // Where to go next is the channel's affair.
    const route: Route = { target: '', failed: () => false };
    const via =
      (kind: 'write' | 'read') =>
      async (body: Uint8Array, trace: string | undefined): Promise<readonly unknown[]> =>
        repliesOf(await this.#call(kind, body, trace));
    this.#commands = new CommandSender(via('write'), route, clock, random, CLIENT_LIMITS);
    this.#queries = new QuerySender(via('read'), route, clock, random, CLIENT_LIMITS);
  }

  async execute<N extends CommandName>(
    name: N,
    request: Commands[N]['request'],
    options: CallOptions = {},
  ): Promise<Commands[N]['reply']> {
    const { timeoutMs = CLIENT_LIMITS.timeoutMs, signal, traceparent } = options;
    const action = encodeAction(name, request);
    return (await this.#commands.send(name, action, timeoutMs, signal, traceparent)) as Commands[N]['reply'];
  }

  async query<N extends QueryName>(
    name: N,
    request: Queries[N]['request'],
    options: CallOptions & { readonly stale?: boolean } = {},
  ): Promise<Queries[N]['reply']> {
    return (await this.#queries.ask(name, request, options)) as Queries[N]['reply'];
  }

  close(): void {
    this.#commands.close();
    this.#queries.close();
    for (const { stream } of this.#open) stream.cancel();
    this.#channel.close();
  }

  /**
   * One attempt. A node that finds no leader, is leaving or doesn't answer is left for another.
   *
   * @throws TroupeError what the node answered; NODE_UNAVAILABLE, TIMEOUT when nothing is known
   */
  async #call(kind: 'write' | 'read', body: Uint8Array, traceparent: string | undefined): Promise<Uint8Array> {
    const line = await this.#present();
    try {
      return await this.#ask(line, kind, body, traceparent);
    } catch (error) {
      if (!isTroupeError(error) || !STAY.has(error.code)) this.#channel.lost(line.connected);
      throw error;
    }
  }

  async #ask(
    line: Line,
    kind: 'write' | 'read',
    body: Uint8Array,
    traceparent: string | undefined,
  ): Promise<Uint8Array> {
    const timeoutMs = CLIENT_LIMITS.attemptMs;
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<Uint8Array>();
    line.waiting.set(id, answer);
    line.stream.write({ id, [kind]: body, timeoutMs, ...(traceparent === undefined ? {} : { traceparent }) });
    if (!(await settlesWithin(this.#clock, timeoutMs + ANSWER_GRACE_MS, answer.promise))) {
      this.#end(line, new TroupeError('TIMEOUT', `${line.connected.address} does not answer`));
    }
    return answer.promise;
  }

  async #present(): Promise<Line> {
    const connected = await this.#channel.get();
    if (this.#line?.connected === connected) return this.#line;
    const before = this.#line;
    const stream: Stream = connected.client.RelayValues(traceMetadata(undefined));
    const line: Line = { connected, stream, waiting: new Map() };
    this.#line = line;
    this.#open.add(line);
    stream.on('data', (reply) => this.#receive(line, reply));
    stream.on('end', () => this.#end(line, new TroupeError('NODE_UNAVAILABLE', 'the node ended the stream')));
    stream.on('error', (error) => {
      this.#channel.lost(connected);
      this.#end(line, fromStatus(error, connected.address).error);
    });
    // What waits there is still answered there.
    before?.stream.end();
    return line;
  }

  #receive(line: Line, { id = 0, outcome, result, error, leader = '' }: RelayReply__Output): void {
    if (id === 0) {
      if (outcome === 'leader' && leader !== '' && line === this.#line) void this.#channel.prefer(leader);
      return;
    }
    const answer = line.waiting.get(id);
    line.waiting.delete(id);
    if (error != null) answer?.reject(fromErrorDetail(error));
    else answer?.resolve(result ?? new Uint8Array(0));
  }

  #end(line: Line, error: TroupeError): void {
    if (this.#line === line) this.#line = undefined;
    this.#open.delete(line);
    line.stream.cancel();
    for (const { reject } of line.waiting.values()) reject(error);
    line.waiting.clear();
  }
}
