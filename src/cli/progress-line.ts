import type { Clock } from '../core/index.ts';
import { formatProgress, type Progress, Throughput } from './progress.ts';

/** Where progress goes: standard error, so that standard output stays for machines. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** How often a terminal's line is drawn, and how often a plain line is written elsewhere, ms. */
const REDRAW_MS = 100;
const PLAIN_MS = 2_000;
const CLEAR_LINE = '\r\u001b[2K';

/** Shows how far a job is: one line that changes on a terminal, a line now and then elsewhere. */
export class ProgressLine {
  readonly #name: string;
  readonly #stream: ProgressStream;
  readonly #clock: Clock;
  readonly #rate: Throughput = new Throughput();
  #shownAt: number = Number.NEGATIVE_INFINITY;
  #drawn = '';

  constructor(name: string, stream: ProgressStream, clock: Clock) {
    this.#name = name;
    this.#stream = stream;
    this.#clock = clock;
  }

  update(progress: Progress): void {
    const now = this.#clock.monotonic();
    this.#rate.add(now, progress.done);
    const isLast = progress.done >= progress.total;
    const everyMs = this.#stream.isTTY ? REDRAW_MS : PLAIN_MS;
    if (!isLast && now - this.#shownAt < everyMs) return;
    this.#shownAt = now;
    const perSecond = this.#rate.perSecond(now, progress.done);
    const text = formatProgress(this.#name, progress, perSecond, this.#stream.isTTY === true);
    if (!this.#stream.isTTY) {
      this.#stream.write(`${text}\n`);
      return;
    }
    this.#drawn = text.slice(0, (this.#stream.columns ?? 80) - 1);
    this.#stream.write(`${CLEAR_LINE}${this.#drawn}`);
  }

  /** Writes a line of its own, above the progress. */
  say(text: string): void {
    this.#stream.write(this.#drawn === '' ? `${text}\n` : `${CLEAR_LINE}${text}\n${this.#drawn}`);
  }

  /** Leaves the line as it is and moves on. */
  end(): void {
    if (this.#drawn !== '') this.#stream.write('\n');
    this.#drawn = '';
  }
}
