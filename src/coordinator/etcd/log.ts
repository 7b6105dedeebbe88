import {
  delay,
  errorMessage,
  type NodeId,
  nullLogger,
  type Random,
  settlesWithin,
  TroupeError,
} from '../../core/index.ts';
import type { ReplicatedLog } from '../port.ts';
import { Applier } from './applier.ts';
import { fromValue, isPassing, type LogContext, readKeys, toValue } from './context.ts';
import { keysUnder, logKeys } from './keys.ts';
import { Leadership } from './leadership.ts';
import { ETCD_LOG_LIMITS, type EtcdLogOptions } from './options.ts';
import type { Etcd } from './port.ts';
import { LogReader } from './reader.ts';
import { Trimmer } from './trimmer.ts';
import { Writer } from './writer.ts';

/** Longest that closing waits for etcd to end the lease, ms. */
const CLOSE_MS = 1_000;

/** A log on etcd also tells when it had to stop. */
export interface EtcdLog extends ReplicatedLog {
  /** Resolves with the error when the member had to stop by itself (a damaged log, a consumer that failed). */
  readonly failed: Promise<unknown>;
  /**
   * Ends the leadership of a member whose process is dead, without waiting for its lease. Were it alive, it would lose the
   * leadership and nothing else: its writes are fenced.
   */
  depose(node: NodeId): Promise<void>;
}

/**
 * Finds the log under a prefix, or founds it when there is none.
 *
 * @returns the log's identity: another one is another log, and what was kept of the earlier one is worth nothing
 * @throws TroupeError TIMEOUT when etcd doesn't answer, INVALID_CONFIGURATION when it won't have us, DISK_FULL
 */
export async function foundEtcdLog(etcd: Etcd, prefix: string, random: Random): Promise<string> {
  const keys = logKeys(prefix);
  const fresh = random.id(20);
  const { succeeded, ranges } = await etcd.txn(
    {
      compare: [{ key: keys.identity, createRevision: 0 }],
      ops: [
        { type: 'put', key: keys.identity, value: toValue(fresh) },
        { type: 'put', key: keys.head, value: toValue('0') },
      ],
      otherwise: [{ type: 'range', key: keys.identity }],
    },
    ETCD_LOG_LIMITS.answerMs,
  );
  const found = ranges[0]?.[0];
  return succeeded || found === undefined ? fresh : fromValue(found.value);
}

/** Deletes a log. Nobody may have it open. @throws TroupeError TIMEOUT when etcd doesn't answer */
export async function eraseEtcdLog(etcd: Etcd, prefix: string): Promise<void> {
  await etcd.txn({ ops: [{ type: 'delete', ...keysUnder(prefix) }] }, ETCD_LOG_LIMITS.answerMs);
}

/**
 * Opens a member of the log at etcd: brings the consumer up to the log's present end, then follows it and stands for
 * leadership.
 *
 * @param options.etcd is closed with the log, also when opening fails
 * @throws TroupeError TIMEOUT when etcd doesn't answer, LOG_CORRUPT when log and consumer can't belong together,
 *   SNAPSHOT_CORRUPT
 *
 * @example
 * const identity = await foundEtcdLog(etcd, prefix, random);
 * const log = await openEtcdLog({ node, etcd, prefix, consumer, clock, random });
 */
export async function openEtcdLog(options: EtcdLogOptions): Promise<EtcdLog> {
  const { node, etcd, prefix, consumer, clock, random, logger = nullLogger } = options;
  const context: LogContext = {
    node,
    etcd,
    keys: logKeys(prefix),
    applier: new Applier(consumer, clock),
    clock,
    random,
    logger: logger.child({ component: 'etcd-log' }),
    limits: { ...ETCD_LOG_LIMITS, ...options.limits },
  };
  const reader = new LogReader(context);
  try {
    await reader.catchUp();
  } catch (error) {
    etcd.close();
    throw error;
  }
  return new Member(context, reader, options.compactHistory ?? true);
}

/** One member. It either follows the log or writes it, by turns (`#run`), so the consumer is fed from one side only. */
class Member implements EtcdLog {
  readonly failed: Promise<unknown>;
  readonly #context: LogContext;
  readonly #reader: LogReader;
  readonly #leadership: Leadership;
  readonly #trimmer: Trimmer;
  readonly #listeners: Set<(role: ReplicatedLog['role']) => void> = new Set();
  readonly #closing: AbortController = new AbortController();
  readonly #resolveFailed: (error: unknown) => void;
  readonly #running: Promise<void>;
  #writer: Writer | undefined;
  #announced: ReplicatedLog['role'] = { leading: false, leader: undefined, term: 0 };
  /** The turn of following, or of writing in a term, that goes on. */
  #turn: { readonly term: number | undefined; readonly end: AbortController } = {
    term: undefined,
    end: new AbortController(),
  };
  #heads: Promise<number> | undefined;
  #stopped: TroupeError | undefined;
  /** Settles when a stopped member's lease is given back. */
  #released: Promise<void> = Promise.resolve();

  constructor(context: LogContext, reader: LogReader, compactHistory: boolean) {
    this.#context = context;
    this.#reader = reader;
    this.#trimmer = new Trimmer(context, compactHistory);
    const failed = Promise.withResolvers<unknown>();
    this.failed = failed.promise;
    this.#resolveFailed = failed.resolve;
    this.#leadership = new Leadership(context, () => this.#changed());
    void this.#leadership.run().then((error) => this.#fail(error));
    this.#running = this.#run();
  }

  get role(): ReplicatedLog['role'] {
    const { holder, lastTerm, ownTerm } = this.#leadership;
    const leading = this.#writer !== undefined && this.#writer.term === ownTerm;
    // Who holds the key but doesn't serve yet, or isn't sure of its lease any more, is nobody to send calls to.
    const { node } = this.#context;
    const leader = leading ? node : holder?.node === node ? undefined : holder?.node;
    return { leading, leader, term: lastTerm };
  }

  onRole(listener: (role: ReplicatedLog['role']) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async append(data: Uint8Array): ReturnType<ReplicatedLog['append']> {
    return this.#mustLead().append(data);
  }

  async barrier(): Promise<number> {
    if (this.#stopped !== undefined) throw this.#stopped;
    // Those who ask in one turn share one question, put after all of them asked.
    this.#heads ??= Promise.resolve().then(() => {
      this.#heads = undefined;
      return this.#readHead();
    });
    const head = await this.#heads;
    if (this.#stopped !== undefined) throw this.#stopped;
    await this.#context.applier.reached(head, this.#context.limits.barrierMs);
    return head;
  }

  async transferLeadership(to?: NodeId): Promise<void> {
    const { node, clock, limits } = this.#context;
    const writer = this.#mustLead();
    if (to === node) throw new TroupeError('INVALID_ARGUMENT', `${to} can't hand over to itself`);
    const others = (await this.#leadership.members()).filter((id) => id !== node && (to === undefined || id === to));
    const [successor] = others;
    if (successor === undefined) throw new TroupeError('NO_QUORUM', `no ${to ?? 'other member'} is there to take over`);
    await writer.drain(() => this.#notLeader());
    const taken = Promise.withResolvers<void>();
    const stop = this.onRole(({ leader }) => {
      if (leader !== undefined && leader !== node) taken.resolve();
    });
    let over = false;
    try {
      await this.#leadership.cede(writer.term, successor);
      over = await settlesWithin(clock, limits.transferMs, taken.promise);
    } finally {
      stop();
      // The writer takes nothing more: the term ends, whatever became of the hand-over, and anyone may stand.
      if (!over) this.#leadership.renounce();
    }
    if (!over) throw new TroupeError('TIMEOUT', `${successor} did not take over`);
  }

  depose(node: NodeId): Promise<void> {
    return this.#leadership.depose(node);
  }

  async compact(): Promise<void> {
    await this.#trimmer.trim(this.#mustLead().term);
  }

  async close(): Promise<void> {
    this.#stop(new TroupeError('SHUTTING_DOWN', 'this member is closed'));
    await settlesWithin(this.#context.clock, CLOSE_MS, this.#released);
    this.#context.etcd.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, limits, logger } = this.#context;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const term = this.#leadership.ownTerm;
      const end = new AbortController();
      this.#turn = { term, end };
      try {
        if (term === undefined) await this.#reader.follow(end.signal);
        else await this.#lead(term, end.signal);
      } catch (error) {
        if (!isPassing(error)) return this.#fail(error);
        logger.warn('the log at etcd can not be read now', { error: errorMessage(error) });
        await delay(clock, limits.retryMs, signal);
      }
    }
  }

  /** Reads what earlier leaders wrote, which none of them can add to any more, then writes until the turn ends. */
  async #lead(term: number, signal: AbortSignal): Promise<void> {
    await this.#reader.catchUp();
    await this.#trimmer.begin();
    if (signal.aborted) return;
    this.#writer = new Writer({
      context: this.#context,
      term,
      gaveUp: (reason) => {
        this.#context.logger.warn('leadership given up', { term, reason });
        this.#endWriter();
        this.#leadership.giveUp(term);
      },
      failed: (error) => this.#fail(error),
      wrote: (entries, bytes) => this.#trimmer.wrote(entries, bytes, term),
    });
    const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    this.#announce();
    await ended;
    this.#endWriter();
  }

  #endWriter(): void {
    this.#writer?.stop(() => this.#stopped ?? this.#notLeader());
    this.#writer = undefined;
    this.#announce();
  }

  /** Who leads, or whether this member may, has changed: a turn that doesn't fit any more ends. */
  #changed(): void {
    if (this.#turn.term !== this.#leadership.ownTerm) this.#turn.end.abort();
    this.#announce();
  }

  #announce(): void {
    const { role } = this;
    const { leading, leader, term } = this.#announced;
    if (role.leading === leading && role.leader === leader && role.term === term) return;
    this.#announced = role;
    this.#context.logger.info('log role', { ...role });
    for (const listener of this.#listeners) listener(role);
  }

  async #readHead(): Promise<number> {
    const { ranges } = await readKeys(this.#context, { key: this.#context.keys.head });
    return Number(fromValue(ranges[0]?.[0]?.value ?? toValue('0')));
  }

  #mustLead(): Writer {
    if (this.#stopped !== undefined) throw this.#stopped;
    if (this.#writer === undefined || !this.role.leading) throw this.#notLeader();
    return this.#writer;
  }

  #notLeader(): TroupeError {
    const { leader } = this.role;
    const said = `${this.#context.node} does not lead`;
    return new TroupeError('NOT_LEADER', said, leader === undefined ? {} : { data: { leader } });
  }

  #fail(error: unknown): void {
    if (this.#stopped !== undefined) return;
    this.#context.logger.error('the log stopped', { error });
    this.#stop(new TroupeError('NODE_UNAVAILABLE', `the log stopped: ${errorMessage(error)}`, { cause: error }));
    this.#resolveFailed(error);
  }

  #stop(reason: TroupeError): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = reason;
    this.#closing.abort();
    this.#released = this.#leadership.close();
    this.#turn.end.abort();
    this.#endWriter();
    this.#context.applier.close(reason);
  }
}
