import {
  type Clock,
  type Logger,
  nullLogger,
  nullTracer,
  type Random,
  systemClock,
  systemRandom,
  type Tracer,
} from '../core/index.ts';
import { type Metrics, nullMetrics } from './metrics.ts';
import { ATTRIBUTES } from './names.ts';

/** Who reports, and how. */
export interface TelemetryOptions {
  /** `service.name`, e.g. `troupe-node-1` or `troupe-run`. */
  readonly service: string;
  /** `service.instance.id`: which life of the service, e.g. `node-1#42`. */
  readonly instance: string;
  /** Which thread of the process reports. Default `main`. */
  readonly thread?: 'main' | 'control';
  /** More facts of the process, e.g. the cluster's name. */
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
  /**
   * Folder of this node for spans that are open or unsent, shared by its lives and threads. At the start, what dead lives
   * left there is sent. Without it a killed process leaves children without a parent.
   */
  readonly spoolDirectory?: string;
  /** Where spans go, e.g. `http://localhost:4317`; default: the standard OTEL_EXPORTER_OTLP_* variables. */
  readonly endpoint?: string;
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Environment to read, default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Tracer, instruments, and how to bring what they hold to safety. */
export interface Telemetry {
  readonly tracer: Tracer;
  readonly metrics: Metrics;
  /** Sends what has ended. @returns false when the time is over first; the rest is kept and tried again */
  flush(timeoutMs: number): Promise<boolean>;
  /**
   * Sends what dead processes left in a folder: for a node that won't come back to do it itself.
   * @returns how many spans
   */
  recover(directory: string): number;
  /** Ends open spans as lost, sends everything, and closes. Default time limit 5,000 ms. */
  shutdown(timeoutMs?: number): Promise<void>;
}

/** Options after the environment has been read. */
export interface ResolvedTelemetryOptions {
  readonly resource: Readonly<Record<string, string | number | boolean>>;
  readonly target: { readonly url?: string };
  readonly metrics: boolean;
  readonly spoolDirectory: string | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
}

/** Records nothing. */
export const nullTelemetry: Telemetry = {
  tracer: nullTracer,
  metrics: nullMetrics,
  flush: async () => true,
  recover: () => 0,
  shutdown: async () => {},
};

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
