import { LEDGER_LIMITS } from '../coordinator/index.ts';
import { TroupeError } from '../core/index.ts';
import { encodePayload } from '../wire/index.ts';

/** Items of an agent's history; a further one is refused until old ones are let go. */
export const HISTORY_ITEMS_MAX: number = LEDGER_LIMITS.historyItemsMax;
/** One item, bytes encoded. */
export const HISTORY_ITEM_BYTES_MAX: number = LEDGER_LIMITS.blobBytesMax;
/** Items of a page that names no number, and the most that one may name. */
export const HISTORY_PAGE_ITEMS = 100;
export const HISTORY_PAGE_ITEMS_MAX: number = LEDGER_LIMITS.pageItemsMax;

/** Positions from `first` to before `next`. */
export interface HistoryRange {
  readonly first: number;
  readonly next: number;
}

/** A part of a history: `items[0]` is at position `from`. */
export interface HistoryItems {
  readonly from: number;
  readonly items: readonly unknown[];
}

/**
 * What an agent keeps and never writes again, e.g. what it and its model said to each other. Each turn adds what is new; the cost of that
 * doesn't grow with what is there.
 */
export interface AgentHistory extends HistoryRange {
  /**
   * Adds an item at `next`, for this turn at once, durable when the turn ends.
   *
   * @throws TroupeError OVERLOADED past HISTORY_ITEMS_MAX (past its bytes the turn fails so at its end), MESSAGE_TOO_LARGE over
   * HISTORY_ITEM_BYTES_MAX
   */
  append(item: unknown): void;
  /**
   * Items from a position on, at most `limit` (default HISTORY_PAGE_ITEMS); it may end earlier, as a page has a limit of bytes too. An empty
   * one is the end.
   *
   * @throws TroupeError INVALID_ARGUMENT; NODE_UNAVAILABLE when the store can't be reached
   */
  page(from?: number, limit?: number): Promise<HistoryItems>;
  /** Lets go all items before a position, when the turn ends. Positions stay what they are. */
  dropBefore(position: number): void;
}

/** What a turn does to its agent's history. */
export interface HistoryChange {
  readonly items: readonly Uint8Array[];
  /** Items before this position go. */
  readonly from: number | undefined;
}

/** The history as a turn that runs sees it. */
export class TurnHistory implements AgentHistory {
  readonly #kept: HistoryRange;
  readonly #read: (from: number, limit: number) => Promise<HistoryItems>;
  readonly #added: unknown[] = [];
  readonly #encoded: Uint8Array[] = [];
  #from: number | undefined;

  /** @param read gives a page of what is kept */
  constructor(kept: HistoryRange, read: (from: number, limit: number) => Promise<HistoryItems>) {
    this.#kept = kept;
    this.#read = read;
  }

  get first(): number {
    return Math.max(this.#kept.first, this.#from ?? 0);
  }

  get next(): number {
    return this.#kept.next + this.#added.length;
  }

  append(item: unknown): void {
    if (this.next - this.first >= HISTORY_ITEMS_MAX)
      throw new TroupeError('OVERLOADED', `the history has ${HISTORY_ITEMS_MAX} items; let old ones go`);
    const encoded = encodePayload(item);
    if (encoded.byteLength > HISTORY_ITEM_BYTES_MAX) {
      const data = { bytesMax: HISTORY_ITEM_BYTES_MAX };
      throw new TroupeError('MESSAGE_TOO_LARGE', `an item is over ${HISTORY_ITEM_BYTES_MAX} bytes`, { data });
    }
    this.#added.push(item);
    this.#encoded.push(encoded);
  }

  async page(from: number = this.first, limit: number = HISTORY_PAGE_ITEMS): Promise<HistoryItems> {
    if (
      !Number.isSafeInteger(from) ||
      from < 0 ||
      !Number.isSafeInteger(limit) ||
      limit < 1 ||
      limit > HISTORY_PAGE_ITEMS_MAX
    )
      throw new TroupeError(
        'INVALID_ARGUMENT',
        `a page begins at 0 or later and has 1 to ${HISTORY_PAGE_ITEMS_MAX} items`,
      );
    const { next } = this.#kept;
    const start = Math.max(this.first, from);
    const kept = start < next ? await this.#read(start, Math.min(limit, next - start)) : { from: start, items: [] };
    if (kept.from + kept.items.length < next) return kept;
    const skip = Math.max(0, start - next);
    return { from: kept.from, items: [...kept.items, ...this.#added.slice(skip, skip + limit - kept.items.length)] };
  }

  dropBefore(position: number): void {
    if (!Number.isSafeInteger(position) || position < 0)
      throw new TroupeError('INVALID_ARGUMENT', 'a position is a whole number, 0 or more');
    // What this turn has added isn't anywhere yet to be let go.
    this.#from = Math.max(this.#from ?? 0, Math.min(position, this.#kept.next));
  }

  /** What is to be kept of it; undefined when nothing changed. */
  get change(): HistoryChange | undefined {
    if (this.#encoded.length === 0 && this.#from === undefined) return undefined;
    return { items: this.#encoded, from: this.#from };
  }
}
