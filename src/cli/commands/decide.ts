import { Command, Option } from 'commander';
import { type DecisionRecord, type DecisionRule, team } from '../../api/index.ts';
import type { CliContext } from '../cli-context.ts';
import { usageError } from '../errors.ts';
import { type ClusterOptions, clusterOptions, withCluster } from '../find-cluster.ts';
import { parseAgent, parseJson, parseMs, table } from '../values.ts';

interface Options extends ClusterOptions {
  readonly member?: readonly { readonly kind: string; readonly key: string }[];
  readonly option?: readonly string[];
  readonly subject?: string;
  readonly rule: DecisionRule;
  readonly deadline: number;
  readonly id?: string;
  readonly json?: boolean;
}

/** `troupe decide QUESTION --member KIND/KEY …` */
export function decideCommand(context: CliContext): Command {
  const members = (text: string, before: NonNullable<Options['member']> = []) => [...before, parseAgent(text)];
  const choices = (text: string, before: readonly string[] = []) => [...before, text];
  return clusterOptions(new Command('decide'))
    .description('put a question to agents and print what they decide')
    .argument('<question>', 'what is asked')
    .addOption(new Option('--member <kind/key>', 'an agent that votes; repeat it for each').argParser(members))
    .addOption(
      new Option('--option <choice>', 'an allowed choice; repeat it for each (default: any)').argParser(choices),
    )
    .option('--subject <json>', 'what the question is about, handed to each member')
    .addOption(
      new Option('--rule <rule>', 'how ballots become a result')
        .choices(['majority', 'plurality', 'unanimous'])
        .default('majority'),
    )
    .option('--deadline <ms>', 'when it closes by itself', parseMs, 10_000)
    .option('--id <id>', 'the same id again is the same decision again')
    .option('--json', 'print the decision as one JSON object')
    .action((question: string, options: Options) => {
      const { member, option, rule, deadline: deadlineMs, id, json } = options;
      if (member === undefined) throw usageError('name who decides: --member KIND/KEY, once for each');
      const subject = options.subject === undefined ? undefined : parseJson(options.subject, '--subject');
      return withCluster(options, context, async (client) => {
        const decision = await team(client, 'cli', { members: member }).decide({
          question,
          rule,
          deadlineMs,
          ...(option === undefined ? {} : { options: option }),
          ...(subject === undefined ? {} : { subject }),
          ...(id === undefined ? {} : { id }),
        });
        context.terminal.print(json ? JSON.stringify(decision) : formatDecision(decision));
      });
    });
}

/** A closed decision for a person. */
export function formatDecision({ id, electors, ballots, result }: DecisionRecord): string {
  if (result === undefined) return `decision ${id} is open`;
  const outcome = result.outcome === 'decided' ? `decided: ${result.choice}` : result.outcome;
  const rows = electors.map((elector) => {
    const ballot = ballots.find((cast) => cast.member === elector);
    return [elector, ballot === undefined ? '-' : (ballot.choice ?? 'abstains'), ballot?.reason ?? ''];
  });
  return [`${outcome} (log index ${result.index}, term ${result.term}, epoch ${result.epoch})`, table(rows)].join('\n');
}
