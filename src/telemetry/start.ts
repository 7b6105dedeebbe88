import { nullLogger, systemClock, systemRandom } from '../core/index.ts';
import { ATTRIBUTES } from './names.ts';
import { nullTelemetry, type Telemetry, type TelemetryOptions } from './telemetry.ts';

/**
 * Starts tracing and metrics for this thread when there is somewhere to send them: an `endpoint`, or one of
 * OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_TRACES_EXPORTER=otlp in the environment. Else,
 * and with OTEL_SDK_DISABLED=true or OTEL_TRACES_EXPORTER=none, everything is a no-op and OpenTelemetry isn't even loaded.
 * OTEL_TRACES_SAMPLER and OTEL_EXPORTER_OTLP_HEADERS have their standard meaning; OTEL_METRICS_EXPORTER=none leaves
 * metrics out. Spans go by OTLP over gRPC.
 *
 * @example
 * const telemetry = await startTelemetry({ service: 'troupe-node-1', instance: 'node-1#42', spoolDirectory, logger });
 * const span = telemetry.tracer.start(SPANS.drain, { parent: traceparent });
 */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const env = options.env ?? process.env;
  const logger = options.logger ?? nullLogger;
  if (!wanted(options, env)) return nullTelemetry;
  if ((env.OTEL_EXPORTER_OTLP_PROTOCOL ?? 'grpc') !== 'grpc') {
    logger.warn('spans go by OTLP over gRPC only', { asked: env.OTEL_EXPORTER_OTLP_PROTOCOL });
  }
  const { otelTelemetry } = await import('./otel.ts');
  return otelTelemetry({
    resource: {
      [ATTRIBUTES.serviceName]: options.service,
      [ATTRIBUTES.serviceInstance]: options.instance,
      [ATTRIBUTES.thread]: options.thread ?? 'main',
      ...options.attributes,
    },
    target: options.endpoint === undefined ? {} : { url: options.endpoint },
    metrics: env.OTEL_METRICS_EXPORTER !== 'none',
    spoolDirectory: options.spoolDirectory,
    logger,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  });
}

function wanted(options: TelemetryOptions, env: Readonly<Record<string, string | undefined>>): boolean {
  if (env.OTEL_SDK_DISABLED === 'true' || env.OTEL_TRACES_EXPORTER === 'none') return false;
  const endpoint = options.endpoint ?? env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? env.OTEL_EXPORTER_OTLP_ENDPOINT ?? '';
  return endpoint !== '' || env.OTEL_TRACES_EXPORTER === 'otlp';
}
