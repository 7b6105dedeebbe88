import { asTroupeError, backoffMs, type Clock, type Random, type Timer, TroupeError } from '../../core/index.ts';
import { encodeAction, encodeBatch, encodeCommand, encodeSeq, readReply } from '../codec.ts';
import type { CommandName } from '../commands.ts';
import type { ClientLimits } from '../limits.ts';
import { Session } from './session.ts';

/** Where batches go next: a voter, or a node that passes them on. */
export interface Route {
  readonly target: string;
  /** A call to `target` failed. @returns whether it is now known whom to ask instead, so that there is no need to wait */
  failed(target: string, error: TroupeError): boolean;
}

/** Delivers one encoded batch to the route's target. @returns the replies */
export type Deliver = (batch: Uint8Array, traceparent: string | undefined) => Promise<readonly unknown[]>;

interface Pending {
  readonly name: string;
  readonly action: Uint8Array;
  readonly traceparent: string | undefined;
  /** Monotonic time at which it gives up, ms. */
  readonly deadline: number;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Set once it has its number. */
  numbered?: { readonly session: Session; readonly seq: number; readonly head: Uint8Array };
  /** It may have been applied though we haven't heard so. */
  uncertain: boolean;
  settled: boolean;
  detach?: () => void;
}

/**
 * Sends commands exactly once. Commands of one turn travel together, many batches at a time; what fails on its way is sent
 * again under the same session and number, so the ledger applies it once however often it arrives. While no leader answers, one
 * batch at a time looks for one.
 */
export class CommandSender {
  readonly #deliver: Deliver;
  readonly #route: Route;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #limits: ClientLimits;
  /** Every command that isn't settled. */
  readonly #pending: Set<Pending> = new Set();
  /** Commands with a number that must be sent again: they come first, as they hold the window. */
  readonly #again: Set<Pending> = new Set();
  readonly #fresh: Set<Pending> = new Set();
  #session: Session | undefined;
  #opening = false;
  #inFlight = 0;
  /** Failures in a row; 0 while the leader answers. */
  #failures = 0;
  #pause: Timer | undefined;
  #sweep: Timer | undefined;
  #pumping = false;
  #lastSent = 0;
  #keepAlive: Timer | undefined;
  #closed = false;

  constructor(deliver: Deliver, route: Route, clock: Clock, random: Random, limits: ClientLimits) {
    this.#deliver = deliver;
    this.#route = route;
    this.#clock = clock;
    this.#random = random;
    this.#limits = limits;
  }

  /**
   * Queues a command. @param action of `encodeAction`, kept until it is over @throws TroupeError the ledger's refusal, TIMEOUT (the outcome is unknown), NO_QUORUM (no leader took
   * it in time), SESSION_EXPIRED (the outcome is unknown), OVERLOADED, CANCELLED, SHUTTING_DOWN
   */
  send(
    name: CommandName,
    action: Uint8Array,
    timeoutMs: number,
    signal?: AbortSignal,
    trace?: string,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new TroupeError('SHUTTING_DOWN', 'the coordinator is closed'));
      if (signal?.aborted) return reject(new TroupeError('CANCELLED', 'the caller took the request back'));
      if (this.#pending.size >= this.#limits.callsInFlightMax) {
        return reject(new TroupeError('OVERLOADED', 'too many commands in flight'));
      }
      const command: Pending = {
        name,
        action,
        traceparent: trace,
        deadline: this.#clock.monotonic() + timeoutMs,
        resolve,
        reject,
        uncertain: false,
        settled: false,
      };
      if (signal !== undefined) {
        const cancel = (): void =>
          this.#fail(command, new TroupeError('CANCELLED', 'the caller took the request back'));
        signal.addEventListener('abort', cancel, { once: true });
        command.detach = () => signal.removeEventListener('abort', cancel);
      }
      this.#pending.add(command);
      this.#fresh.add(command);
      this.#sweep ??= this.#clock.repeat(this.#limits.sweepMs, () => this.#expire());
      this.#pumpSoon();
    });
  }

  /** There is reason to think that a call would succeed now: a pause ends. */
  hurry(): void {
    if (this.#pause === undefined) return;
    this.#pause.cancel();
    this.#pause = undefined;
    this.#pumpSoon();
  }

  /** Fails everything that waits with SHUTTING_DOWN. */
  close(): void {
    this.#closed = true;
    this.#keepAlive?.cancel();
    this.#pause?.cancel();
    for (const command of this.#pending)
      this.#fail(command, new TroupeError('SHUTTING_DOWN', 'the coordinator is closed'));
    this.#sweep?.cancel();
  }

  /** At the end of the turn, so that what is sent in one turn travels together. */
  #pumpSoon(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (!this.#closed && this.#pause === undefined) {
      if (this.#inFlight >= (this.#failures > 0 ? 1 : this.#limits.batchesInFlightMax)) return;
      const batch = this.#take();
      if (batch.length > 0) void this.#sendBatch(batch);
      else if (this.#fresh.size > 0 && this.#session === undefined && !this.#opening) void this.#open();
      else return;
    }
  }

  /** The next commands of one session that fit in a batch. */
  #take(): Pending[] {
    const batch: Pending[] = [];
    let bytes = 0;
    const { batchCommandsMax, batchBytesMax } = this.#limits;
    for (const queue of [this.#again, this.#fresh]) {
      for (const command of queue) {
        if (batch.length === batchCommandsMax) return batch;
        const numbered = command.numbered ?? this.#number(command);
        if (numbered === undefined) return batch;
        const session = batch[0]?.numbered?.session ?? numbered.session;
        bytes += numbered.head.byteLength + command.action.byteLength;
        if (numbered.session !== session || (batch.length > 0 && bytes > batchBytesMax)) return batch;
        queue.delete(command);
        batch.push(command);
      }
    }
    return batch;
  }

  #number(command: Pending): Pending['numbered'] {
    const session = this.#session;
    if (session === undefined || !session.room) return undefined;
    const seq = session.take();
    command.numbered = { session, seq, head: encodeSeq(seq) };
    return command.numbered;
  }

  async #sendBatch(batch: readonly Pending[]): Promise<void> {
    const session = batch[0]?.numbered?.session;
    if (session === undefined) return;
    const commands = batch.flatMap(({ numbered, action }) => (numbered === undefined ? [] : [numbered.head, action]));
    const trace = batch.find(({ traceparent }) => traceparent !== undefined)?.traceparent;
    const replies = await this.#call(encodeBatch(session.id, session.acked, commands), trace, (error) => {
      for (const command of batch) {
        if (command.settled) continue;
        if (!isUntouched(error)) command.uncertain = true;
        if (error.retryable) this.#again.add(command);
        else this.#fail(command, error);
      }
    });
    if (replies === undefined) return;
    for (const [i, command] of batch.entries()) this.#answer(command, replies[i]);
  }

  /** Calls the leader; on failure tells `failed`, and pauses unless it is known whom to ask instead. */
  async #call(
    body: Uint8Array,
    trace: string | undefined,
    failed: (error: TroupeError) => void,
  ): Promise<readonly unknown[] | undefined> {
    const { target } = this.#route;
    this.#inFlight++;
    this.#lastSent = this.#clock.monotonic();
    try {
      const replies = await this.#deliver(body, trace);
      this.#failures = 0;
      return replies;
    } catch (thrown) {
      const error = asTroupeError(thrown, 'PROTOCOL_VIOLATION');
      failed(error);
      if (!this.#route.failed(target, error)) this.#pauseFor();
      return undefined;
    } finally {
      this.#inFlight--;
      this.#pumpSoon();
    }
  }

  #pauseFor(): void {
    if (this.#pause !== undefined || this.#closed) return;
    this.#failures++;
    const policy = { minMs: this.#limits.retryMinMs, maxMs: this.#limits.retryMaxMs, jitter: 0.5 };
    this.#pause = this.#clock.schedule(backoffMs(policy, this.#failures - 1, this.#random), () => {
      this.#pause = undefined;
      this.#pump();
    });
  }

  #answer(command: Pending, value: unknown): void {
    if (command.settled) return;
    const answer = readReply(value);
    if ('reply' in answer) {
      this.#settle(command, () => command.resolve(answer.reply));
      return;
    }
    const expired = answer.refusal.code === 'SESSION_EXPIRED';
    if (expired && command.numbered?.session === this.#session) this.#session = undefined;
    if (expired && !command.uncertain) {
      // The ledger forgot us before it ever saw this command: a new session may have it.
      delete command.numbered;
      this.#fresh.add(command);
      this.#pumpSoon();
    } else this.#fail(command, answer.refusal);
  }

  async #open(): Promise<void> {
    this.#opening = true;
    const { sessionIdleMs, sessionWindow } = this.#limits;
    const open = encodeCommand(0, encodeAction('session.open', { idleMs: sessionIdleMs }));
    const replies = await this.#call(encodeBatch(0, 0, [open]), undefined, () => {});
    this.#opening = false;
    // Whoever was told to go on while this call ended found it still open.
    this.#pumpSoon();
    if (replies === undefined) return;
    const answer = readReply(replies[0]);
    if ('reply' in answer) {
      const { session } = answer.reply as { readonly session: number };
      this.#session = new Session(session, sessionWindow);
      this.#keepAlive ??= this.#clock.repeat(sessionIdleMs / 3, () => this.#keep());
    } else this.#pauseFor();
  }

  /** Says a word before the ledger forgets an idle session. */
  #keep(): void {
    const quietMs = this.#clock.monotonic() - this.#lastSent;
    if (this.#session === undefined || quietMs < this.#limits.sessionIdleMs / 3 || this.#inFlight > 0) return;
    void this.#call(encodeBatch(this.#session.id, this.#session.acked, []), undefined, () => {});
  }

  #expire(): void {
    const now = this.#clock.monotonic();
    for (const command of this.#pending) {
      if (command.deadline > now) continue;
      const queued = this.#again.has(command) || this.#fresh.has(command);
      this.#fail(
        command,
        command.uncertain || !queued
          ? new TroupeError('TIMEOUT', `no answer to ${command.name} in time; whether it was done is unknown`)
          : new TroupeError('NO_QUORUM', `no leader took ${command.name} in time`),
      );
    }
  }

  #fail(command: Pending, error: TroupeError): void {
    this.#settle(command, () => command.reject(error));
  }

  #settle(command: Pending, tell: () => void): void {
    if (command.settled) return;
    command.settled = true;
    command.detach?.();
    command.numbered?.session.finish(command.numbered.seq);
    this.#again.delete(command);
    this.#fresh.delete(command);
    this.#pending.delete(command);
    if (this.#pending.size === 0) {
      this.#sweep?.cancel();
      this.#sweep = undefined;
    } else if (this.#fresh.size > 0) this.#pumpSoon();
    tell();
  }
}

/** Whether a batch that was refused so was not even taken in. After any other failure it may have been carried out. */
export function isUntouched(error: TroupeError): boolean {
  return error.code === 'NOT_LEADER' || error.code === 'OVERLOADED';
}
