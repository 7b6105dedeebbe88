import type { resources, tracing } from '@opentelemetry/sdk-node';
import { backoffMs, type Clock, Deque, delay, type Logger, type Random, type Timer } from '../core/index.ts';
import { ATTRIBUTES } from './names.ts';
import { type SpanRecord, toRecord } from './span-record.ts';
import type { SpanSpool } from './spool.ts';

/** Spans that may wait for export; past it the oldest are dropped, counted and logged. */
export const QUEUED_SPANS_MAX = 32_768;
/** Spans of one export request. */
const BATCH_SPANS_MAX = 512;
/** How long an ended span waits for company, ms. */
const BATCH_DELAY_MS = 200;
const RETRY = { minMs: 500, maxMs: 10_000, jitter: 0.2 };
const ERROR_STATUS = 2;

/** What the queue works with. */
export interface ExportQueueOptions {
  readonly exporter: tracing.SpanExporter;
  readonly spool?: SpanSpool | undefined;
  /** Of this process. */
  readonly resource: resources.Resource;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly queuedSpansMax?: number;
}

/**
 * OpenTelemetry's span processor, bounded and honest: the stock one forgets spans past its 2,048 and a failed batch
 * without a word. This one keeps a failed batch and tries again, keeps what is open or unsent in the spool, and says
 * how many spans it had to drop.
 */
export class ExportQueue implements tracing.SpanProcessor {
  readonly #options: ExportQueueOptions;
  readonly #max: number;
  readonly #open: Map<string, tracing.Span> = new Map();
  readonly #ended: Deque<tracing.ReadableSpan> = new Deque();
  #batch: tracing.ReadableSpan[] = [];
  #exporting: Promise<boolean> | undefined;
  #timer: Timer | undefined;
  #failures = 0;
  #dropped = 0;
  #droppedTold = 0;
  /** Spans that were sent or dropped and that the spool still holds. */
  #forgotten: string[] = [];

  constructor(options: ExportQueueOptions) {
    this.#options = options;
    this.#max = options.queuedSpansMax ?? QUEUED_SPANS_MAX;
  }

  /** Spans that have ended and aren't sent. */
  get waiting(): number {
    return this.#ended.length + this.#batch.length;
  }

  /** Spans dropped since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  onStart(span: tracing.Span): void {
    const { spanId, traceFlags } = span.spanContext();
    if ((traceFlags & 1) === 0) return;
    this.#open.set(spanId, span);
    this.#options.spool?.keep(this.#record(span));
  }

  onEnd(span: tracing.ReadableSpan): void {
    const { spanId, traceFlags } = span.spanContext();
    if ((traceFlags & 1) === 0) return;
    this.#open.delete(spanId);
    this.#options.spool?.keep(this.#record(span));
    this.#ended.push(span);
    while (this.waiting > this.#max && this.#ended.length > 0) this.#drop(this.#ended.shift() as tracing.ReadableSpan);
    this.#wake(this.#failures === 0 && this.#ended.length >= BATCH_SPANS_MAX ? 0 : BATCH_DELAY_MS);
  }

  /** Sends what has ended. @returns false when the time is over before all is sent */
  async flush(timeoutMs: number): Promise<boolean> {
    const { clock } = this.#options;
    const deadline = clock.monotonic() + timeoutMs;
    while (this.waiting > 0) {
      const left = deadline - clock.monotonic();
      if (left <= 0) return false;
      const over = new AbortController();
      const sent = await Promise.race([this.#drain(), delay(clock, left, over.signal).then(() => false)]);
      over.abort();
      const rest = deadline - clock.monotonic();
      if (!sent && rest > 0) await delay(clock, Math.min(this.#retryMs(), rest));
    }
    return true;
  }

  async forceFlush(): Promise<void> {
    await this.flush(RETRY.maxMs);
  }

  /** Ends what is still open as lost, sends all, and closes; what can't be sent in time stays in the spool. */
  async close(timeoutMs: number): Promise<void> {
    for (const span of this.#open.values()) {
      span.setAttribute(ATTRIBUTES.lost, true);
      span.setStatus({ code: ERROR_STATUS, message: 'the process left before the span ended' });
      span.end();
    }
    const empty = await this.flush(timeoutMs);
    this.#timer?.cancel();
    this.#options.spool?.close(empty);
    await this.#options.exporter.shutdown();
  }

  async shutdown(): Promise<void> {
    await this.close(RETRY.maxMs);
  }

  #wake(delayMs: number): void {
    if (this.#timer !== undefined || this.#exporting !== undefined) return;
    this.#timer = this.#options.clock.schedule(delayMs, () => {
      this.#timer = undefined;
      void this.#drain();
    });
  }

  /** Sends batch after batch until nothing waits (true) or one fails (false). One drain runs at a time. */
  #drain(): Promise<boolean> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#exporting ??= this.#sendAll().finally(() => {
      this.#exporting = undefined;
      this.#tellDropped();
      if (this.waiting > 0) this.#wake(this.#failures === 0 ? BATCH_DELAY_MS : this.#retryMs());
    });
    return this.#exporting;
  }

  async #sendAll(): Promise<boolean> {
    while (this.waiting > 0) {
      while (this.#batch.length < BATCH_SPANS_MAX && this.#ended.length > 0) {
        this.#batch.push(this.#ended.shift() as tracing.ReadableSpan);
      }
      const error = await this.#send(this.#batch);
      if (error !== undefined) {
        if (this.#failures++ === 0)
          this.#options.logger.warn('spans can not be sent', { error, waiting: this.waiting });
        return false;
      }
      if (this.#failures > 0) this.#options.logger.info('spans are sent again', { failures: this.#failures });
      this.#failures = 0;
      for (const span of this.#batch) this.#forgotten.push(span.spanContext().spanId);
      this.#batch = [];
      this.#forget();
    }
    return true;
  }

  #send(spans: tracing.ReadableSpan[]): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#options.exporter.export(spans, (result) => {
        resolve(result.code === 0 ? undefined : (result.error?.message ?? 'the collector refused them'));
      });
    });
  }

  #drop(span: tracing.ReadableSpan): void {
    this.#dropped++;
    this.#forgotten.push(span.spanContext().spanId);
    if (this.#forgotten.length >= BATCH_SPANS_MAX) this.#forget();
  }

  #forget(): void {
    this.#options.spool?.sent(this.#forgotten, () => this.#left());
    this.#forgotten = [];
  }

  #tellDropped(): void {
    if (this.#dropped === this.#droppedTold) return;
    this.#droppedTold = this.#dropped;
    this.#options.logger.warn('spans were dropped', { dropped: this.#dropped, limit: this.#max });
  }

  #record(span: tracing.ReadableSpan): SpanRecord {
    return toRecord(span, this.#options.resource);
  }

  *#left(): Generator<SpanRecord> {
    for (const span of this.#open.values()) yield this.#record(span);
    for (const span of this.#batch) yield this.#record(span);
    for (const span of this.#ended) yield this.#record(span);
  }

  #retryMs(): number {
    return backoffMs(RETRY, Math.max(0, this.#failures - 1), this.#options.random);
  }
}
