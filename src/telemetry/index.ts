export { createLogger, type LoggerOptions, type LogLevel, pinoLogger } from './logger.ts';
export {
  type MailboxGauge,
  type Metrics,
  nullMetrics,
  type RaftGauge,
  type RestartReason,
  type SourceGauge,
} from './metrics.ts';
export { ATTRIBUTES, METRICS, SPANS, type SpanName } from './names.ts';
export { startTelemetry } from './start.ts';
export { nullTelemetry, type Telemetry, type TelemetryOptions } from './telemetry.ts';
