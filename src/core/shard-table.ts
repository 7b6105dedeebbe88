import type { ShardId } from './ids.ts';

/** One thing for each shard, found without making a text of the shard's name. */
export class ShardTable<T> {
  /** By group, then by number. */
  readonly #groups: Map<string, (T | undefined)[]> = new Map();

  get({ group, shard }: ShardId): T | undefined {
    return this.#groups.get(group)?.[shard];
  }

  set({ group, shard }: ShardId, value: T): void {
    let list = this.#groups.get(group);
    if (list === undefined) {
      list = [];
      this.#groups.set(group, list);
    }
    list[shard] = value;
  }

  delete({ group, shard }: ShardId): void {
    const list = this.#groups.get(group);
    if (list !== undefined) list[shard] = undefined;
  }

  /** In order of number, one group after the other. */
  *[Symbol.iterator](): Generator<T> {
    for (const list of this.#groups.values()) {
      for (const value of list) if (value !== undefined) yield value;
    }
  }
}
