import {
  type Attributes,
  type Context,
  type Link,
  type Tracer as OtelApiTracer,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { core } from '@opentelemetry/sdk-node';
import {
  errorMessage,
  isTroupeError,
  type Span,
  type SpanAttributes,
  type SpanOptions,
  type Tracer,
} from '../core/index.ts';
import { ATTRIBUTES } from './names.ts';

const KINDS = {
  internal: SpanKind.INTERNAL,
  client: SpanKind.CLIENT,
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

/** Core's tracer over an OpenTelemetry tracer. */
export class OtelTracer implements Tracer {
  readonly enabled = true;
  readonly #tracer: OtelApiTracer;

  constructor(tracer: OtelApiTracer) {
    this.#tracer = tracer;
  }

  start(name: string, options: SpanOptions = {}): Span {
    const links = options.links?.map(linkTo).filter((link) => link !== undefined);
    return new StartedSpan(
      this.#tracer.startSpan(
        name,
        {
          kind: KINDS[options.kind ?? 'internal'],
          ...(options.attributes === undefined ? {} : { attributes: options.attributes as Attributes }),
          ...(links === undefined ? {} : { links }),
        },
        parentContext(options.parent),
      ),
    );
  }
}

class StartedSpan implements Span {
  readonly traceparent: string | undefined;
  readonly #span: OtelSpan;

  constructor(span: OtelSpan) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.traceparent = (traceFlags & 1) === 1 ? `00-${traceId}-${spanId}-01` : undefined;
    this.#span = span;
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes(attributes as Attributes);
  }

  event(name: string, attributes?: SpanAttributes): void {
    this.#span.addEvent(name, attributes as Attributes);
  }

  end(error?: unknown): void {
    if (error !== undefined) {
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message: errorMessage(error) });
      this.#span.setAttribute(ATTRIBUTES.errorType, errorType(error));
    }
    this.#span.end();
  }
}

function errorType(error: unknown): string {
  if (isTroupeError(error)) return error.code;
  return error instanceof Error ? error.name : typeof error;
}

/** A traceparent that can't be read starts a new trace, as W3C Trace Context asks. */
function parentContext(traceparent: string | undefined): Context {
  const parent = traceparent === undefined ? null : core.parseTraceParent(traceparent);
  return parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true });
}

function linkTo(traceparent: string): Link | undefined {
  const context = core.parseTraceParent(traceparent);
  return context === null ? undefined : { context: { ...context, isRemote: true } };
}
