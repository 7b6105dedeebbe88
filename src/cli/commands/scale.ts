import { Command } from 'commander';
import type { PoolStatus } from '../../api/index.ts';
import type { CliContext } from '../cli-context.ts';
import { type ClusterOptions, clusterOptions, withCluster } from '../find-cluster.ts';
import { table } from '../values.ts';

interface Options extends ClusterOptions {
  readonly json?: boolean;
}

/** `troupe scale` */
export function scaleCommand(context: CliContext): Command {
  return clusterOptions(new Command('scale'))
    .description('show how many workers each pool has and is to have, and why')
    .option('--json', 'print one JSON object')
    .action((options: Options) =>
      withCluster(options, context, async (client) => {
        const pools = await client.scale();
        context.terminal.print(options.json ? JSON.stringify({ pools }) : formatScale(pools));
      }),
    );
}

/** How pools are scaled, for a person. */
export function formatScale(pools: readonly PoolStatus[]): string {
  if (pools.length === 0) return 'no pools: the configuration has no autoscale, or the leader has just begun';
  const rows = pools.map(({ pool, min, max, wanted, count, up, draining, why }) => [
    pool,
    `${wanted}`,
    `${up}${draining === 0 ? '' : ` and ${draining} leaving`}`,
    count === undefined ? '-' : `${count}`,
    `${min} to ${max}`,
    why,
  ]);
  const troubles = pools.flatMap(({ pool, trouble }) => (trouble === undefined ? [] : [`${pool}: ${trouble}`]));
  return [table([['POOL', 'WANTED', 'UP', 'PLATFORM', 'ALLOWED', 'WHY'], ...rows]), ...troubles].join('\n\n');
}
