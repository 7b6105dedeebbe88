import { Command } from 'commander';
import type { CliContext } from '../cli-context.ts';
import { type ClusterOptions, clusterOptions, withCluster } from '../find-cluster.ts';
import { formatMs } from '../progress.ts';
import { parseMs } from '../values.ts';

interface Options extends ClusterOptions {
  readonly deadline: number;
  readonly reason: string;
  readonly json?: boolean;
}

/** `troupe drain NODE` */
export function drainCommand(context: CliContext): Command {
  return clusterOptions(new Command('drain'))
    .description('empty a node: its agents and their queues move, then it leaves')
    .argument('<node>', 'id of the node')
    .option('--deadline <ms>', 'time to be empty', parseMs, 15_000)
    .option('--reason <text>', 'why, for people', 'asked by an operator')
    .option('--json', "print the node's last record as one JSON object")
    .action((node: string, { deadline, reason, json, ...options }: Options) =>
      withCluster(options, context, async (client) => {
        const record = await client.drain(node, { reason, deadlineMs: deadline });
        const { account } = record;
        const cost =
          account === undefined
            ? ''
            : `: ${account.agents} agents and ${account.messages} messages moved in ${formatMs(account.drainMs)}, pause p99 ${formatMs(account.pauseMsP99)}`;
        context.terminal.print(json ? JSON.stringify(record) : `${node} has left${cost}`);
      }),
    );
}
