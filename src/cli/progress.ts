/** How far a job is. */
export interface Progress {
  readonly done: number;
  readonly total: number;
}

/** The rate looks back this far, ms. */
const WINDOW_MS = 5_000;
/** A sample at most this often, ms: the window then holds a bounded number of them. */
const SAMPLE_MS = 100;
const BAR_CELLS = 20;

/** Throughput over the last seconds. */
export class Throughput {
  readonly #samples: { readonly atMs: number; readonly done: number }[] = [];

  add(atMs: number, done: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && atMs - last.atMs < SAMPLE_MS) return;
    this.#samples.push({ atMs, done });
    // One sample from before the window stays, as the place to count from.
    while ((this.#samples[1]?.atMs ?? atMs) < atMs - WINDOW_MS) this.#samples.shift();
  }

  /** Items per second until now; undefined while too little is known. */
  perSecond(atMs: number, done: number): number | undefined {
    const first = this.#samples[0];
    if (first === undefined || atMs - first.atMs < SAMPLE_MS || done <= first.done) return undefined;
    return ((done - first.done) * 1_000) / (atMs - first.atMs);
  }
}

/** A length of time for a person: `850 ms`, `12 s`, `3 min 05 s`, `2 h 10 min`. */
export function formatMs(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** A whole number with thousands set apart: `12,345`. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/**
 * One line of progress: `audit  412/1,203  34 %  210/s  4 s left`.
 *
 * @param perSecond throughput, undefined while unknown
 * @param bar draws a bar too, for a terminal
 */
export function formatProgress(
  name: string,
  { done, total }: Progress,
  perSecond: number | undefined,
  bar = false,
): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const parts = [name];
  if (bar) parts.push(`${'█'.repeat(Math.round(share * BAR_CELLS)).padEnd(BAR_CELLS, '░')}`);
  parts.push(`${formatCount(done)}/${formatCount(total)}`, `${Math.floor(share * 100)} %`);
  if (perSecond !== undefined) {
    parts.push(`${perSecond < 10 ? perSecond.toFixed(1) : formatCount(perSecond)}/s`);
    if (done < total) parts.push(`${formatMs(((total - done) / perSecond) * 1_000)} left`);
  }
  return parts.join('  ');
}
