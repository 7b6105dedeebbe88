import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { errorMessage } from '../core/index.ts';
import type { Job } from '../node/index.ts';
import { type Fault, parseChaos } from './chaos.ts';
import { usageError } from './errors.ts';

/** Options of `troupe run` itself; a job can't have options of these names. */
const RUN_OPTIONS = {
  config: { type: 'string', describe: 'Cluster to start', default: 'cluster.config.ts' },
  cluster: { type: 'string', describe: 'Folder to keep the cluster in; default: one of its own under .troupe/runs' },
  chaos: { type: 'string', describe: 'Faults to survive: preempt, kill-leader, both with a comma, or none' },
  json: { type: 'boolean', describe: 'Print the result as one JSON line at the end' },
  help: { type: 'boolean', describe: 'Show this help', short: 'h' },
} as const;

/** What the command line of a run says. */
export interface RunArguments {
  readonly config: string;
  /** Folder to keep the cluster in; undefined for one of the run's own. */
  readonly cluster: string | undefined;
  readonly chaos: readonly Fault[];
  readonly json: boolean;
  readonly help: boolean;
  /** The job's own options. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

/**
 * Splits a run's command line at the job file: before it only options of `run` may stand.
 *
 * @returns `file` undefined when there is none
 */
export function splitJobFile(args: readonly string[]): { file: string | undefined; rest: string[] } {
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] as string;
    if (!arg.startsWith('-')) return { file: arg, rest: [...args.slice(0, at), ...args.slice(at + 1)] };
    const name = arg.replace(/^--?/, '');
    if (arg === '-h' || name.includes('=') || name === 'json' || name === 'help') continue;
    if (name !== 'config' && name !== 'chaos' && name !== 'cluster')
      throw usageError(`put the job file before the job's options: troupe run FILE ${arg} …`);
    at++;
  }
  return { file: undefined, rest: [...args] };
}

/** A long option as it is written. */
function flags(options: Readonly<Record<string, unknown>>): string {
  return Object.keys(options)
    .sort()
    .map((name) => `--${name}`)
    .join(', ');
}

/**
 * Reads the options of a run and of its job together.
 *
 * @throws TroupeError in one line, naming the options there are
 */
export function parseRunArguments(job: Job | undefined, args: readonly string[]): RunArguments {
  const own = job?.options ?? {};
  const taken = Object.keys(own).find((name) => name in RUN_OPTIONS);
  if (taken !== undefined)
    throw usageError(`the job has an option --${taken}, which troupe run needs for itself; rename it`);
  const options: ParseArgsOptionsConfig = { ...plain(own), ...plain(RUN_OPTIONS) };
  let values: Record<string, unknown>;
  try {
    ({ values } = parseArgs({ args: [...args], options, strict: true, allowPositionals: false }));
  } catch (error) {
    throw usageError(mend(errorMessage(error), { ...own, ...RUN_OPTIONS }));
  }
  const { config, cluster, chaos, json, help, ...rest } = values;
  return {
    config: config as string,
    cluster: cluster as string | undefined,
    chaos: chaos === undefined ? [] : parseChaos(chaos as string),
    json: json === true,
    help: help === true,
    options: rest as RunArguments['options'],
  };
}

interface Described {
  readonly type: 'string' | 'boolean';
  readonly describe: string;
  readonly short?: string | undefined;
  readonly default?: string | boolean | string[] | boolean[] | undefined;
}

function plain(options: Readonly<Record<string, Described>>): ParseArgsOptionsConfig {
  return Object.fromEntries(
    Object.entries(options).map(([name, { describe: _, ...option }]) => [name, option]),
  ) as ParseArgsOptionsConfig;
}

/** Node's own messages run over several lines and know nothing of the job. */
function mend(message: string, known: Readonly<Record<string, unknown>>): string {
  const unknown = /^Unknown option '([^']+)'/.exec(message)?.[1];
  if (unknown !== undefined) return `unknown option ${unknown}; there are ${flags(known)}`;
  const extra = /^Unexpected argument '([^']*)'/.exec(message)?.[1];
  if (extra !== undefined)
    return `unexpected argument "${extra}"; options are written --name value, and there are ${flags(known)}`;
  const missing = /^Option '(?:-\w, )?(--[^ ']+) <value>' argument missing/.exec(message)?.[1];
  if (missing !== undefined) return `${missing} needs a value: ${missing} VALUE`;
  const extraValue = /^Option '(?:-\w, )?(--[^ ']+)' does not take an argument/.exec(message)?.[1];
  if (extraValue !== undefined) return `${extraValue} takes no value; write ${extraValue} alone`;
  return message.split('\n')[0] ?? message;
}

/** The help of `troupe run FILE`. */
export function runHelp(file: string | undefined, job: Job | undefined): string {
  const section = (title: string, options: Readonly<Record<string, Described>>): string[] => [
    '',
    title,
    ...Object.entries(options).map(([name, option]) => {
      const flag = `--${name}${option.type === 'string' ? ` ${name.toUpperCase()}` : ''}`;
      const byDefault = option.default === undefined ? '' : ` (default: ${option.default})`;
      return `  ${flag.padEnd(24)} ${option.describe}${byDefault}`;
    }),
  ];
  const own = job?.options ?? {};
  return [
    `Usage: troupe run ${file ?? 'FILE'} [options]`,
    '',
    job?.describe ??
      "Starts a cluster on this machine and runs a job on it. FILE exports the job: export default defineJob({ … }).\n`troupe run FILE --help` lists the job's own options.",
    ...section('Options of the run:', RUN_OPTIONS),
    ...(Object.keys(own).length === 0
      ? []
      : section(`Options of ${job?.name}:`, own as Readonly<Record<string, Described>>)),
  ].join('\n');
}
