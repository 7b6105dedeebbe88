import type { Ref } from '../actor/index.ts';
import type { NodeRef } from '../core/index.ts';
import type { Envelope } from '../remote/index.ts';

/** Whoever waits for a reply. */
export interface Asker {
  readonly node: NodeRef;
  readonly correlation: number;
}

/** One message in an agent's mailbox. */
export interface Delivery {
  readonly envelope: Envelope;
  readonly requestId: string;
  /** The agent it is for. */
  readonly resident: Resident;
  /** Everyone who asked this request; a repeated request joins the one that waits. */
  readonly askers: Asker[];
  /** Monotonic time of the deadline, the last one of its askers, ms; Infinity without one. */
  deadlineAt: number;
  /** Fires when the last asker takes the request back. */
  readonly cancelled: AbortController;
  /** It is done with, whatever came of it. */
  settled: boolean;
}

/** One agent in memory. */
export interface Resident {
  readonly ref: Ref<Delivery>;
  /** Requests that wait or run, by id. */
  readonly requests: Map<string, Delivery>;
  /** Messages that wait or run. */
  open: number;
  /** The message whose turn runs, and since when, monotonic ms. */
  running: { readonly delivery: Delivery; readonly since: number } | undefined;
  /** It is being moved: a turn that runs stops before its next step. */
  stopping: boolean;
  /** The message whose turn stopped so. */
  cut: Delivery | undefined;
  /** Monotonic time since which it has had nothing to do, ms. */
  idleSince: number;
  /** It crashed too often and is left alone until this monotonic time, ms; 0 while it serves. */
  restsUntil: number;
}
