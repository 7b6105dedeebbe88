import { asTroupeError, errorMessage, type Logger, TroupeError } from '../core/index.ts';
import type { Cluster, Job, JobResult } from '../node/index.ts';
import { ChaosPlan } from './chaos.ts';
import type { CliContext } from './cli-context.ts';
import type { RunArguments } from './job-arguments.ts';
import { ProgressLine } from './progress-line.ts';
import { strike } from './strike.ts';
import { TimelineRecorder } from './timeline.ts';

/** What running a job on a cluster takes. */
export interface RunJobParts {
  readonly job: Job;
  readonly cluster: Cluster;
  readonly args: Pick<RunArguments, 'chaos' | 'options'>;
  readonly context: CliContext;
  readonly logger: Logger;
}

/** Runs a job on a running cluster: shows its progress, records its timeline, and strikes with the faults it is to survive. */
export async function runJob({ job, cluster, args, context, logger }: RunJobParts): Promise<JobResult> {
  const { clock, interrupts, terminal } = context;
  const timeline = new TimelineRecorder(clock);
  const line = new ProgressLine(job.name, terminal.stderr, clock);
  const plan = new ChaosPlan(args.chaos);
  const ended = new AbortController();
  const following = follow(cluster, timeline, ended.signal, logger);
  const strikes: Promise<void>[] = [];
  try {
    timeline.status(await cluster.status());
    return await job.run({
      cluster,
      options: args.options,
      signal: interrupts.signal,
      timeline,
      progress: (done, total) => {
        timeline.progress(done, total);
        line.update({ done, total });
        for (const fault of plan.due(done, total)) {
          strikes.push(strike(fault, cluster, timeline, (text) => line.say(text), logger));
        }
      },
    });
  } catch (error) {
    if (interrupts.signal.aborted) throw new TroupeError('CANCELLED', `${job.name} was stopped`, { cause: error });
    throw asTroupeError(error, 'HANDLER_FAILED', { address: job.name });
  } finally {
    line.end();
    ended.abort();
    await Promise.allSettled([following, ...strikes]);
  }
}

/** Puts what the ledger tells on the timeline; a new term means that somebody else may lead. */
async function follow(
  cluster: Cluster,
  timeline: TimelineRecorder,
  signal: AbortSignal,
  logger: Logger,
): Promise<void> {
  let term = -1;
  try {
    for await (const event of cluster.events(signal)) {
      timeline.event(event);
      if (event.term <= term) continue;
      term = event.term;
      // Not awaited: the next decision must not wait for it, its time is what is measured.
      cluster.status().then(
        (status) => timeline.leader(status.leader),
        (error: unknown) => logger.debug('leader not known', { error: errorMessage(error) }),
      );
    }
  } catch (error) {
    logger.warn('timeline is incomplete', { error });
  }
}
