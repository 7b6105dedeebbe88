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

/** A notice, and when the machine is gone by it: monotonic ms, Infinity for an advisory one. */
interface Standing {
  readonly notice: Notice;
  readonly byMs: number;
}

/**
 * All notices of all sources, and what they ask for together: while a final one stands the node drains, by the earliest time that was ever
 * said under the name of one that stands; else an advisory one cordons; else the node is up. Pure.
 */
export class NoticeBoard {
  readonly #standing: Map<string, ReadonlyMap<string, Standing>> = new Map();

  /**
   * Takes all that a source says now.
   *
   * @param nowMs monotonic time, ms
   */
  tell(source: string, notices: readonly Notice[], nowMs: number): BoardChange {
    const before = this.#standing.get(source) ?? new Map<string, Standing>();
    const now = new Map<string, Standing>();
    for (const notice of notices) {
      const { id, kind, leftMs = 0 } = notice;
      const final = kind === 'final';
      const known = now.get(id);
      const byMs = Math.min(
        final ? nowMs + Math.max(0, leftMs) : Number.POSITIVE_INFINITY,
        // Told twice in one breath, the more urgent word counts; told again, it gives no more time than before.
        known?.byMs ?? Number.POSITIVE_INFINITY,
        (final ? before.get(id)?.byMs : undefined) ?? Number.POSITIVE_INFINITY,
      );
      now.set(id, { notice: known?.notice.kind === 'final' ? known.notice : notice, byMs });
    }
    this.#standing.set(source, now);
    const fresh = [...now.values()].filter(({ notice }) => before.get(notice.id)?.notice.kind !== notice.kind);
    const cancelled = [...before.values()].filter(({ notice }) => !now.has(notice.id));
    const noticeOf = ({ notice }: Standing): Notice => notice;
    return { fresh: fresh.map(noticeOf), cancelled: cancelled.map(noticeOf), wish: this.#wish() };
  }

  #wish(): Wish {
    const all = [...this.#standing.values()].flatMap((standing) => [...standing.values()]);
    const [first] = all.filter(({ notice }) => notice.kind === 'final').sort((a, b) => a.byMs - b.byMs);
    if (first !== undefined) return { state: 'draining', reason: first.notice.reason, byMs: first.byMs };
    const [advice] = all;
    return advice === undefined ? { state: 'up' } : { state: 'cordoned', reason: advice.notice.reason };
  }
}
