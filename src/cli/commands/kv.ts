import { Command } from 'commander';
import type { StoredValue, Values } from '../../api/index.ts';
import { TroupeError } from '../../core/index.ts';
import type { CliContext } from '../cli-context.ts';
import { type ClusterOptions, clusterOptions, withCluster } from '../find-cluster.ts';
import { parseVersion, table } from '../values.ts';

interface Options extends ClusterOptions {
  readonly expect?: number;
  readonly stale?: boolean;
  readonly json?: boolean;
}

/** `troupe kv get|put|delete|list` */
export function kvCommand(context: CliContext): Command {
  const verb = (name: string, does: string, work: (kv: Values, options: Options, args: string[]) => Promise<string>) =>
    clusterOptions(new Command(name))
      .description(does)
      .option('--json', 'print one JSON object; values as text')
      .action((...given: unknown[]) => {
        const args = given.filter((each) => typeof each === 'string');
        const options = given.find((each) => typeof each === 'object') as Options;
        return withCluster(options, context, async ({ kv }) => {
          const said = await work(kv, options, args);
          if (said !== '') context.terminal.print(said);
        });
      });
  const expecting = (command: Command, does: string): Command =>
    command.option(
      '--expect <version>',
      `${does} only when the key is at this version; 0: when it has no value`,
      parseVersion,
    );
  const stale = (command: Command): Command =>
    command.option('--stale', 'what one node knows, without asking a majority');

  const get = verb('get', 'print a value', async (kv, options, [key = '']) => {
    const found = await kv.get(key, options);
    if (found === undefined) throw new TroupeError('NOT_FOUND', `"${key}" has no value`, { address: key });
    return options.json ? JSON.stringify(shown(found)) : textOf(found);
  });
  const put = verb('put', 'write a value, and print its version', async (kv, options, [key = '', value = '']) => {
    const { version } = await kv.put(key, value, expectation(options));
    return options.json ? JSON.stringify({ version }) : `version ${version}`;
  });
  const remove = verb('delete', 'delete a value, if there is one', async (kv, options, [key = '']) => {
    await kv.delete(key, expectation(options));
    return options.json ? '{}' : '';
  });
  const list = verb('list', 'print all values whose keys begin so', async (kv, options, [prefix = '']) => {
    const found: StoredValue[] = [];
    for await (const value of kv.list(prefix, options)) found.push(value);
    if (options.json) return JSON.stringify({ values: found.map(shown) });
    return table(found.map((value) => [value.key, `version ${value.version}`, `${value.value.byteLength} bytes`]));
  });
  const command = new Command('kv').description('small values under names, the same for the whole cluster');
  command.addCommand(stale(get.argument('<key>')));
  command.addCommand(expecting(put.argument('<key>').argument('<value>', 'text'), 'write'));
  command.addCommand(expecting(remove.argument('<key>'), 'delete'));
  command.addCommand(stale(list.argument('[prefix]', 'all when there is none')));
  return command;
}

function expectation({ expect }: Options): { readonly expect?: number } {
  return expect === undefined ? {} : { expect };
}

function textOf({ value }: StoredValue): string {
  return new TextDecoder().decode(value);
}

function shown(value: StoredValue): { key: string; value: string; version: number } {
  return { key: value.key, value: textOf(value), version: value.version };
}
