import { Pending } from '../actor/index.ts';
import { askAbove, askerOf, chainWith, sameNode } from '../cluster/index.ts';
import { agentAddressKey, type NodeRef, nodeRefKey, type TroupeError } from '../core/index.ts';
import type { Envelope } from '../remote/index.ts';
import type { Resident } from './resident.ts';

/** Whoever waits for a reply. */
export interface Asker {
  readonly node: NodeRef;
  readonly correlation: number;
}

/** Who asks, or takes an ask back, by this envelope; undefined when it is a tell. */
export function whoAsks(envelope: Envelope): Asker | undefined {
  const node = envelope.kind === 'tell' ? undefined : askerOf(envelope);
  return node === undefined ? undefined : { node, correlation: envelope.correlation };
}

/** A message whose turn asks others. */
export interface AskingTurn {
  /** The asks above one that the turn makes; undefined when nobody asked for it. */
  readonly chain?: readonly string[] | undefined;
}

/** One message in an agent's mailbox, and its turn's end. What few messages need is made when first used: very many wait at a time. */
export class Delivery extends Pending implements AskingTurn {
  readonly envelope: Envelope;
  /** The agent it is for. */
  readonly resident: Resident;
  /** Monotonic time of the deadline, the last one of its askers, ms; Infinity without one. */
  deadlineAt: number;
  /** It is done with, whatever came of it. */
  settled = false;
  /** Monotonic time since which it waits, whole ms, and its neighbours among all that wait here. */
  waitsSince = 0;
  before: Delivery | undefined;
  behind: Delivery | undefined;
  /** Everyone who asked this request; undefined while that is whoever sent the envelope. */
  #askers: Asker[] | undefined;
  #cancelled: TroupeError | undefined;
  #abort: AbortController | undefined;

  constructor(envelope: Envelope, resident: Resident, deadlineAt: number) {
    super();
    this.envelope = envelope;
    this.resident = resident;
    this.deadlineAt = deadlineAt;
  }

  get requestId(): string {
    return this.envelope.requestId as string;
  }

  /** What it carries. */
  get bytes(): number {
    return this.envelope.payload.byteLength;
  }

  /** Whoever waits for the reply. */
  get askers(): readonly Asker[] {
    if (this.#askers !== undefined) return this.#askers;
    const asker = whoAsks(this.envelope);
    return asker === undefined ? [] : [asker];
  }

  /** See `AskingTurn.chain`. */
  get chain(): readonly string[] | undefined {
    const answerer = agentAddressKey(this.resident.address);
    let chain = this.envelope.askers;
    for (const { node, correlation } of this.askers)
      chain = chainWith(chain, askAbove(nodeRefKey(node), correlation, answerer));
    return chain;
  }

  /** The same request again waits with this one. @returns false when more than `max` would */
  join(asker: Asker, max: number): boolean {
    this.#askers ??= [...this.askers];
    if (this.#askers.some((other) => sameAsker(other, asker))) return true;
    return this.#askers.length < max && this.#askers.push(asker) > 0;
  }

  /** An asker takes its request back. @returns whether nobody waits for it any more, now */
  leave(asker: Asker): boolean {
    this.#askers ??= [...this.askers];
    const at = this.#askers.findIndex((other) => sameAsker(other, asker));
    if (at < 0) return false;
    this.#askers.splice(at, 1);
    return this.#askers.length === 0;
  }

  /** Whether the last asker took the request back. */
  get cancelled(): boolean {
    return this.#cancelled !== undefined;
  }

  /** Why, if it did. */
  get cancelledBy(): TroupeError | undefined {
    return this.#cancelled;
  }

  /** Fires when the last asker takes the request back. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#cancelled !== undefined) this.#abort.abort(this.#cancelled);
    }
    return this.#abort.signal;
  }

  cancel(reason: TroupeError): void {
    this.#cancelled = reason;
    this.#abort?.abort(reason);
  }
}

function sameAsker(a: Asker, b: Asker): boolean {
  return a.correlation === b.correlation && sameNode(a.node, b.node);
}
