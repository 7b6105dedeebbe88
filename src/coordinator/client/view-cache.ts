import { shardKey } from '../../core/index.ts';
import type { ClusterView, GroupSpec, LedgerEvent, Members, NodeRecord, ShardRecord } from '../commands.ts';

/** A view of the cluster that events keep up to date. */
export class ViewCache {
  #index = 0;
  #nodes: Map<string, NodeRecord> = new Map();
  #groups: Map<string, GroupSpec> = new Map();
  #shards: Map<string, ShardRecord> = new Map();
  #members: Members | undefined;

  /** Everything up to this index is in the view. */
  get index(): number {
    return this.#index;
  }

  /** The view as of `index`. */
  get view(): ClusterView {
    return {
      index: this.#index,
      nodes: [...this.#nodes.values()],
      groups: [...this.#groups.values()],
      shards: [...this.#shards.values()],
      ...(this.#members === undefined ? {} : { members: this.#members }),
    };
  }

  replace(view: ClusterView): void {
    this.#index = view.index;
    this.#nodes = new Map(view.nodes.map((node) => [node.node, node]));
    this.#groups = new Map(view.groups.map((group) => [group.group, group]));
    this.#shards = new Map(view.shards.map((shard) => [shardKey(shard), shard]));
    this.#members = view.members;
  }

  apply(index: number, events: readonly LedgerEvent[]): void {
    this.#index = index;
    for (const event of events) {
      if (event.type === 'node') this.#nodes.set(event.node.node, event.node);
      else if (event.type === 'group') this.#groups.set(event.group.group, event.group);
      else if (event.type === 'shards') for (const shard of event.shards) this.#shards.set(shardKey(shard), shard);
      else if (event.type === 'members') this.#members = event.members;
    }
  }
}
