import {
  type GroupSpec,
  LEDGER_LIMITS,
  type LedgerEvent,
  type NodeRecord,
  type ShardRecord,
  type WatchDelivery,
} from '../coordinator/index.ts';
import { type NodeId, type NodeRef, type ShardId, ShardTable, shardOf } from '../core/index.ts';

/** What changed in one delivery of the ledger's watch. After a fresh view, everything that differs. */
export interface ViewChange {
  readonly nodes: readonly NodeRecord[];
  readonly shards: readonly ShardRecord[];
}

/** Whether two references name the same life of the same node. */
export function sameNode(a: NodeRef | undefined, b: NodeRef | undefined): boolean {
  return a?.node === b?.node && a?.incarnation === b?.incarnation;
}

function isOver(node: NodeRecord): boolean {
  return node.state === 'down' || node.state === 'left';
}

/**
 * Nodes and shards as this node knows them: a copy of the ledger's, kept by a watch. It may lag, never lie about the
 * order; who acts on it carries the epoch it read, and the ledger refuses an old one.
 */
export class ClusterMap {
  #index = 0;
  readonly #nodes: Map<NodeId, NodeRecord> = new Map();
  readonly #groups: Map<string, GroupSpec> = new Map();
  readonly #shards: ShardTable<ShardRecord> = new ShardTable();
  readonly #listeners: Set<(change: ViewChange) => void> = new Set();

  /** Index of the ledger that this copy reflects. */
  get index(): number {
    return this.#index;
  }

  /** Takes the next delivery; listeners hear what changed. */
  accept(delivery: WatchDelivery): void {
    const nodes: NodeRecord[] = [];
    const shards: ShardRecord[] = [];
    if (delivery.type === 'view') {
      this.#endMissing(delivery.view.nodes, nodes);
      for (const group of delivery.view.groups) this.#groups.set(group.group, group);
      for (const node of delivery.view.nodes) this.#setNode(node, nodes);
      for (const shard of delivery.view.shards) if (this.#setShard(shard)) shards.push(shard);
      this.#index = delivery.view.index;
    } else {
      for (const event of delivery.events) this.#take(event, nodes, shards);
      this.#index = delivery.index;
    }
    if (nodes.length === 0 && shards.length === 0) return;
    for (const listener of this.#listeners) listener({ nodes, shards });
  }

  /** Calls `listener` after each change; returns a function that ends it. */
  onChange(listener: (change: ViewChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The newest life of a node. */
  node(id: NodeId): NodeRecord | undefined {
    return this.#nodes.get(id);
  }

  /** The newest life of each node. */
  nodes(): NodeRecord[] {
    return [...this.#nodes.values()];
  }

  group(name: string): GroupSpec | undefined {
    return this.#groups.get(name);
  }

  groups(): GroupSpec[] {
    return [...this.#groups.values()];
  }

  shard(id: ShardId): ShardRecord | undefined {
    return this.#shards.get(id);
  }

  /** All shards of all groups that were ever placed. */
  shards(): ShardRecord[] {
    return [...this.#shards];
  }

  /** The shard that holds a key, or undefined when no node declared the group. */
  shardOf(group: string, key: string): ShardId | undefined {
    const spec = this.#groups.get(group);
    return spec === undefined ? undefined : { group, shard: shardOf(key, spec.shards) };
  }

  /** Whether this life is still one that may own shards. */
  isAlive(ref: NodeRef): boolean {
    const record = this.#nodes.get(ref.node);
    return record?.incarnation === ref.incarnation && !isOver(record);
  }

  #take(event: LedgerEvent, nodes: NodeRecord[], shards: ShardRecord[]): void {
    if (event.type === 'node') {
      this.#setNode(event.node, nodes);
    } else if (event.type === 'group') {
      this.#groups.set(event.group.group, event.group);
    } else if (event.type === 'shards') {
      for (const shard of event.shards) if (this.#setShard(shard)) shards.push(shard);
    }
  }

  /** A view replaces: a node that it doesn't have is gone, and was dropped by the ledger since. */
  #endMissing(listed: readonly NodeRecord[], changed: NodeRecord[]): void {
    const present = new Set(listed.map((node) => node.node));
    for (const [id, known] of this.#nodes) {
      if (present.has(id)) continue;
      if (this.isAlive(known)) changed.push({ ...known, state: 'down', reason: 'forgotten by the ledger' });
      this.#nodes.delete(id);
    }
  }

  /** Adds what changed to `changed`: a new life ends the one before, whether or not the ledger's word on that was seen. */
  #setNode(node: NodeRecord, changed: NodeRecord[]): void {
    const known = this.#nodes.get(node.node);
    if (known !== undefined && known.incarnation > node.incarnation) return;
    if (known !== undefined && known.incarnation < node.incarnation && this.isAlive(known)) {
      changed.push({ ...known, state: 'down', reason: 'replaced by a new life' });
    }
    // Entries are in order of their last change, so that the longest gone are the first to be forgotten.
    this.#nodes.delete(node.node);
    this.#nodes.set(node.node, node);
    if (known?.incarnation === node.incarnation && known.state === node.state) return;
    changed.push(node);
    if (isOver(node)) this.#forgetGone();
  }

  #forgetGone(): void {
    let gone = 0;
    for (const node of this.#nodes.values()) if (isOver(node)) gone++;
    for (const node of this.#nodes.values()) {
      if (gone <= LEDGER_LIMITS.nodesGoneMax) return;
      if (isOver(node) && this.#nodes.delete(node.node)) gone--;
    }
  }

  #setShard(shard: ShardRecord): boolean {
    const known = this.#shards.get(shard);
    if (
      known !== undefined &&
      known.epoch === shard.epoch &&
      sameNode(known.owner, shard.owner) &&
      sameNode(known.target, shard.target)
    ) {
      return false;
    }
    this.#shards.set(shard, shard);
    return true;
  }
}
