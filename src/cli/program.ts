import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import type { CliContext } from './cli-context.ts';
import { askCommand } from './commands/ask.ts';
import { certsCommand } from './commands/certs.ts';
import { decideCommand } from './commands/decide.ts';
import { drainCommand } from './commands/drain.ts';
import { heldCommand } from './commands/held.ts';
import { kvCommand } from './commands/kv.ts';
import { logCommand } from './commands/log.ts';
import { logsCommand } from './commands/logs.ts';
import { nodeCommand } from './commands/node.ts';
import { planCommand } from './commands/plan.ts';
import { runCommand } from './commands/run.ts';
import { scaleCommand } from './commands/scale.ts';
import { statusCommand } from './commands/status.ts';
import { votersCommand } from './commands/voters.ts';
import { usageError } from './errors.ts';

/** The command line of Troupe. Errors come out of `parseAsync`; nothing here ends the process. */
export function createProgram(context: CliContext): Command {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const program = new Command('troupe')
    .description('A fault-tolerant, distributed actor runtime for teams of LLM agents.')
    .version(version)
    .enablePositionalOptions()
    .showSuggestionAfterError();
  const commands = [
    runCommand,
    nodeCommand,
    statusCommand,
    drainCommand,
    planCommand,
    scaleCommand,
    votersCommand,
    kvCommand,
    heldCommand,
    askCommand,
    decideCommand,
    logsCommand,
    logCommand,
    certsCommand,
  ];
  for (const make of commands) program.addCommand(make(context));
  for (const command of withSubcommands(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => context.terminal.print(text.trimEnd()),
      writeErr: () => undefined,
      outputError: () => undefined,
    });
  }
  return program;
}

function withSubcommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

/**
 * Runs a command line.
 *
 * @throws TroupeError for a wrong command line, or what the command failed with
 */
export async function runCommandLine(program: Command, argv: readonly string[], context: CliContext): Promise<void> {
  if (argv.length === 0) {
    context.terminal.print(program.helpInformation().trimEnd());
    throw usageError('name a command, such as troupe run FILE');
  }
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version were asked for and printed.
    if (error.exitCode === 0) return;
    const words = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
    throw usageError(`${words}; see troupe ${commandOf(program, argv)}--help`);
  }
}

function commandOf(program: Command, argv: readonly string[]): string {
  const known = program.commands.some((command) => command.name() === argv[0]);
  return known ? `${argv[0]} ` : '';
}
