import type { AnyAgent, Host, WorkItem } from '../agent/index.ts';
import type { DecisionRecord, DecisionRule } from '../coordinator/index.ts';
import type { AgentAddress } from '../core/index.ts';

/** Who sits in a team: agents one by one, or `size` agents of each kind, keyed `<team>-<n>`. */
export interface TeamOptions {
  readonly members: readonly (AnyAgent | AgentAddress)[];
  /** Agents per kind; default 1. */
  readonly size?: number;
}

/** A question for the team. */
export interface DecideOptions {
  /** Same id, same decision: asking again returns the recorded result. Default: a fresh id. */
  readonly id?: string;
  readonly question: string;
  /** Allowed choices; undefined allows any. */
  readonly options?: readonly string[];
  /** What it is about; handed to each member's `vote`. */
  readonly subject?: unknown;
  /** Default `majority` (of the electors). */
  readonly rule?: DecisionRule;
  /** Non-abstaining ballots needed; default 1. */
  readonly quorum?: number;
  /** Default 10,000 ms. */
  readonly deadlineMs?: number;
  /** Close as soon as the rest can't change the result; default true. */
  readonly earlyStop?: boolean;
}

/** How a list is spread over agents. */
export interface MapOptions<T> {
  /** Same id, same job: mapping again resumes it. Default: a fresh id. */
  readonly id?: string;
  /** The message that does one item. */
  readonly perItem: (item: T, position: number) => WorkItem;
  /** Items in flight at a time; default 64. */
  readonly concurrency?: number;
  /** Tries per item on retryable errors; default 3. */
  readonly attempts?: number;
  /** Per try; default 60,000 ms. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Result of one item, in order of completion. */
export type MapResult<T, R> =
  | { readonly item: T; readonly position: number; readonly ok: true; readonly value: R }
  | { readonly item: T; readonly position: number; readonly ok: false; readonly error: Error };

/** A team of agents. */
export interface Team {
  readonly name: string;
  readonly members: readonly AgentAddress[];
  /** Puts a question to every member; the ledger commits one result. */
  decide(options: DecideOptions): Promise<DecisionRecord>;
  /** Does every item exactly once in effect, many at a time; survives any node's loss. */
  map<T, R = unknown>(items: readonly T[], options: MapOptions<T>): AsyncIterable<MapResult<T, R>>;
}

/** A function that makes a team on a host: a turn (`ctx.host`), a node or a client. */
export type MakeTeam = (host: Host, name: string, options: TeamOptions) => Team;
