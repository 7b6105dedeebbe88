import { join } from 'node:path';
import type { Cluster, ClusterConfigInput } from 'troupe';
import { startTelemetry } from 'troupe/telemetry';
import {
  assertTree,
  type OtlpReceiver,
  type ReceivedSpan,
  startOtlpReceiver,
  type TraceTree,
} from '../otlp/receiver.ts';
import { Sandbox } from './harness.ts';

/** What a traced program has. */
export interface Traced {
  readonly cluster: Cluster;
  readonly box: Sandbox;
  readonly receiver: OtlpReceiver;
}

/** What was received of a traced program, after everything has been closed. */
export interface Received {
  /** The program's own trace. */
  readonly tree: TraceTree;
  /** Every other trace, each held to be a tree, by the name of its root. */
  readonly others: ReadonlyMap<string, readonly TraceTree[]>;
}

/**
 * Runs a program as `troupe run` does: telemetry in this process, a root span, a cluster whose nodes report to the same receiver. Closes
 * everything and holds all that was received to be trees without orphans.
 */
export async function traced(
  program: (traced: Traced) => Promise<void>,
  nodes: ClusterConfigInput['nodes'],
  timing: ClusterConfigInput['timing'] = {},
): Promise<Received> {
  const receiver = await startOtlpReceiver();
  await using box = new Sandbox();
  const telemetry = await startTelemetry({
    service: 'troupe-run',
    instance: `run/${process.pid}`,
    endpoint: receiver.endpoint,
    env: { OTEL_METRICS_EXPORTER: 'none' },
    spoolDirectory: join(box.folder, 'data', 'run', 'spans'),
  });
  const root = telemetry.tracer.start('invoke_workflow');
  try {
    const cluster = await box.start(
      nodes,
      { timing },
      {
        agents: [new URL('./traced-agents.ts', import.meta.url)],
        telemetry,
        traceparent: root.traceparent,
        env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_METRICS_EXPORTER: 'none' },
      },
    );
    await program({ cluster, box, receiver });
    await cluster.close();
  } finally {
    root.end();
    await telemetry.shutdown(5_000);
    await receiver.close();
  }
  const traces = new Map<string, ReceivedSpan[]>();
  for (const span of receiver.spans) {
    const spans = traces.get(span.traceId) ?? [];
    spans.push(span);
    traces.set(span.traceId, spans);
  }
  const own = root.traceparent?.split('-')[1] ?? '';
  const others = new Map<string, TraceTree[]>();
  for (const [id, spans] of traces) {
    if (id === own) continue;
    const tree = assertTree(spans);
    others.set(tree.root.name, [...(others.get(tree.root.name) ?? []), tree]);
  }
  return { tree: assertTree(traces.get(own) ?? []), others };
}

/** The spans of that name. */
export function named(tree: TraceTree, name: string): ReceivedSpan[] {
  return tree.spans.filter((span) => span.name === name);
}

/** The parent of a span. */
export function parentOf(tree: TraceTree, span: ReceivedSpan): ReceivedSpan | undefined {
  return tree.spans.find((candidate) => candidate.spanId === span.parentSpanId);
}
