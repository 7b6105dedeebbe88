import { Command } from 'commander';
import type { ImaginedNode, PlacementPlan, ShardMove } from '../../api/index.ts';
import type { CliContext } from '../cli-context.ts';
import { usageError } from '../errors.ts';
import { type ClusterOptions, clusterOptions, withCluster } from '../find-cluster.ts';
import { table } from '../values.ts';

/** Moves shown one by one; the rest is only counted. `--json` has all. */
const MOVES_SHOWN_MAX = 200;

interface Options extends ClusterOptions {
  readonly without: readonly string[];
  readonly with: readonly ImaginedNode[];
  readonly stale?: boolean;
  readonly json?: boolean;
}

/** `troupe plan` */
export function planCommand(context: CliContext): Command {
  return clusterOptions(new Command('plan'))
    .description('show which shards would move, and why; also if nodes left or came')
    .option('--without <node>', 'as if this node were draining; may be repeated', append, [])
    .option('--with <node>', 'as if this node came, such as n9:capacity=spot,weight=2; may be repeated', imagined, [])
    .option('--stale', 'plan on what one node knows, without asking a majority')
    .option('--json', 'print one JSON object')
    .action((options: Options) =>
      withCluster(options, context, async (client) => {
        const plan = await client.plan(options);
        context.terminal.print(options.json ? JSON.stringify(plan) : formatPlan(plan));
      }),
    );
}

function append(node: string, list: readonly string[]): string[] {
  return [...list, node];
}

function imagined(text: string, list: readonly ImaginedNode[]): ImaginedNode[] {
  return [...list, parseImagined(text)];
}

/** Reads `NODE` or `NODE:label=value,…`; `weight` is no label. */
export function parseImagined(text: string): ImaginedNode {
  const [id = '', ...rest] = text.split(':');
  const facts = rest.join(':');
  const pairs = facts === '' ? [] : facts.split(',').map((fact) => fact.split('='));
  const { weight, ...labels } = Object.fromEntries(pairs) as Record<string, string>;
  const wrong =
    id === '' || pairs.some(({ length }) => length !== 2) || (weight !== undefined && !(Number(weight) >= 0));
  if (wrong) throw usageError(`"${text}" is no node; write NODE:label=value,weight=2, or NODE alone`);
  return { id, labels, ...(weight === undefined ? {} : { weight: Number(weight) }) };
}

/** A plan for a person. */
export function formatPlan({ moves, underWay, homeless, nodes }: PlacementPlan): string {
  const row = ({ kind, shard, from = '-', to = 'stays', why }: ShardMove): string[] => [
    `${kind}:${shard}`,
    from,
    to,
    why,
  ];
  const all = [...underWay, ...moves];
  const parts = [
    all.length === 0
      ? 'nothing would move'
      : `${moves.length} of ${nodes.reduce((sum, { shardsThen }) => sum + shardsThen, 0)} shards would move${underWay.length === 0 ? '' : `, ${underWay.length} are on their way`}`,
    table([
      ['NODE', 'SHARDS', 'THEN'],
      ...nodes.map(({ id, shardsNow, shardsThen }) => [id, `${shardsNow}`, `${shardsThen}`]),
    ]),
  ];
  if (all.length > 0) parts.push(table([['SHARD', 'FROM', 'TO', 'WHY'], ...all.slice(0, MOVES_SHOWN_MAX).map(row)]));
  if (all.length > MOVES_SHOWN_MAX) parts.push(`and ${all.length - MOVES_SHOWN_MAX} more; --json has them all`);
  for (const { kind, shards, why } of homeless) parts.push(`${shards} shards of ${kind} have no node to go to: ${why}`);
  return parts.join('\n\n');
}
