import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeAddresses } from '../coordinator/index.ts';
import type { NodeId } from '../core/index.ts';

/** What a running node says of itself in the cluster's folder. */
export interface NodeCard {
  readonly node: NodeId;
  readonly pid: number;
  readonly addresses: NodeAddresses;
}

/**
 * The cluster's folder on this machine: how nodes whose ports the system chose find each other, and how commands find a cluster.
 * Layout: `run/<node>.json` (who listens where), `data/<node>/` (logs and ledger), `logs/<node>.log`.
 */
export class ClusterFolder {
  readonly path: string;

  /** @param path made when it isn't there */
  constructor(path: string) {
    this.path = path;
    for (const name of ['run', 'data', 'logs']) mkdirSync(join(path, name), { recursive: true });
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

  /** Tells where a node listens; whole or not at all (a rename). */
  publish(card: NodeCard): void {
    const file = this.#card(card.node);
    writeFileSync(`${file}.new`, JSON.stringify(card));
    renameSync(`${file}.new`, file);
  }

  /** Forgets where nodes of an earlier run listened, and what notices they had. */
  clearRun(): void {
    rmSync(join(this.path, 'run'), { recursive: true, force: true });
    mkdirSync(join(this.path, 'run'));
  }

  withdraw(node: NodeId): void {
    rmSync(this.#card(node), { force: true });
  }

  /** Tells where a node's control port is; it is known before the node has joined. */
  publishControl(node: NodeId, address: string): void {
    const file = join(this.path, 'run', `${node}.control`);
    writeFileSync(`${file}.new`, address);
    renameSync(`${file}.new`, file);
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

  #card(node: NodeId): string {
    return join(this.path, 'run', `${node}.json`);
  }
}
