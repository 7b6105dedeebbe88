export { createLogger, type LoggerOptions, type LogLevel, pinoLogger } from './logger.ts';
export { type MailboxGauge, type Metrics, nullMetrics, type RaftGauge, type RestartReason } from './metrics.ts';
export { ATTRIBUTES, METRICS, SPANS, type SpanName } from './names.ts';
export { nullTelemetry, startTelemetry, type Telemetry, type TelemetryOptions } from './start.ts';
