import { existsSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { type ApiClient, connectApi } from '../api/index.ts';
import { type LogFields, type Logger, nullLogger, nullTracer, TroupeError } from '../core/index.ts';
import type { NodeCard } from '../node/index.ts';
import type { CliContext } from './cli-context.ts';
import { usageError } from './errors.ts';
import { clusterFolders, FOLDER, isRunning } from './run-folder.ts';
import type { Terminal } from './terminal.ts';

/** A person waits this long for a cluster that doesn't answer, ms. */
const UNAVAILABLE_MS = 5_000;

/** How a command line names a cluster. */
export interface ClusterOptions {
  readonly cluster?: string;
  readonly api?: readonly string[];
  readonly tls?: string;
}

/** Adds `--cluster` and `--api` to a command. */
export function clusterOptions(command: Command): Command {
  const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, address(value)];
  return command
    .addOption(
      new Option('--cluster <dir>', 'folder of a cluster on this machine (default: the one that runs in .troupe)'),
    )
    .addOption(new Option('--api <host:port>', 'address of any node; may be repeated').argParser(collect))
    .addOption(
      new Option('--tls <dir>', 'with --api: folder with ca.crt, and client.crt and client.key if they are asked for'),
    );
}

/**
 * Runs `work` with a client of the cluster that a command line names.
 *
 * @throws TroupeError NOT_FOUND when no cluster runs in the folder
 */
export async function withCluster<T>(
  options: ClusterOptions,
  context: CliContext,
  work: (client: ApiClient) => Promise<T>,
): Promise<T> {
  const { clock, interrupts } = context;
  const { addresses, files } = await place(options);
  // Only with TLS, since it loads what a node is made of.
  const secure = files === undefined ? undefined : (await import('../node/index.ts')).clientTls;
  const client = connectApi({
    addresses,
    tls: secure?.(files, undefined, { clock, logger: noting(context.terminal) }),
    clock,
    logger: nullLogger,
    tracer: nullTracer,
    unavailableMs: UNAVAILABLE_MS,
  });
  const onAbort = (): void => void client.close();
  interrupts.signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await work(client);
  } finally {
    interrupts.signal.removeEventListener('abort', onAbort);
    await client.close();
  }
}

/** What a node would log of a server that it refuses, a person is told. */
function noting(terminal: Terminal): Logger {
  const warn = (message: string, fields: LogFields = {}): void => {
    const details = Object.entries(fields).map(([name, value]) => `${name} ${value}`);
    terminal.note(`troupe: ${[message, ...details].join(', ')}`);
  };
  return { ...nullLogger, warn };
}

function address(value: string): string {
  if (!/^.+:\d{1,5}$/.test(value)) throw usageError(`--api: "${value}" is not host:port, such as 127.0.0.1:7070`);
  return value;
}

/**
 * The folder of the one cluster that runs under `.troupe`.
 *
 * @throws TroupeError when several run
 */
function runningFolder(): string {
  const [first, second] = clusterFolders(FOLDER).filter(isRunning);
  if (second === undefined) return first ?? FOLDER;
  throw usageError(`several clusters run here; name one with --cluster ${first} or --cluster ${second}`);
}

/** Where the cluster's nodes are, and the files of TLS if they speak it. */
interface Place {
  readonly addresses: () => readonly string[];
  readonly files: NodeCard['tls'];
}

async function place({ api, tls, cluster }: ClusterOptions): Promise<Place> {
  if (api === undefined) return folderPlace(cluster ?? runningFolder());
  if (tls === undefined) return { addresses: () => api, files: undefined };
  const { ca, ...own } = (await import('../node/index.ts')).filesIn(tls, 'client');
  return { addresses: () => api, files: existsSync(own.cert) ? { ca, ...own } : { ca } };
}

async function folderPlace(path: string): Promise<Place> {
  const nothing = `no cluster runs in ${path}; start one with troupe run or troupe node, or name one with --cluster DIR or --api HOST:PORT`;
  if (!existsSync(path)) throw new TroupeError('NOT_FOUND', nothing);
  const { ClusterFolder, isAlive } = await import('../node/index.ts');
  const folder = new ClusterFolder(path);
  const cards = (): NodeCard[] => folder.cards().filter((card) => isAlive(card.pid));
  const [first] = cards();
  if (first === undefined) throw new TroupeError('NOT_FOUND', nothing);
  return { addresses: () => cards().map((card) => card.addresses.api), files: first.tls };
}
