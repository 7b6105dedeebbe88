import { Command } from 'commander';
import type { ApiClient, VoterChange, VotersChanged } from '../../api/index.ts';
import type { CliContext } from '../cli-context.ts';
import { type ClusterOptions, clusterOptions, withCluster } from '../find-cluster.ts';
import { parseMs } from '../values.ts';

interface Options extends ClusterOptions {
  readonly timeout: number;
  readonly learner?: boolean;
  readonly json?: boolean;
}

/** `troupe voters add|promote|remove|lead NODE` */
export function votersCommand(context: CliContext): Command {
  const command = new Command('voters').description('change which nodes vote, while the cluster works');
  const add = verb(context, 'add', 'let a node that is up learn the log, then vote', ({ learner }) =>
    learner ? 'addLearner' : 'add',
  );
  add.option('--learner', 'stop when it learns: it is sent everything and does not vote');
  const promote = verb(context, 'promote', 'let a learner vote as soon as it has caught up', () => 'promote');
  const remove = verb(context, 'remove', 'take a voter or learner out, dead or alive', () => 'remove');
  const lead = verb(context, 'lead', 'hand the leadership to a voter', () => 'lead');
  for (const each of [add, promote, remove, lead]) command.addCommand(each);
  return command;
}

function verb(context: CliContext, name: string, does: string, changeOf: (options: Options) => VoterChange): Command {
  return clusterOptions(new Command(name))
    .description(does)
    .argument('<node>', 'id of the node')
    .option('--timeout <ms>', 'time for all of it, catching up included', parseMs, 60_000)
    .option('--json', 'print one JSON object')
    .action((node: string, options: Options) =>
      withCluster(options, context, async (client) => {
        const change = changeOf(options);
        const following = new AbortController();
        const told = tellProgress(client, node, context, following.signal);
        let outcome: VotersChanged;
        try {
          outcome = await client.changeVoters(change, node, options.timeout);
        } finally {
          following.abort();
          await told;
        }
        context.terminal.print(options.json ? JSON.stringify(outcome) : formatOutcome(change, node, outcome));
      }),
    );
}

/** What a change came to, for a person. */
export function formatOutcome(change: VoterChange, node: string, { changed, members }: VotersChanged): string {
  const now = {
    add: 'votes',
    promote: 'votes',
    addLearner: 'learns',
    remove: 'neither votes nor learns',
    lead: 'leads',
  }[change];
  const names = (list: VotersChanged['members']['voters']): string => list.map((each) => each.node).join(', ');
  const learners = members.learners.length === 0 ? '' : `; learners: ${names(members.learners)}`;
  return `${node} ${now}${changed ? '' : ', as it did before'}; voters: ${names(members.voters)}${learners}`;
}

/** Tells how far the change is; when the cluster can't be followed, the outcome is told all the same. */
async function tellProgress(client: ApiClient, node: string, context: CliContext, signal: AbortSignal): Promise<void> {
  try {
    for await (const event of client.events(signal)) {
      if (event.type !== 'members') continue;
      if (event.members.learners.some((each) => each.node === node)) {
        context.terminal.note(`${node} learns the log and catches up`);
      }
    }
  } catch {
    // Only the progress is lost.
  }
}
