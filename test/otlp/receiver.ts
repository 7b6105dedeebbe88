import { fileURLToPath } from 'node:url';
import {
  type GrpcObject,
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceClientConstructor,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** A span as it came over the wire, ids in hex. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: string;
  readonly service: string;
  readonly resource: Readonly<Record<string, unknown>>;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly string[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly error: string | undefined;
  /** Whether its process died before it ended. */
  readonly lost: boolean;
  readonly startNs: bigint;
  readonly endNs: bigint;
}

/** A collector for tests: OTLP over gRPC on a free port of loopback. */
export interface OtlpReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  readonly port: number;
  /** In order of arrival; the array grows. */
  readonly spans: ReceivedSpan[];
  /** Names of metrics that have arrived. */
  readonly metrics: ReadonlySet<string>;
  /** Resolves when the spans fulfil the condition, rejects after the time limit (default 10,000 ms). */
  waitFor(what: string, condition: (spans: readonly ReceivedSpan[]) => boolean, timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

interface AnyValue {
  readonly value?: string;
  readonly [kind: string]: unknown;
}
type KeyValues = readonly { readonly key: string; readonly value: AnyValue | null }[];
interface WireSpan {
  readonly traceId: Buffer;
  readonly spanId: Buffer;
  readonly parentSpanId: Buffer;
  readonly name: string;
  readonly kind: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: KeyValues;
  readonly events: readonly { readonly name: string }[];
  readonly links: readonly { readonly traceId: Buffer; readonly spanId: Buffer }[];
  readonly status: { readonly code: string; readonly message: string } | null;
}
interface TraceRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: KeyValues };
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[];
  }[];
}
interface MetricsRequest {
  readonly resourceMetrics: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly { readonly name: string }[] }[];
  }[];
}

/**
 * Starts a receiver.
 *
 * @param port 0 for a free one; a port that was used before plays a collector that comes back
 */
export async function startOtlpReceiver(port = 0): Promise<OtlpReceiver> {
  const definition = loadSync(
    ['trace', 'metrics'].map((kind) => `opentelemetry/proto/collector/${kind}/v1/${kind}_service.proto`),
    {
      includeDirs: [fileURLToPath(new URL('./proto', import.meta.url))],
      longs: String,
      enums: String,
      defaults: true,
      oneofs: true,
    },
  );
  const spans: ReceivedSpan[] = [];
  const metrics = new Set<string>();
  const arrivals = new Set<() => void>();

  const server = new Server();
  const traces = definition['opentelemetry.proto.collector.trace.v1.TraceService'];
  const meters = definition['opentelemetry.proto.collector.metrics.v1.MetricsService'];
  const { TraceService, MetricsService } = services({ TraceService: traces, MetricsService: meters });
  server.addService(TraceService.service, {
    Export(call: ServerUnaryCall<TraceRequest, object>, reply: sendUnaryData<object>) {
      for (const { resource, scopeSpans } of call.request.resourceSpans) {
        for (const span of scopeSpans.flatMap((scope) => scope.spans))
          spans.push(received(span, values(resource.attributes)));
      }
      reply(null, {});
      for (const look of [...arrivals]) look();
    },
  });
  server.addService(MetricsService.service, {
    Export(call: ServerUnaryCall<MetricsRequest, object>, reply: sendUnaryData<object>) {
      for (const { scopeMetrics } of call.request.resourceMetrics) {
        for (const { name } of scopeMetrics.flatMap((scope) => scope.metrics)) metrics.add(name);
      }
      reply(null, {});
    },
  });
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, actual) =>
      error === null ? resolve(actual) : reject(error),
    );
  });

  return {
    endpoint: `http://127.0.0.1:${bound}`,
    port: bound,
    spans,
    metrics,
    waitFor(what, condition, timeoutMs = 10_000) {
      if (condition(spans)) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const late = AbortSignal.timeout(timeoutMs);
        const look = (): void => {
          if (condition(spans)) settle(resolve);
        };
        const fail = (): void =>
          settle(() => reject(new Error(`no ${what} in ${timeoutMs} ms; have:\n${outline(spans)}`)));
        const settle = (then: () => void): void => {
          arrivals.delete(look);
          late.removeEventListener('abort', fail);
          then();
        };
        arrivals.add(look);
        late.addEventListener('abort', fail);
      });
    },
    close: async () => server.forceShutdown(),
  };
}

function services<K extends string>(wanted: Record<K, unknown>): Record<K, ServiceClientConstructor> {
  return loadPackageDefinition(wanted as Parameters<typeof loadPackageDefinition>[0]) as GrpcObject as Record<
    K,
    ServiceClientConstructor
  >;
}

function received(span: WireSpan, resource: Record<string, unknown>): ReceivedSpan {
  const attributes = values(span.attributes);
  return {
    traceId: span.traceId.toString('hex'),
    spanId: span.spanId.toString('hex'),
    parentSpanId: span.parentSpanId.length === 0 ? undefined : span.parentSpanId.toString('hex'),
    name: span.name,
    kind: span.kind,
    service: String(resource['service.name']),
    resource,
    attributes,
    events: span.events.map((event) => event.name),
    links: span.links.map((link) => ({ traceId: link.traceId.toString('hex'), spanId: link.spanId.toString('hex') })),
    error: span.status?.code === 'STATUS_CODE_ERROR' ? span.status.message : undefined,
    lost: attributes['troupe.lost'] === true,
    startNs: BigInt(span.startTimeUnixNano),
    endNs: BigInt(span.endTimeUnixNano),
  };
}

function values(pairs: KeyValues): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, plain(value)]));
}

function plain(value: AnyValue | null): unknown {
  if (value?.value === undefined) return undefined;
  const held = value[value.value];
  if (value.value === 'intValue') return Number(held);
  if (value.value === 'arrayValue') return (held as { values: AnyValue[] }).values.map(plain);
  return held;
}

/** What `assertTree` found. */
export interface TraceTree {
  readonly root: ReceivedSpan;
  readonly services: ReadonlySet<string>;
  /** Each span once: a span that arrived twice counts as its better telling, ended rather than lost. */
  readonly spans: readonly ReceivedSpan[];
}

/**
 * Holds a trace to be one tree: all spans of one trace, one root, no span whose parent is missing, no circle.
 *
 * @param least.services how many services it must reach (default 1)
 * @throws Error that names the offending spans
 */
export function assertTree(received: readonly ReceivedSpan[], least: { readonly services?: number } = {}): TraceTree {
  const byId = new Map<string, ReceivedSpan>();
  for (const span of received) if (byId.get(span.spanId)?.lost !== false) byId.set(span.spanId, span);
  const spans = [...byId.values()];
  const problems: string[] = [];

  const traces = new Set(spans.map((span) => span.traceId));
  if (traces.size !== 1) problems.push(`${traces.size} traces instead of one`);
  const roots = spans.filter((span) => span.parentSpanId === undefined);
  if (roots.length !== 1) problems.push(`${roots.length} roots instead of one: ${roots.map((s) => s.name).join(', ')}`);
  const orphans = spans.filter((span) => span.parentSpanId !== undefined && !byId.has(span.parentSpanId));
  for (const span of orphans) problems.push(`orphan: ${line(span)}`);
  const lost = spans.filter((span) => !reachesRoot(span, byId) && !orphans.includes(span));
  for (const span of lost) if (roots.length > 0 && orphans.length === 0) problems.push(`in a circle: ${line(span)}`);
  const services = new Set(spans.map((span) => span.service));
  if (services.size < (least.services ?? 1)) {
    problems.push(`${services.size} services (${[...services].join(', ')}) instead of ${least.services}`);
  }
  const [root] = roots;
  if (problems.length > 0 || root === undefined) {
    throw new Error(`not one tree:\n${problems.slice(0, 20).join('\n')}\n${outline(spans)}`);
  }
  return { root, services, spans };
}

function reachesRoot(from: ReceivedSpan, byId: ReadonlyMap<string, ReceivedSpan>): boolean {
  const seen = new Set<string>();
  for (let span: ReceivedSpan | undefined = from; span !== undefined; ) {
    if (span.parentSpanId === undefined) return true;
    if (seen.has(span.spanId)) return false;
    seen.add(span.spanId);
    span = byId.get(span.parentSpanId);
  }
  return false;
}

function line(span: ReceivedSpan): string {
  return `${span.service} ${span.name} ${span.spanId} <- ${span.parentSpanId ?? 'root'}${span.lost ? ' (lost)' : ''}`;
}

function outline(spans: readonly ReceivedSpan[]): string {
  return spans.slice(0, 60).map(line).join('\n');
}
