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
  /** Everyone who asked this request; a repeated request joins the one that waits. */
  readonly askers: Asker[];
  /** Monotonic time of the deadline, ms; Infinity without one. */
  readonly deadlineAt: number;
  /** Fires when the asker takes the request back. */
  readonly cancelled: AbortController;
}
