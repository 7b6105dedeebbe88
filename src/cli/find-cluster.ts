import { existsSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { type ApiClient, connectApi } from '../api/index.ts';
import { nullLogger, nullTracer, TroupeError } from '../core/index.ts';
import type { CliContext } from './cli-context.ts';
import { usageError } from './errors.ts';
import { clusterFolders, FOLDER, isRunning } from './run-folder.ts';

/** A person waits this long for a cluster that doesn't answer, ms. */
const UNAVAILABLE_MS = 5_000;

/** How a command line names a cluster. */
export interface ClusterOptions {
  readonly cluster?: string;
  readonly api?: readonly string[];
}

/** Adds `--cluster` and `--api` to a command. */
export function clusterOptions(command: Command): Command {
  const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, address(value)];
  return command
    .addOption(
      new Option('--cluster <dir>', 'folder of a cluster on this machine (default: the one that runs in .troupe)'),
    )
    .addOption(new Option('--api <host:port>', 'address of any node; may be repeated').argParser(collect));
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
  const client = connectApi({
    addresses:
      options.api === undefined ? await folderAddresses(options.cluster ?? runningFolder()) : () => options.api ?? [],
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

async function folderAddresses(path: string): Promise<() => string[]> {
  const nothing = `no cluster runs in ${path}; start one with troupe run or troupe node, or name one with --cluster DIR or --api HOST:PORT`;
  if (!existsSync(path)) throw new TroupeError('NOT_FOUND', nothing);
  const { ClusterFolder, isAlive } = await import('../node/index.ts');
  const folder = new ClusterFolder(path);
  const addresses = (): string[] =>
    folder
      .cards()
      .filter((card) => isAlive(card.pid))
      .map((card) => card.addresses.api);
  if (addresses().length === 0) throw new TroupeError('NOT_FOUND', nothing);
  return addresses;
}
