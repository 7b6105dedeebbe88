import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { delay, TroupeError } from '../../core/index.ts';
import type { CliContext } from '../cli-context.ts';
import { usageError } from '../errors.ts';
import { formatLogLine, LogTail } from '../log-lines.ts';
import { clusterFolders, FOLDER, isRunning } from '../run-folder.ts';

/** How often a followed log is looked at, ms. */
const FOLLOW_MS = 200;

interface Options {
  readonly cluster?: string;
  readonly follow?: boolean;
  readonly lines: number;
  readonly json?: boolean;
}

/** `troupe logs [NODE]` */
export function logsCommand(context: CliContext): Command {
  return new Command('logs')
    .description('show the logs of the nodes of a cluster on this machine')
    .argument('[node]', 'id of one node (default: all)')
    .addOption(new Option('--cluster <dir>', 'folder of the cluster (default: the newest in .troupe)'))
    .option('-f, --follow', 'go on as the logs grow')
    .option('-n, --lines <count>', 'begin with the last lines of each', parseCount, 50)
    .option('--json', 'print the lines as they are in the files')
    .action(async (node: string | undefined, { follow, lines, json, ...options }: Options) => {
      const cluster = options.cluster ?? newestFolder();
      const { terminal, interrupts, clock } = context;
      const files = logFiles(cluster, node);
      const tails = new Map<string, LogTail>();
      do {
        for (const id of node === undefined ? logFiles(cluster, undefined) : files) {
          const tail = tails.get(id) ?? new LogTail(join(cluster, 'logs', `${id}.log`));
          tails.set(id, tail);
          for (const line of tail.read(lines)) {
            terminal.print(json ? line : formatLogLine(line, node === undefined ? id : undefined));
          }
        }
        if (follow) await delay(clock, FOLLOW_MS, interrupts.signal);
      } while (follow && !interrupts.signal.aborted);
    });
}

function newestFolder(): string {
  const folders = clusterFolders(FOLDER);
  return folders.find(isRunning) ?? folders.find((folder) => folder !== FOLDER) ?? FOLDER;
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 0) throw usageError(`--lines: "${text}" is not a number of lines`);
  return count;
}

function logFiles(cluster: string, node: string | undefined): string[] {
  const folder = join(cluster, 'logs');
  if (!existsSync(folder)) {
    throw new TroupeError(
      'NOT_FOUND',
      `there are no logs in ${folder}; name the folder of a cluster with --cluster DIR`,
    );
  }
  const ids = readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .map((name) => name.slice(0, -'.log'.length))
    .sort();
  if (node === undefined) return ids;
  if (ids.includes(node)) return [node];
  throw new TroupeError(
    'NOT_FOUND',
    `there is no log of node "${node}"; there are logs of ${ids.join(', ') || 'none'}`,
  );
}
