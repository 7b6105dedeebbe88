import type { TimelineEntry } from 'troupe';

/** What a node was, for a while. Times are ms after the job began. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly state: 'up' | 'cordoned' | 'draining' | 'gone';
  readonly reason: string | undefined;
}

/** One node's history. */
export interface Lane {
  readonly node: string;
  readonly spans: readonly Span[];
  /** When it led, with the term. */
  readonly led: readonly { readonly from: number; readonly to: number; readonly term: number }[];
}

/** Items done per second between two moments. */
export interface Rate {
  readonly from: number;
  readonly to: number;
  readonly perSecond: number;
}

const binsMax = 60;
const binMsMin = 100;

/**
 * Turns the timeline's events into one lane per node, sorted by name.
 *
 * @param endMs where the picture ends
 */
export function lanesOf(entries: readonly TimelineEntry[], endMs: number): Lane[] {
  const nodes = new Set(
    entries.flatMap((entry) => (entry.type === 'progress' || entry.node === undefined ? [] : [entry.node])),
  );
  const leaders = entries.filter((entry) => entry.type === 'leader');
  return [...nodes].sort().map((node) => {
    const changes = entries.filter((entry) => entry.type === 'node').filter((entry) => entry.node === node);
    const spans = changes.map((change, i): Span => {
      const state = change.state === 'left' || change.state === 'down' ? 'gone' : change.state;
      const reason = change.reason ?? (state === 'gone' ? change.state : undefined);
      return { from: Math.max(0, change.atMs), to: changes[i + 1]?.atMs ?? endMs, state, reason };
    });
    const first = changes[0];
    // What was before the first event follows from that event: a node that drains was up.
    const before: Span[] =
      first === undefined || first.state !== 'up'
        ? [{ from: 0, to: first?.atMs ?? endMs, state: 'up', reason: undefined }]
        : [];
    const led = leaders.flatMap((entry, i) =>
      entry.node === node
        ? [{ from: Math.max(0, entry.atMs), to: leaders[i + 1]?.atMs ?? endMs, term: entry.term }]
        : [],
    );
    return { node, spans: [...before, ...spans].filter((span) => span.to > span.from), led };
  });
}

/** Throughput over equal slices of the run, from the reports of progress. */
export function ratesOf(entries: readonly TimelineEntry[], endMs: number): Rate[] {
  const reports = entries.filter((entry) => entry.type === 'progress');
  if (reports.length === 0 || endMs <= 0) return [];
  const bins = Math.max(1, Math.min(binsMax, Math.floor(endMs / binMsMin)));
  const width = endMs / bins;
  const rates: Rate[] = [];
  let at = 0;
  let before = 0;
  for (let bin = 0; bin < bins; bin++) {
    const to = (bin + 1) * width;
    let done = before;
    for (; at < reports.length && ((reports[at]?.atMs ?? 0) <= to || bin === bins - 1); at++)
      done = Math.max(done, reports[at]?.done ?? 0);
    rates.push({ from: bin * width, to, perSecond: ((done - before) * 1_000) / width });
    before = done;
  }
  return rates;
}
