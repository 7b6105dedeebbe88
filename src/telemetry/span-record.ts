import type { Attributes, HrTime, Link, SpanKind, SpanStatus } from '@opentelemetry/api';
import type { resources, tracing } from '@opentelemetry/sdk-node';

type ReadableSpan = tracing.ReadableSpan;

/** A span as the spool keeps it: JSON, no more than an exporter needs. `end` is missing while the span is open. */
export interface SpanRecord {
  readonly id: string;
  readonly trace: string;
  readonly parent?: { readonly id: string; readonly remote: boolean };
  readonly name: string;
  readonly kind: SpanKind;
  readonly start: HrTime;
  readonly end?: HrTime;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
  readonly links: readonly { readonly id: string; readonly trace: string }[];
  readonly events: readonly { readonly name: string; readonly time: HrTime; readonly attributes?: Attributes }[];
  /** Attributes of the process that started it, when that isn't the one that keeps it. */
  readonly resource?: Attributes;
}

/**
 * What the spool keeps of a span, at its start and again at its end.
 *
 * @param own resource of the process that keeps it
 */
export function toRecord(span: ReadableSpan, own: resources.Resource): SpanRecord {
  const { spanId, traceId } = span.spanContext();
  const parent = span.parentSpanContext;
  return {
    id: spanId,
    trace: traceId,
    ...(span.resource === own ? {} : { resource: span.resource.attributes }),
    ...(parent === undefined ? {} : { parent: { id: parent.spanId, remote: parent.isRemote ?? false } }),
    name: span.name,
    kind: span.kind,
    start: span.startTime,
    ...(span.ended ? { end: span.endTime } : {}),
    status: span.status,
    attributes: span.attributes,
    links: span.links.map((link) => ({ id: link.context.spanId, trace: link.context.traceId })),
    events: span.events.map(({ name, time, attributes }) => ({
      name,
      time,
      ...(attributes === undefined ? {} : { attributes }),
    })),
  };
}

/**
 * The ended span that a record describes, ready for an exporter.
 *
 * @param resource of the process that started it, which is not the one that exports it
 */
export function fromRecord(record: SpanRecord & { readonly end: HrTime }, resource: resources.Resource): ReadableSpan {
  const traceId = record.trace;
  const context = (spanId: string, trace = traceId, isRemote = false) => ({
    traceId: trace,
    spanId,
    traceFlags: 1,
    isRemote,
  });
  const { start, end } = record;
  const nanoseconds = (end[0] - start[0]) * 1e9 + (end[1] - start[1]);
  return {
    name: record.name,
    kind: record.kind,
    spanContext: () => context(record.id),
    ...(record.parent === undefined
      ? {}
      : { parentSpanContext: context(record.parent.id, traceId, record.parent.remote) }),
    startTime: start,
    endTime: end,
    duration: [Math.floor(nanoseconds / 1e9), nanoseconds % 1e9],
    ended: true,
    status: record.status,
    attributes: record.attributes,
    links: record.links.map((link): Link => ({ context: context(link.id, link.trace, true) })),
    events: record.events.map((event) => ({ ...event })),
    resource,
    instrumentationScope: { name: 'troupe' },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}
