import { Command } from 'commander';
import type { CliContext } from '../cli-context.ts';
import { type ClusterOptions, clusterOptions, withCluster } from '../find-cluster.ts';
import { parseJson, parseMs } from '../values.ts';

interface Options extends ClusterOptions {
  readonly timeout: number;
  readonly requestId?: string;
  readonly tell?: boolean;
  readonly json?: boolean;
}

/** `troupe ask KIND KEY METHOD [JSON]` */
export function askCommand(context: CliContext): Command {
  return clusterOptions(new Command('ask'))
    .description('send a message to an agent and print its reply')
    .argument('<kind>', "the agent's kind")
    .argument('<key>', "the agent's key")
    .argument('<method>', 'name of the message')
    .argument('[input]', 'the message as JSON; default: none')
    .option('--timeout <ms>', 'how long to wait for the reply', parseMs, 10_000)
    .option('--request-id <id>', 'the same id again is the same request again')
    .option('--tell', 'send only, and wait for no reply')
    .option('--json', 'print the reply on one line')
    .action((kind: string, key: string, method: string, input: string | undefined, options: Options) => {
      const value = input === undefined ? undefined : parseJson(input, 'the input');
      const { timeout: timeoutMs, requestId, tell, json } = options;
      const { signal } = context.interrupts;
      return withCluster(options, context, async (client) => {
        if (tell) return client.tell({ kind, key }, method, value);
        const bounds = { timeoutMs, signal, ...(requestId === undefined ? {} : { requestId }) };
        const reply = await client.ask({ kind, key }, method, value, bounds);
        context.terminal.print(JSON.stringify(reply ?? null, undefined, json ? undefined : 2));
      });
    });
}
