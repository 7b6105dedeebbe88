import { basename, join, resolve } from 'node:path';
import { Command } from 'commander';
import { startWorkflow } from '../../api/index.ts';
import { systemRandom } from '../../core/index.ts';
import type { Cluster, ClusterConfig } from '../../node/index.ts';
import type { CliContext } from '../cli-context.ts';
import { usageError } from '../errors.ts';
import { parseRunArguments, runHelp, splitJobFile } from '../job-arguments.ts';
import { loadJob } from '../job-file.ts';
import { newRunFolder, tidyRun } from '../run-folder.ts';
import { runJob } from '../run-job.ts';

/** `troupe run FILE` */
export function runCommand(context: CliContext): Command {
  return (
    new Command('run')
      .description('start a cluster on this machine and run a job on it')
      .usage('FILE [options]')
      .argument('[args...]', 'job file and options; troupe run FILE --help lists them')
      // The job's options are known only when its file is loaded: this command reads its whole line itself.
      .helpOption(false)
      .allowUnknownOption()
      .action((args: readonly string[]) => run(context, args))
  );
}

async function run(context: CliContext, argv: readonly string[]): Promise<void> {
  const { terminal, interrupts } = context;
  const { file, rest } = splitJobFile(argv);
  if (file === undefined) {
    if (parseRunArguments(undefined, rest).help) return terminal.print(runHelp(undefined, undefined));
    throw usageError('name a job file: troupe run FILE, such as troupe run examples/licence-audit/job.ts');
  }
  const job = await loadJob(file);
  const args = parseRunArguments(job, rest);
  if (args.help) return terminal.print(runHelp(file, job));

  const { coordinatorOfRun, eraseJournals, eraseLog, journalsOfRun, loadConfig, startCluster } = await import(
    '../../node/index.ts'
  );
  const loaded = await loadConfig(args.config);
  const folder = args.cluster ?? newRunFolder(loaded.dataDir, job.name, systemRandom);
  const own = args.cluster === undefined && {
    coordinator: coordinatorOfRun(loaded.coordinator, basename(folder)),
    journals: journalsOfRun(loaded.journals, basename(folder)),
  };
  const config: ClusterConfig = { ...loaded, dataDir: resolve(folder), ...own };
  const workflow = await startWorkflow({
    name: job.name,
    logFile: join(config.dataDir, 'logs', 'run.log'),
    spoolDirectory: join(config.dataDir, 'data', 'run', 'spans'),
  });
  const { telemetry, logger, traceparent } = workflow;
  let cluster: Cluster | undefined;
  let failure: unknown;
  let done = false;
  try {
    terminal.note(`starting cluster ${config.name}: ${config.nodes.map((node) => node.id).join(', ')}`);
    cluster = await startCluster(config, {
      agents: [job.agents],
      signal: interrupts.signal,
      logger,
      telemetry,
      traceparent,
    });
    context.onStopNow(() => killAll(cluster as Cluster, config));
    const result = await runJob({ job, cluster, args, context, logger });
    if (!args.json) terminal.print(result.text);
    else terminal.print(JSON.stringify(result.json));
    context.exitWith(result.exitCode ?? 0);
    done = true;
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    await cluster?.close();
    await workflow.end(failure);
    if (done && args.cluster === undefined) {
      tidyRun(config.dataDir);
      await eraseLog(config).catch((error) => logger.warn('the log of this run is left at etcd', { error }));
      await eraseJournals(config).catch((error) => logger.warn('the journals of this run are left', { error }));
    }
  }
}

/** Ends every process of a cluster at once: whoever asks twice doesn't want to wait for an orderly end. */
function killAll(cluster: Cluster, config: ClusterConfig): void {
  for (const { id } of config.nodes) {
    try {
      cluster.node(id).signal('SIGKILL');
    } catch {
      // It has no process any more, which is what is wanted.
    }
  }
}
