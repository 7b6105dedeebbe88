import type { Logger } from '../core/index.ts';
import { ATTRIBUTES, createLogger, SPANS, startTelemetry, type Telemetry } from '../telemetry/index.ts';

/** How long the spans of a workflow may take to leave when it has ended, ms. */
const FLUSH_MS = 3_000;

/** What a workflow is called, and where its traces wait. */
export interface WorkflowOptions {
  readonly name: string;
  /** File for log lines. */
  readonly logFile: string;
  /** Folder for spans that are open or unsent. */
  readonly spoolDirectory: string;
}

/** One run of a program against a cluster: the root of its trace, and its log. */
export interface Workflow {
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  /** For everything that the program asks of the cluster. */
  readonly traceparent: string | undefined;
  /** Ends the root span with the outcome and sends what is left. */
  end(error?: unknown): Promise<void>;
}

/** Opens the log and, when telemetry is configured, the root span `invoke_workflow` of a program. */
export async function startWorkflow({ name, logFile, spoolDirectory }: WorkflowOptions): Promise<Workflow> {
  const logger = createLogger({ file: logFile, fields: { program: name } });
  const telemetry = await startTelemetry({
    service: 'troupe-run',
    instance: `run/${process.pid}`,
    spoolDirectory,
    logger,
  });
  const attributes = { [ATTRIBUTES.genAiOperation]: SPANS.workflow, [ATTRIBUTES.genAiWorkflowName]: name };
  const root = telemetry.tracer.start(SPANS.workflow, { attributes });
  return {
    telemetry,
    logger,
    traceparent: root.traceparent,
    end: async (error) => {
      root.end(error);
      await telemetry.shutdown(FLUSH_MS);
    },
  };
}
