import { describe, expect, test } from 'vitest';
import { parseRunArguments, runHelp, splitJobFile } from '../../../src/cli/job-arguments.ts';
import { problemOf } from '../../../src/cli/job-file.ts';
import type { Job } from '../../../src/node/job.ts';

const job: Job = {
  name: 'audit',
  describe: 'Audits.',
  agents: new URL('file:///agents.ts'),
  options: {
    input: { type: 'string', describe: 'Folder', default: 'here' },
    deep: { type: 'boolean', describe: 'Look into everything', short: 'd' },
  },
  run: async () => ({ text: '', json: {} }),
};

describe('the command line of a run', () => {
  test('mixes options of the run and of the job after the file', () => {
    const { file, rest } = splitJobFile(['job.ts', '--chaos', 'preempt', '--input', 'x', '-d', '--json']);
    expect(file).toBe('job.ts');
    expect(parseRunArguments(job, rest)).toEqual({
      config: 'cluster.config.ts',
      chaos: ['preempt'],
      json: true,
      help: false,
      options: { input: 'x', deep: true },
    });
  });

  test('takes options of the run before the file', () => {
    const { file, rest } = splitJobFile(['--json', '--config', 'c.ts', '--chaos=preempt', 'job.ts', '--deep']);
    expect(file).toBe('job.ts');
    expect(parseRunArguments(job, rest)).toMatchObject({
      config: 'c.ts',
      chaos: ['preempt'],
      json: true,
      options: { input: 'here', deep: true },
    });
  });

  test('gives defaults of the job', () => {
    expect(parseRunArguments(job, []).options).toEqual({ input: 'here' });
  });

  test('has no file when none is named', () => {
    expect(splitJobFile(['--help'])).toEqual({ file: undefined, rest: ['--help'] });
    expect(parseRunArguments(undefined, ['--help']).help).toBe(true);
    expect(parseRunArguments(undefined, ['-h']).help).toBe(true);
  });

  const all = '--chaos, --cluster, --config, --deep, --help, --input, --json';
  test.each([
    [['--inptu', 'x'], `unknown option --inptu; there are ${all}`],
    [['-x'], `unknown option -x; there are ${all}`],
    [['--input'], '--input needs a value: --input VALUE'],
    [['--deep=yes'], '--deep takes no value; write --deep alone'],
    [['stray'], `unexpected argument "stray"; options are written --name value, and there are ${all}`],
    [['--chaos', 'x'], '--chaos: "x" is not known; choose from preempt, kill-leader, none'],
  ])('refuses %j in one line', (args, message) => {
    expect(() => parseRunArguments(job, args)).toThrow(expect.objectContaining({ message }));
  });

  test("refuses a job's option before the file, since nothing says whether it takes a value", () => {
    expect(() => splitJobFile(['--input', 'x', 'job.ts'])).toThrow('put the job file before');
  });

  test('refuses a job with an option of the run', () => {
    const clash = { ...job, options: { json: { type: 'boolean', describe: '' } } } as const;
    expect(() => parseRunArguments(clash, [])).toThrow('--json, which troupe run needs');
  });

  test("help lists the run's options and the job's", () => {
    const help = runHelp('job.ts', job);
    expect(help).toContain('Usage: troupe run job.ts');
    expect(help).toMatch(/--input INPUT +Folder \(default: here\)/);
    expect(help).toMatch(/--deep +Look into everything/);
    expect(help).toContain('--chaos');
  });
});

describe('a job file', () => {
  test('that exports a job is taken', () => {
    expect(problemOf(job)).toBeUndefined();
  });

  test.each([
    [undefined, 'no default export'],
    [7, 'not an object'],
    [{ ...job, name: '' }, 'name'],
    [{ ...job, agents: './agents.ts' }, 'agents are not a URL'],
    [{ ...job, run: undefined }, 'no run function'],
    [{ ...job, options: 'x' }, 'options'],
  ])('says what is missing: %#', (value, text) => {
    expect(problemOf(value)).toContain(text);
  });
});
