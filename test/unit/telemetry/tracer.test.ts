import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nullTracer, TroupeError } from '../../../src/core/index.ts';
import { SPANS, startTelemetry, type Telemetry } from '../../../src/telemetry/index.ts';
import { assertTree, type OtlpReceiver, startOtlpReceiver } from '../../otlp/receiver.ts';

let receiver: OtlpReceiver;
const started: Telemetry[] = [];

async function start(service: string, spoolDirectory?: string): Promise<Telemetry> {
  const telemetry = await startTelemetry({
    service,
    instance: `${service}#1`,
    endpoint: receiver.endpoint,
    ...(spoolDirectory === undefined ? {} : { spoolDirectory }),
    env: { OTEL_METRICS_EXPORTER: 'none' },
  });
  started.push(telemetry);
  return telemetry;
}

beforeEach(async () => {
  receiver = await startOtlpReceiver();
});

afterEach(async () => {
  for (const telemetry of started.splice(0)) await telemetry.shutdown(1_000);
  await receiver.close();
});

describe('tracer against a real OTLP receiver', () => {
  test('a trace that passes through three services is one tree', async () => {
    const [run, first, second] = [
      await start('troupe-run'),
      await start('troupe-node-1'),
      await start('troupe-node-2'),
    ];
    const root = run.tracer.start(SPANS.workflow, { attributes: { 'gen_ai.workflow.name': 'audit' } });
    const send = first.tracer.start(SPANS.send, { parent: root.traceparent, kind: 'producer' });
    const turn = second.tracer.start(SPANS.agent, { parent: send.traceparent, kind: 'consumer' });
    turn.end();
    send.end();
    root.end();
    for (const telemetry of started) expect(await telemetry.flush(5_000)).toBe(true);

    const tree = assertTree(receiver.spans, { services: 3 });
    expect(tree.root.name).toBe('invoke_workflow');
    expect(tree.root.attributes['gen_ai.workflow.name']).toBe('audit');
    expect(tree.root.resource['service.instance.id']).toBe('troupe-run#1');
    expect(tree.spans.map((span) => span.kind).sort()).toEqual([
      'SPAN_KIND_CONSUMER',
      'SPAN_KIND_INTERNAL',
      'SPAN_KIND_PRODUCER',
    ]);
  });

  test('an error, attributes set later, events and links arrive', async () => {
    const { tracer, flush } = await start('troupe-node-1');
    const cause = tracer.start(SPANS.propose);
    const span = tracer.start(SPANS.apply, { links: [cause.traceparent ?? '', 'not a traceparent'] });
    span.set({ 'troupe.raft.index': 7, 'troupe.reason': undefined });
    span.event('slow', { ms: 12 });
    span.end(new TroupeError('NO_QUORUM', 'two of three are gone'));
    cause.end();
    expect(await flush(5_000)).toBe(true);

    const applied = receiver.spans.find((found) => found.name === 'ledger.apply');
    const proposed = receiver.spans.find((found) => found.name === 'raft.propose');
    expect(applied).toMatchObject({
      error: 'two of three are gone',
      attributes: { 'error.type': 'NO_QUORUM', 'troupe.raft.index': 7 },
      events: ['slow'],
      links: [{ traceId: proposed?.traceId, spanId: proposed?.spanId }],
    });
  });

  test('the child of an unsampled parent is not sampled and sends nothing', async () => {
    const { tracer, flush } = await start('troupe-node-1');
    const span = tracer.start(SPANS.agent, { parent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00' });
    span.end();
    expect(span.traceparent).toBeUndefined();
    expect(await flush(1_000)).toBe(true);
    expect(receiver.spans).toEqual([]);
  });

  test('spans leave by themselves within moments', async () => {
    const { tracer } = await start('troupe-node-1');
    tracer.start(SPANS.agent).end();
    await receiver.waitFor('span', (spans) => spans.length === 1, 3_000);
  });

  test('ten thousand spans at once all arrive', async () => {
    const { tracer, flush } = await start('troupe-node-1', mkdtempSync(join(tmpdir(), 'spool-')));
    for (let i = 0; i < 10_000; i++) tracer.start(SPANS.agent).end();
    expect(await flush(10_000)).toBe(true);
    expect(new Set(receiver.spans.map((span) => span.spanId)).size).toBe(10_000);
  });

  test('a control thread traces beside the main thread of one node', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'spool-'));
    const { tracer, flush } = await start('troupe-node-1', directory);
    const parent = tracer.start(SPANS.send);
    const worker = new Worker(new URL('./fixtures/control-thread.ts', import.meta.url), {
      workerData: { endpoint: receiver.endpoint, parent: parent.traceparent, directory },
    });
    const code = await new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
    parent.end();
    expect(await flush(5_000)).toBe(true);
    expect(code).toBe(0);
    const tree = assertTree(receiver.spans);
    expect(tree.spans.map((span) => span.resource['troupe.thread']).sort()).toEqual(['control', 'main']);
  });

  test('a collector that comes late gets every span', async () => {
    const { port } = receiver;
    const { tracer, flush } = await start('troupe-node-1');
    await receiver.close();
    tracer.start(SPANS.agent).end();
    expect(await flush(300)).toBe(false);
    receiver = await startOtlpReceiver(port);
    expect(await flush(15_000)).toBe(true);
    expect(receiver.spans).toHaveLength(1);
  });

  test('shutdown ends open spans as lost, and leaves no file', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'spool-'));
    const telemetry = await start('troupe-node-1', directory);
    telemetry.tracer.start(SPANS.drain);
    await telemetry.shutdown(5_000);
    expect(receiver.spans).toMatchObject([{ name: 'node.drain', lost: true }]);
    expect(readdirSync(directory)).toEqual([]);
  });

  test('metrics arrive under the names of the list', async () => {
    const telemetry = await startTelemetry({ service: 'm', instance: 'm#1', endpoint: receiver.endpoint, env: {} });
    started.push(telemetry);
    telemetry.metrics.deadLetters('terminated');
    telemetry.metrics.migrated('preemption', 12);
    telemetry.metrics.observeRaft(() => ({ term: 3, leading: true, commitMinusApplied: 0 }));
    telemetry.metrics.observeMailboxes(() => [{ kind: 'reviewer', depth: 2, bytes: 80, oldestAgeMs: 5 }]);
    telemetry.metrics.observeSources(() => [{ source: 'aws interruption', answers: true }]);
    await telemetry.flush(5_000);
    expect([...receiver.metrics].sort()).toEqual([
      'troupe.dead_letters',
      'troupe.event_loop.lag',
      'troupe.mailbox.bytes',
      'troupe.mailbox.depth',
      'troupe.mailbox.oldest_age',
      'troupe.migration.pause',
      'troupe.migrations',
      'troupe.preemption.source',
      'troupe.raft.apply_lag',
      'troupe.raft.leading',
      'troupe.raft.term',
    ]);
  });
});

describe('startTelemetry', () => {
  test.each([
    ['nothing is configured', {}],
    ['the endpoint is empty', { OTEL_EXPORTER_OTLP_ENDPOINT: '' }],
    ['the exporter is none', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:1', OTEL_TRACES_EXPORTER: 'none' }],
    ['the SDK is disabled', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:1', OTEL_SDK_DISABLED: 'true' }],
  ])('is a no-op when %s', async (_, env) => {
    const telemetry = await startTelemetry({ service: 's', instance: 's#1', env });
    expect(telemetry.tracer).toBe(nullTracer);
  });

  test.each([
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:1' },
    { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://localhost:1' },
    { OTEL_TRACES_EXPORTER: 'otlp' },
  ])('traces with %o', async (env) => {
    const telemetry = await startTelemetry({
      service: 's',
      instance: 's#1',
      env: { ...env, OTEL_METRICS_EXPORTER: 'none' },
    });
    expect(telemetry.tracer.enabled).toBe(true);
    await telemetry.shutdown(0);
  });
});
