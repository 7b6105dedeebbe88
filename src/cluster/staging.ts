import type { ShardRecord } from '../coordinator/index.ts';
import { type Clock, shardKey, TroupeError } from '../core/index.ts';
import { type Cargo, joined, type Parcel } from './cargo.ts';

/** Cargo that never became its receiver's is dropped after this, ms. */
const STAGED_MS_MAX = 60_000;

interface Staged {
  readonly epoch: number;
  readonly cargo: Cargo;
  readonly atMs: number;
}

/** Cargo of shards that are about to become this node's. */
export class Staging {
  readonly #clock: Clock;
  readonly #staged: Map<string, Staged> = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Keeps what came for shards. @throws TroupeError NOT_FOUND when what a part is to follow isn't there any more */
  put(parcels: readonly Parcel[]): void {
    const atMs = this.#clock.monotonic();
    for (const [key, staged] of this.#staged) if (staged.atMs + STAGED_MS_MAX < atMs) this.#staged.delete(key);
    for (const parcel of parcels) {
      const { epoch, cargo, more } = parcel;
      const key = shardKey(parcel);
      const before = more ? this.#staged.get(key) : undefined;
      if (more && before?.epoch !== epoch) throw new TroupeError('NOT_FOUND', 'the first part of a cargo is gone');
      this.#staged.set(key, { epoch, cargo: before === undefined ? cargo : joined(before.cargo, cargo), atMs });
    }
  }

  /** Forgets cargo whose shards stay where they are. */
  drop(parcels: readonly Parcel[]): void {
    for (const parcel of parcels) {
      const key = shardKey(parcel);
      if (this.#staged.get(key)?.epoch === parcel.epoch) this.#staged.delete(key);
    }
  }

  /** Cargo that came for a shard that is this node's from this record on; given once. */
  take(shard: ShardRecord): Cargo | undefined {
    const key = shardKey(shard);
    const staged = this.#staged.get(key);
    if (staged === undefined || staged.epoch > shard.epoch) return undefined;
    this.#staged.delete(key);
    return staged.epoch === shard.epoch ? staged.cargo : undefined;
  }
}
