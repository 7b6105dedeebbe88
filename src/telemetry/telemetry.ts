import { type Clock, type Logger, nullTracer, type Random, type Tracer } from '../core/index.ts';
import { type Metrics, nullMetrics } from './metrics.ts';

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
