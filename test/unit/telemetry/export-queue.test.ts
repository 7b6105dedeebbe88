import { resources, tracing } from '@opentelemetry/sdk-node';
import { beforeEach, describe, expect, test } from 'vitest';
import { type LogFields, nullLogger, SeededRandom } from '../../../src/core/index.ts';
import { ExportQueue } from '../../../src/telemetry/export-queue.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';

/** An exporter that a test can break and hold. */
class ScriptedExporter implements tracing.SpanExporter {
  readonly batches: string[][] = [];
  broken = false;
  held: (() => void) | undefined;
  hold = false;

  export(spans: tracing.ReadableSpan[], done: Parameters<tracing.SpanExporter['export']>[1]): void {
    const answer = (): void => {
      if (!this.broken) this.batches.push(spans.map((span) => span.name));
      done({ code: this.broken ? 1 : 0 });
    };
    if (this.hold) this.held = answer;
    else answer();
  }

  async shutdown(): Promise<void> {}

  get names(): string[] {
    return this.batches.flat();
  }
}

let clock: ManualClock;
let exporter: ScriptedExporter;
let said: [string, LogFields | undefined][];

beforeEach(() => {
  clock = new ManualClock();
  exporter = new ScriptedExporter();
  said = [];
});

function queue(queuedSpansMax = 10_000): { queue: ExportQueue; end: (name: string) => void } {
  const say = (message: string, fields?: LogFields): number => said.push([message, fields]);
  const made = new ExportQueue({
    exporter,
    resource: resources.emptyResource(),
    clock,
    random: new SeededRandom(1),
    logger: { ...nullLogger, info: say, warn: say },
    queuedSpansMax,
  });
  const tracer = new tracing.BasicTracerProvider({ spanProcessors: [made] }).getTracer('test');
  return { queue: made, end: (name) => tracer.startSpan(name).end() };
}

describe('export queue', () => {
  test('spans wait a moment for company, then leave together', async () => {
    const { end } = queue();
    end('a');
    await clock.advance(100);
    end('b');
    expect(exporter.batches).toEqual([]);
    await clock.advance(100);
    expect(exporter.batches).toEqual([['a', 'b']]);
    expect(clock.pending).toBe(0);
  });

  test('a full batch does not wait', async () => {
    const { end } = queue();
    for (let i = 0; i < 600; i++) end(`s${i}`);
    await clock.advance(200);
    expect(exporter.batches.map((batch) => batch.length)).toEqual([512, 88]);
  });

  test('a batch that fails is sent again, in order, and nothing is lost', async () => {
    const { queue: q, end } = queue();
    exporter.broken = true;
    end('a');
    await clock.advance(300);
    end('b');
    await clock.advance(5_000);
    expect(q.waiting).toBe(2);
    exporter.broken = false;
    await clock.advance(12_000);
    expect(exporter.names).toEqual(['a', 'b']);
    expect(said.map(([message]) => message)).toEqual(['spans can not be sent', 'spans are sent again']);
  });

  test('past its limit the oldest are dropped, counted and logged', async () => {
    const { queue: q, end } = queue(3);
    for (const name of ['a', 'b', 'c', 'd', 'e']) end(name);
    await clock.advance(200);
    expect(exporter.names).toEqual(['c', 'd', 'e']);
    expect(q.dropped).toBe(2);
    expect(said).toEqual([['spans were dropped', { dropped: 2, limit: 3 }]]);
  });

  test('flush sends at once and says when all is out', async () => {
    const { queue: q, end } = queue();
    end('a');
    expect(await q.flush(1_000)).toBe(true);
    expect(exporter.names).toEqual(['a']);
  });

  test('flush ends with its time although the collector does not answer', async () => {
    const { queue: q, end } = queue();
    exporter.hold = true;
    end('a');
    const flushed = q.flush(1_000);
    await clock.advance(1_000);
    expect(await flushed).toBe(false);
    exporter.held?.();
    await clock.settle();
    expect(exporter.names).toEqual(['a']);
  });

  test('flush keeps trying until its time is over', async () => {
    const { queue: q, end } = queue();
    exporter.broken = true;
    end('a');
    const flushed = q.flush(5_000);
    await clock.advance(600);
    exporter.broken = false;
    await clock.advance(4_400);
    expect(await flushed).toBe(true);
    expect(exporter.names).toEqual(['a']);
  });
});
