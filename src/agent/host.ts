import type { Commands, DecisionRecord, JobRecord } from '../coordinator/index.ts';
import type { AgentAddress } from '../core/index.ts';
import type { Budget } from '../model/index.ts';
import { type AgentDefinition, type InputOf, keepsNoMail, type OutputOf, type Protocol } from './define.ts';

/** Time limit of an ask that names none, ms. */
export const ASK_TIMEOUT_MS = 10_000;

/** How an ask may be bounded. */
export interface AskOptions {
  /** Default 10,000 ms. Asks inside a turn never outlive the turn's own deadline. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /**
   * The same id again is the same request again: a durable agent answers it once and repeats its recorded reply. By default each ask
   * has an id of its own, which the runtime's own retries share.
   */
  readonly requestId?: string;
  readonly traceparent?: string | undefined;
  /**
   * What may be spent on it. All that is left of it goes along, and what wasn't spent is back with the answer, so asks side by side
   * each need a part of their own (`budget.child(budget.part(n))`). An ask that ends without an answer counts as spent in full. Default:
   * the turn's, if it was given one.
   */
  readonly budget?: Budget | undefined;
}

/** One settled task of a job. */
export interface TaskOutcome {
  readonly task: string;
  /** Position of the item in the job, from 0. */
  readonly position: number;
  readonly ok: boolean;
  /** The reply when ok; the error in wire form otherwise. */
  readonly value: unknown;
}

/** Progress of a job: what settled since the last report, each outcome reported once. */
export interface JobProgress {
  readonly job: JobRecord;
  readonly settled: readonly TaskOutcome[];
}

/** One message to one agent, as data: the unit of a job. */
export interface WorkItem {
  readonly kind: string;
  readonly key: string;
  readonly method: string;
  readonly input: unknown;
}

/** How a job is run. */
export interface JobSpec {
  /** Items in flight at a time; default 64, at most 4,096. */
  readonly concurrency: number;
  /** Tries per item on retryable errors; default 3. */
  readonly attempts: number;
  /** Per try; default 60,000 ms. */
  readonly timeoutMs: number;
  readonly traceparent?: string | undefined;
}

/**
 * What agents and teams stand on: the same on a node (through its runtime and ledger) and in a client (through the API).
 */
export interface Host {
  /** What may be spent here; undefined where nobody has set a limit. */
  readonly budget?: Budget | undefined;
  /** A fresh id for a decision or a job; inside a turn the same again when the turn runs again. */
  freshId(): string;
  ask(address: AgentAddress, method: string, input: unknown, options?: AskOptions): Promise<unknown>;
  /** At most once; resolves when the message has left. @param requestId the same id again is the same message again */
  tell(address: AgentAddress, method: string, input: unknown, requestId?: string): Promise<void>;
  /**
   * A message that arrives, and takes effect once, whatever crashes. In a turn of an agent that has a journal it leaves with what the turn
   * does, and the promise resolves at once; elsewhere it resolves when the receiver's journal has it, and until then it can be
   * repeated under the same id.
   *
   * @param requestId outside such a turn: the same id again is the same message again
   * @throws TroupeError MAILBOX_FULL or OVERLOADED when too much is under way, MESSAGE_TOO_LARGE over SEND_BYTES_MAX, UNKNOWN_MESSAGE,
   * SCHEMA_MISMATCH, INVALID_ARGUMENT when the receiver has no journal; TIMEOUT when it is unknown whether it has it
   */
  send(address: AgentAddress, method: string, input: unknown, requestId?: string): Promise<void>;
  openDecision(
    request: Commands['decision.open']['request'],
    trace?: { readonly traceparent?: string | undefined },
  ): Promise<DecisionRecord>;
  closeDecision(id: string): Promise<DecisionRecord>;
  /** Resolves when the decision has its result. */
  decisionClosed(id: string, signal?: AbortSignal): Promise<DecisionRecord>;
  submitJob(id: string, spec: JobSpec, items: AsyncIterable<WorkItem> | Iterable<WorkItem>): Promise<JobRecord>;
  /** Ends a job that nobody wants any more. Idempotent. */
  cancelJob(id: string): Promise<JobRecord>;
  /** Reports everything settled so far, then what settles, and ends when the job is closed. */
  watchJob(id: string, signal?: AbortSignal): AsyncIterable<JobProgress>;
}

/** A typed address of one agent. It always finds the current activation. */
export interface AgentRef<P extends Protocol = Protocol> extends AgentAddress {
  ask<N extends keyof P & string>(method: N, input: InputOf<P[N]>, options?: AskOptions): Promise<OutputOf<P[N]>>;
  tell<N extends keyof P & string>(method: N, input: InputOf<P[N]>): Promise<void>;
  /**
   * Sends a message that arrives, and takes effect once, whatever crashes; see `Host.send`.
   * @param requestId outside a turn: the same id again is the same message again
   */
  send<N extends keyof P & string>(method: N, input: InputOf<P[N]>, requestId?: string): Promise<void>;
}

/** Makes the typed reference of an agent on any host. */
export function agentRef<State, P extends Protocol>(
  host: Host,
  definition: AgentDefinition<State, P>,
  key: string,
): AgentRef<P> {
  return new HostedAgent<P>(host, definition.kind, key, definition.spec.durability !== 'none');
}

/** A class, as some programs make one for each message. */
class HostedAgent<P extends Protocol> implements AgentRef<P> {
  readonly kind: string;
  readonly key: string;
  readonly #host: Host;
  readonly #keepsMail: boolean;

  constructor(host: Host, kind: string, key: string, keepsMail: boolean) {
    this.#host = host;
    this.#keepsMail = keepsMail;
    this.kind = kind;
    this.key = key;
  }

  ask<N extends keyof P & string>(method: N, input: InputOf<P[N]>, options?: AskOptions): Promise<OutputOf<P[N]>> {
    return this.#host.ask(this, method, input, options) as Promise<never>;
  }

  tell<N extends keyof P & string>(method: N, input: InputOf<P[N]>): Promise<void> {
    return this.#host.tell(this, method, input);
  }

  async send<N extends keyof P & string>(method: N, input: InputOf<P[N]>, requestId?: string): Promise<void> {
    const { kind, key } = this;
    if (!this.#keepsMail) throw keepsNoMail({ kind, key });
    return this.#host.send({ kind, key }, method, input, requestId);
  }
}
