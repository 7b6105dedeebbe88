import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeAddresses } from '../coordinator/index.ts';
import { errorMessage, isTroupeError, type NodeId, TroupeError } from '../core/index.ts';
import type { TlsFiles } from '../remote/index.ts';
import { makeFolder } from './make-folder.ts';

/** What a running node says of itself in the cluster's folder. */
export interface NodeCard {
  readonly node: NodeId;
  readonly pid: number;
  readonly addresses: NodeAddresses;
  /** Its files, when its ports have TLS: clients on this machine believe whom it believes. */
  readonly tls?: TlsFiles;
}

/**
 * The cluster's folder on this machine: how nodes whose ports the system chose find each other, and how commands find a cluster.
 * Layout: `run/<node>.json` (who listens where), `data/<node>/` (logs and ledger), `logs/<node>.log`.
 */
export class ClusterFolder {
  readonly path: string;

  /**
   * @param path made when it isn't there
   * @throws TroupeError INVALID_CONFIGURATION when the folder can't be used, DISK_FULL; so do the methods that write
   */
  constructor(path: string) {
    this.path = path;
    inFolder(path, () => {
      for (const name of ['run', 'data', 'logs']) makeFolder(join(path, name));
    });
  }

  /** Folder of a node's log and ledger. */
  dataDir(node: NodeId): string {
    return join(this.path, 'data', node);
  }

  /** Where spans wait that a killed process could not send. */
  spoolDir(node: NodeId): string {
    return join(this.path, 'data', node, 'spans');
  }

  logFile(node: NodeId): string {
    return join(this.path, 'logs', `${node}.log`);
  }

  /** Where a node's file source looks for a notice of preemption. */
  noticeFile(node: NodeId): string {
    return join(this.path, 'run', `${node}.preempt.json`);
  }

  /** Whether a notice for a node stands. */
  hasNotice(node: NodeId): boolean {
    return existsSync(this.noticeFile(node));
  }

  /** Forgets a notice that was for an earlier machine of that name. */
  forgetNotice(node: NodeId): void {
    rmSync(this.noticeFile(node), { force: true });
  }

  /** Tells where a node listens; whole or not at all (a rename). */
  publish(card: NodeCard): void {
    this.write(this.#card(card.node), JSON.stringify(card));
  }

  /** Forgets where nodes of an earlier run listened, and what notices they had. */
  clearRun(): void {
    const run = join(this.path, 'run');
    inFolder(this.path, () => {
      rmSync(run, { recursive: true, force: true });
      // A node of a killed parent may still be there and have made it again.
      makeFolder(run);
    });
  }

  /** Takes back what this process told of the node; another that took its place stays. */
  withdraw(node: NodeId): void {
    if (this.card(node)?.pid === process.pid) rmSync(this.#card(node), { force: true });
  }

  /** Tells where a node's control port is; it is known before the node has joined. */
  publishControl(node: NodeId, address: string): void {
    this.write(join(this.path, 'run', `${node}.control`), address);
  }

  controlAddress(node: NodeId): string | undefined {
    try {
      return readFileSync(join(this.path, 'run', `${node}.control`), 'utf8');
    } catch {
      // The node hasn't started yet.
      return undefined;
    }
  }

  card(node: NodeId): NodeCard | undefined {
    try {
      return JSON.parse(readFileSync(this.#card(node), 'utf8')) as NodeCard;
    } catch {
      // Not there yet, or the node has left.
      return undefined;
    }
  }

  cards(): NodeCard[] {
    return readdirSync(join(this.path, 'run'))
      .filter((name) => name.endsWith('.json') && !name.endsWith('.preempt.json'))
      .map((name) => this.card(name.slice(0, -'.json'.length)))
      .filter((card) => card !== undefined);
  }

  /** Writes a file of the folder, whole or not at all. */
  write(file: string, text: string): void {
    inFolder(this.path, () => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    });
  }

  #card(node: NodeId): string {
    return join(this.path, 'run', `${node}.json`);
  }
}

/**
 * Runs `work` on files of the cluster's folder, and tells what goes wrong in terms of what to mend.
 *
 * @throws TroupeError DISK_FULL, INVALID_CONFIGURATION when the folder can't be used
 */
export function inFolder<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (isTroupeError(error) && error.code !== 'INVALID_ARGUMENT') throw error;
    const details = { address: path, cause: error };
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new TroupeError('DISK_FULL', `no room in ${path}; free some space and start again`, details);
    }
    const message = `the folder ${path} can't be used (${errorMessage(error)}); set another dataDir`;
    throw new TroupeError('INVALID_CONFIGURATION', message, details);
  }
}
