import { Command } from 'commander';
import type { CliContext } from '../cli-context.ts';

/** What SIGTERM ends a process with. */
const SIGTERM_CODE = 143;

/** `troupe node --config FILE --id ID` */
export function nodeCommand(context: CliContext): Command {
  return new Command('node')
    .description('run one node of a cluster on this machine, until it is stopped or drained')
    .requiredOption('--config <file>', 'the cluster, as defineCluster describes it')
    .requiredOption('--id <id>', 'which of its nodes this is, or of the workers of its pools')
    .option('--log-file <file>', 'where log lines go (default: standard error)')
    .action(async ({ config, id, logFile }: { config: string; id: string; logFile?: string }) => {
      const { createNode, drainsOnSigterm, loadConfig, withNode } = await import('../../node/index.ts');
      const { interrupts, terminal } = context;
      const checked = withNode(await loadConfig(config), id);
      const node = await createNode(checked, id, logFile === undefined ? {} : { logFile });
      // SIGTERM is a notice of preemption where the node listens for it: the node drains by itself.
      const drains = drainsOnSigterm(checked.nodes.find((own) => own.id === id)?.preemption);
      const stop = (): void => {
        if (interrupts.exitCode !== SIGTERM_CODE || !drains) void node.stop();
      };
      interrupts.signal.addEventListener('abort', stop, { once: true });
      if (interrupts.signal.aborted) stop();
      terminal.note(`node ${id} of cluster ${checked.name} is up`);
      const end = await node.ended;
      if (end.reason === 'failed') throw end.error;
      terminal.note(`node ${id} has ${end.reason === 'drained' ? 'left' : 'stopped'}`);
    });
}
