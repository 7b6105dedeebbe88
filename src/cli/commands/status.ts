import { Command } from 'commander';
import type { ApiStatus, NodeRecord } from '../../api/index.ts';
import { isTroupeError } from '../../core/index.ts';
import type { CliContext } from '../cli-context.ts';
import { type ClusterOptions, clusterOptions, withCluster } from '../find-cluster.ts';
import { formatCount, formatMs } from '../progress.ts';
import { table } from '../values.ts';

/** A cluster without a majority is asked for what it knows after this long, ms. */
const FRESH_MS = 3_000;

interface Options extends ClusterOptions {
  readonly json?: boolean;
  readonly stale?: boolean;
}

/** `troupe status` */
export function statusCommand(context: CliContext): Command {
  return clusterOptions(new Command('status'))
    .description('show the nodes of a cluster, who leads, and what the ledger counts')
    .option('--stale', 'show what one node knows, without asking a majority')
    .option('--json', 'print one JSON object')
    .action((options: Options) =>
      withCluster(options, context, async (client) => {
        let { stale = false } = options;
        let status: ApiStatus;
        try {
          status = await client.status({ stale, timeoutMs: FRESH_MS });
        } catch (error) {
          if (stale || !(isTroupeError(error, 'TIMEOUT') || isTroupeError(error, 'NO_QUORUM'))) throw error;
          context.terminal.note('no majority of voters answers; this is what one node knows');
          stale = true;
          status = await client.status({ stale, timeoutMs: FRESH_MS });
        }
        context.terminal.print(options.json ? JSON.stringify({ ...status, stale }) : formatStatus(status));
      }),
    );
}

/** A cluster's status for a person. */
export function formatStatus({ cluster, leader, view, stats }: ApiStatus): string {
  const owned = new Map<string, number>();
  for (const { owner } of view.shards) {
    if (owner !== undefined) owned.set(owner.node, (owned.get(owner.node) ?? 0) + 1);
  }
  const learners = new Set(view.members?.learners.map((each) => each.node));
  const nodes = view.nodes.toSorted((a, b) => (a.node < b.node ? -1 : 1));
  const rows = nodes.map((node) => [
    node.node,
    node.state,
    node.node === leader?.node ? 'leader' : node.voter ? 'voter' : learners.has(node.node) ? 'learner' : 'worker',
    String(owned.get(node.node) ?? 0),
    Object.entries(node.labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(',') || '-',
    node.addresses.api || '-',
    note(node),
  ]);
  const counts = `${formatCount(stats.decisions)} decisions, ${formatCount(stats.ballots)} ballots, ${formatCount(stats.tasksCompleted)} tasks`;
  return [
    `cluster ${cluster}: ${leader === undefined ? 'no leader' : `${leader.node} leads in term ${leader.term}`}, log index ${stats.index}`,
    counts,
    '',
    table([['NODE', 'STATE', 'ROLE', 'SHARDS', 'LABELS', 'API', ''], ...rows]),
  ].join('\n');
}

function note({ account, reason }: NodeRecord): string {
  const moved = account === undefined ? '' : `${account.agents} agents moved in ${formatMs(account.drainMs)}`;
  return [reason, moved].filter(Boolean).join('; ');
}
