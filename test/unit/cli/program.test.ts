import { describe, expect, test } from 'vitest';
import { exitCodeOf } from '../../../src/cli/errors.ts';
import { createProgram, runCommandLine } from '../../../src/cli/program.ts';
import { fakeContext } from './fakes.ts';

async function troupe(...argv: string[]): Promise<{ out: string; error: unknown }> {
  const context = fakeContext();
  let error: unknown;
  await runCommandLine(createProgram(context), argv, context).catch((thrown: unknown) => {
    error = thrown;
  });
  return { out: context.out.join('\n'), error };
}

describe('troupe', () => {
  test.each(['run', 'node', 'status', 'drain', 'voters', 'kv', 'ask', 'decide', 'logs', 'certs'])(
    '%s has help',
    async (command) => {
      const { out, error } = await troupe(command, '--help');
      expect(error).toBeUndefined();
      expect(out).toContain(`Usage: troupe ${command}`);
      expect((await troupe('--help')).out).toContain(command);
    },
  );

  test.each([
    [[], 'name a command'],
    [['rnu'], "unknown command 'rnu' (Did you mean run?); see troupe --help"],
    [['status', '--jsn'], "unknown option '--jsn' (Did you mean --json?); see troupe status --help"],
    [['status', '--api', 'nowhere'], '--api: "nowhere" is not host:port'],
    [['ask', 'kind'], "missing required argument 'key'; see troupe ask --help"],
    [['ask', 'k', 'y', 'm', '{'], 'the input is not JSON'],
    [['drain', 'n', '--deadline', 'soon'], '"soon" is not a time'],
    [['voters', 'add'], "missing required argument 'node'; see troupe voters --help"],
    [['voters', 'ad', 'n1'], "unknown command 'ad'"],
    [['decide', 'q'], 'name who decides'],
    [['decide', 'q', '--member', 'x'], 'write KIND/KEY'],
    [['decide', 'q', '--member', 'a/b', '--rule', 'dice'], 'Allowed choices are majority, plurality, unanimous'],
    [['node', '--id', 'n'], "required option '--config <file>' not specified"],
    [['logs', '-n', 'many'], 'is not a number of lines'],
    [['certs', 'issue'], "missing required argument 'names'; see troupe certs --help"],
    [['certs', 'init', '--days', '0'], '--days: "0" is not a number of days'],
    [['run'], 'name a job file'],
    [['run', 'nothing.ts'], 'there is no job file nothing.ts'],
    [['run', 'test/unit/cli/fakes.ts'], 'exports no job: it has no default export'],
  ])('%j is refused in one line, with exit code 2', async (argv, text) => {
    const { error } = await troupe(...argv);
    expect((error as Error).message).toContain(text);
    expect((error as Error).message).not.toContain('\n');
    expect(exitCodeOf(error)).toBe(2);
  });

  test.each([
    [['status', '--cluster', 'no/such/folder'], 'no cluster runs in no/such/folder; start one'],
    [['logs', '--cluster', 'no/such/folder'], 'there are no logs in no/such/folder/logs'],
    [['node', '--config', 'no.ts', '--id', 'x'], 'there is no configuration file'],
    [['certs', 'issue', 'n1', '--dir', 'no/such/folder'], 'there is no authority in no/such/folder'],
  ])('%j fails with exit code 1', async (argv, text) => {
    const { error } = await troupe(...argv);
    expect((error as Error).message).toContain(text);
    expect(exitCodeOf(error)).toBe(1);
  });
});
