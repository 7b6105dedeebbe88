/** Attribute values that OpenTelemetry accepts. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** What is known when a span starts. */
export interface SpanOptions {
  /** W3C `traceparent` of the parent; without one the span is the root of a new trace. */
  readonly parent?: string | undefined;
  /** W3C `traceparent`s of other spans that led here (fan-in). */
  readonly links?: readonly string[];
  readonly kind?: 'internal' | 'client' | 'server' | 'producer' | 'consumer';
  readonly attributes?: SpanAttributes;
}

/** A span that has started. `end` is called exactly once. */
export interface Span {
  /** W3C `traceparent` to hand to what this span causes; undefined when it isn't sampled. */
  readonly traceparent: string | undefined;
  set(attributes: SpanAttributes): void;
  event(name: string, attributes?: SpanAttributes): void;
  /** Ends the span; with an error its status becomes `error`. */
  end(error?: unknown): void;
}

/** Where spans go. Callers test `enabled` or a traceparent's presence first: unsampled work never comes here. */
export interface Tracer {
  readonly enabled: boolean;
  /** @param name a span name from the list in `src/telemetry/names.ts` */
  start(name: string, options?: SpanOptions): Span;
}

const nullSpan: Span = { traceparent: undefined, set() {}, event() {}, end() {} };

/** Records nothing. */
export const nullTracer: Tracer = { enabled: false, start: () => nullSpan };

/**
 * The trace context if it says that it is sampled, undefined if it says that it isn't: what comes from outside is asked once, at the
 * door, and then nothing of it is carried or recorded. One that can't be read stays, and begins a new trace.
 */
export function sampled(traceparent: string | undefined): string | undefined {
  // Version 2, trace 32, parent 16 and flags 2 hexadecimal digits, with dashes between.
  const flags = traceparent === undefined ? Number.NaN : Number.parseInt(traceparent.slice(53, 55), 16);
  return flags % 2 === 0 ? undefined : traceparent;
}

/**
 * Runs `work` inside a span and ends it with the outcome. Without a sampled parent (and `root` unset) no span is made.
 *
 * @param options.root true to start a new trace when there is no parent
 */
export async function traced<T>(
  tracer: Tracer,
  name: string,
  options: SpanOptions & { readonly root?: boolean },
  work: (span: Span) => Promise<T>,
): Promise<T> {
  if (!tracer.enabled || (options.parent === undefined && !options.root)) return work(nullSpan);
  const span = tracer.start(name, options);
  try {
    const result = await work(span);
    span.end();
    return result;
  } catch (error) {
    span.end(error);
    throw error;
  }
}
