import type { Notice } from './source.ts';

/** What standing notices ask of a node. */
export type Wish =
  | { readonly state: 'up' }
  | { readonly state: 'cordoned'; readonly reason: string }
  /** @property byMs monotonic time at which the machine is gone */
  | { readonly state: 'draining'; readonly reason: string; readonly byMs: number };

/** What one word of a source changed. */
export interface BoardChange {
  /** Notices that weren't there before, or that have become final. */
  readonly fresh: readonly Notice[];
  /** Notices that no longer stand. */
  readonly cancelled: readonly Notice[];
  readonly wish: Wish;
}

/**
 * All notices of all sources, and what they ask for together: a final one drains, for good, as a machine that was half
 * emptied isn't worth keeping; else an advisory one cordons; else the node is up. Pure.
 */
export class NoticeBoard {
  readonly #standing: Map<string, ReadonlyMap<string, Notice>> = new Map();
  #draining: Wish | undefined;

  /**
   * Takes all that a source says now.
   *
   * @param nowMs monotonic time, ms
   */
  tell(source: string, notices: readonly Notice[], nowMs: number): BoardChange {
    const before = this.#standing.get(source) ?? new Map<string, Notice>();
    const now = new Map<string, Notice>();
    // Told twice in one breath, the more urgent word counts.
    for (const notice of notices) if (now.get(notice.id)?.kind !== 'final') now.set(notice.id, notice);
    this.#standing.set(source, now);
    const fresh = [...now.values()].filter(({ id, kind }) => before.get(id)?.kind !== kind);
    const cancelled = [...before.values()].filter(({ id }) => !now.has(id));
    return { fresh, cancelled, wish: this.#wish(nowMs) };
  }

  #wish(nowMs: number): Wish {
    if (this.#draining !== undefined) return this.#draining;
    const all = [...this.#standing.values()].flatMap((notices) => [...notices.values()]);
    const [first] = all.filter(({ kind }) => kind === 'final').sort((a, b) => (a.leftMs ?? 0) - (b.leftMs ?? 0));
    if (first !== undefined) {
      this.#draining = { state: 'draining', reason: first.reason, byMs: nowMs + Math.max(0, first.leftMs ?? 0) };
      return this.#draining;
    }
    const [advice] = all;
    return advice === undefined ? { state: 'up' } : { state: 'cordoned', reason: advice.reason };
  }
}
