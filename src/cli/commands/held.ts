import { Command } from 'commander';
import type { HeldTurn, Ruling } from '../../api/index.ts';
import type { CliContext } from '../cli-context.ts';
import { usageError } from '../errors.ts';
import { type ClusterOptions, clusterOptions, withCluster } from '../find-cluster.ts';
import { parseAgent, parseJson, parseVersion, table } from '../values.ts';

interface Options extends ClusterOptions {
  readonly json?: boolean;
}

interface ResolveOptions extends Options {
  readonly done?: string;
  readonly retry?: boolean;
  readonly fail?: string;
}

/** `troupe held list|resolve` */
export function heldCommand(context: CliContext): Command {
  const command = new Command('held').description('turns that wait for a person to say what became of a step');
  const list = clusterOptions(new Command('list'))
    .description('print them, with the key to look for each effect by')
    .option('--json', 'print one JSON object')
    .action((options: Options) =>
      withCluster(options, context, async ({ held }) => {
        const turns = await Array.fromAsync(held.list());
        context.terminal.print(options.json ? JSON.stringify({ held: turns }) : formatHeld(turns));
      }),
    );
  const resolve = clusterOptions(new Command('resolve'))
    .description('say what became of the step; the turn goes on by itself')
    .argument('<kind/key>', 'the agent')
    .argument('<hold>', 'the number that `troupe held list` shows')
    .option('--done <json>', 'it was done: its result, such as null or \'{"id": 7}\'')
    .option('--retry', 'it was not done, and will not be: run it again')
    .option('--fail <reason>', 'it counts as failed; the handler is told why')
    .option('--json', 'print one JSON object')
    .action((agent: string, hold: string, options: ResolveOptions) => {
      const place = { ...parseAgent(agent), hold: parseVersion(hold) };
      const ruling = rulingOf(options);
      return withCluster(options, context, async ({ held }) => {
        const turn = await held.resolve(place, ruling);
        const said = `${turn.step} of ${agent} (request ${turn.requestId}): ${ruling.type}`;
        context.terminal.print(options.json ? JSON.stringify(turn) : said);
      });
    });
  command.addCommand(list);
  command.addCommand(resolve);
  return command;
}

/** @throws TroupeError INVALID_ARGUMENT unless exactly one was said */
function rulingOf({ done, retry, fail }: ResolveOptions): Ruling {
  const said: Ruling[] = [
    ...(done === undefined ? [] : [{ type: 'done', value: parseJson(done, '--done') } as const]),
    ...(retry ? [{ type: 'retry' } as const] : []),
    ...(fail === undefined ? [] : [{ type: 'fail', reason: fail } as const]),
  ];
  const [ruling, second] = said;
  if (ruling === undefined || second !== undefined)
    throw usageError('say one of --done JSON, --retry and --fail REASON');
  return ruling;
}

/** Held turns for a person. */
export function formatHeld(turns: readonly HeldTurn[]): string {
  if (turns.length === 0) return 'no turn is held';
  return table([
    ['AGENT', 'HOLD', 'STEP', 'KEY', 'SINCE', 'SETTLED', 'WHY'],
    ...turns.map((turn) => [
      `${turn.kind}/${turn.key}`,
      String(turn.hold),
      turn.step,
      turn.idempotencyKey,
      new Date(turn.heldAt).toISOString(),
      turn.ruling?.type ?? '',
      turn.reason ?? (turn.ruling === undefined ? 'outcome unknown' : ''),
    ]),
  ]);
}
