import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-grpc';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { resources, metrics as sdkMetrics, tracing } from '@opentelemetry/sdk-node';
import { delay, errorMessage } from '../core/index.ts';
import { ExportQueue } from './export-queue.ts';
import { nullMetrics } from './metrics.ts';
import { ATTRIBUTES } from './names.ts';
import { otelMetrics } from './otel-metrics.ts';
import { fromRecord, type SpanRecord } from './span-record.ts';
import { leftSpans, lostAt, SpanSpool } from './spool.ts';
import type { ResolvedTelemetryOptions, Telemetry } from './telemetry.ts';
import { OtelTracer } from './tracer.ts';

/** How long one export request may take, its own retries included, ms. */
const EXPORT_TIMEOUT_MS = 5_000;
const METRICS_PERIOD_MS = 10_000;
const ERROR_STATUS = 2;

/**
 * Builds what `startTelemetry` promises on OpenTelemetry's SDK. Nothing is registered globally: each thread of a process,
 * and each node of an in-process cluster, has its own. The only file that loads the SDK (a third of a second), so a
 * process that isn't traced never does.
 */
export function otelTelemetry(options: ResolvedTelemetryOptions): Telemetry {
  const { clock, random, logger, spoolDirectory } = options;
  const resource = resources.defaultResource().merge(resources.resourceFromAttributes(options.resource));
  const name = random.id(6);
  const spool =
    spoolDirectory === undefined
      ? undefined
      : new SpanSpool({ directory: spoolDirectory, name, resource: resource.attributes, logger });
  const queue = new ExportQueue({
    exporter: new OTLPTraceExporter({ timeoutMillis: EXPORT_TIMEOUT_MS, ...options.target }),
    spool,
    resource,
    clock,
    random,
    logger,
  });
  // The provider reads OTEL_TRACES_SAMPLER; a child always follows its parent's flag.
  const provider = new tracing.BasicTracerProvider({ resource, spanProcessors: [queue] });
  const meters = options.metrics ? meterProvider(options, resource) : undefined;
  const metrics = meters === undefined ? undefined : otelMetrics(meters.getMeter('troupe'));

  const recover = (directory: string): number => {
    let recovered = 0;
    try {
      for (const left of leftSpans(directory, random.id(6))) {
        const resourceOf = resources.resourceFromAttributes(left.resource);
        for (const record of left.spans) {
          const { resource: own } = record;
          queue.onEnd(
            fromRecord(
              ended(record, left.lastWriteMs),
              own === undefined ? resourceOf : resources.resourceFromAttributes(own),
            ),
          );
          recovered++;
        }
        left.discard();
      }
    } catch (error) {
      logger.warn('spans of dead processes can not be read', { directory, error: errorMessage(error) });
    }
    if (recovered > 0) logger.info('spans of dead processes are sent', { directory, spans: recovered });
    return recovered;
  };
  if (spoolDirectory !== undefined) recover(spoolDirectory);

  const within = async (timeoutMs: number, work: Promise<unknown>): Promise<void> => {
    const over = new AbortController();
    await Promise.race([work.catch(() => undefined), delay(clock, timeoutMs, over.signal)]);
    over.abort();
  };

  return {
    tracer: new OtelTracer(provider.getTracer('troupe')),
    metrics: metrics ?? nullMetrics,
    async flush(timeoutMs) {
      const [sent] = await Promise.all([
        queue.flush(timeoutMs),
        meters === undefined ? undefined : within(timeoutMs, meters.forceFlush()),
      ]);
      return sent;
    },
    recover,
    async shutdown(timeoutMs = EXPORT_TIMEOUT_MS) {
      metrics?.stop();
      await Promise.all([
        queue.close(timeoutMs),
        meters === undefined ? undefined : within(timeoutMs, meters.shutdown()),
      ]);
    },
  };
}

function ended(record: SpanRecord, lastWriteMs: number): SpanRecord & { end: NonNullable<SpanRecord['end']> } {
  if (record.end !== undefined) return { ...record, end: record.end };
  return {
    ...record,
    end: lostAt(record, lastWriteMs),
    status: { code: ERROR_STATUS, message: 'the process died before the span ended' },
    attributes: { ...record.attributes, [ATTRIBUTES.lost]: true },
  };
}

function meterProvider(options: ResolvedTelemetryOptions, resource: resources.Resource): sdkMetrics.MeterProvider {
  return new sdkMetrics.MeterProvider({
    resource,
    readers: [
      new sdkMetrics.PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter({ timeoutMillis: EXPORT_TIMEOUT_MS, ...options.target }),
        exportIntervalMillis: METRICS_PERIOD_MS,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
      }),
    ],
  });
}
