import type { DatabaseSync } from 'node:sqlite';
import { type Fence, type NodeRef, type ShardId, shardKey } from '../../core/index.ts';
import { decode, encode } from '../codec.ts';
import type { Commands, GroupSpec, PlacementRule, ShardRecord } from '../commands.ts';
import type { LedgerLimits } from '../limits.ts';
import { list, refuse, text, whole } from './check.ts';
import type { Scope } from './scope.ts';
import { prepare, prepareTuples, type Query } from './sql.ts';

/** Tables of this concern. `grp` as GROUP is a word of SQL. */
export const SHARDS_SCHEMA: string = `
create table groups (grp text primary key, shards integer not null, placement blob not null) strict, without rowid;
create table shards (
  grp text not null, shard integer not null, epoch integer not null,
  owner text, owner_life integer, target text, target_life integer,
  primary key (grp, shard)
) strict, without rowid;
create index shards_by_owner on shards (owner) where owner is not null;
create index shards_by_target on shards (target) where target is not null;`;

type FenceRow = readonly [epoch: number, owner: string | null, shards: number];

interface GroupRow {
  readonly grp: string;
  readonly shards: number;
  readonly placement: Uint8Array;
}

interface ShardRow {
  readonly grp: string;
  readonly shard: number;
  readonly epoch: number;
  readonly owner: string | null;
  readonly owner_life: number | null;
  readonly target: string | null;
  readonly target_life: number | null;
}

/** Whether a life of a node may be given shards of a group now. */
export type MayOwn = (ref: NodeRef, group: string) => boolean;

/** Groups and their shards: who may commit for which keys, and under which epoch. */
export class Shards {
  readonly #limits: LedgerLimits;
  readonly #mayOwn: MayOwn;
  readonly #group: Query<GroupRow>;
  readonly #groups: Query<GroupRow>;
  readonly #saveGroup;
  readonly #groupCount: Query<readonly [number]>;
  readonly #shard: Query<ShardRow>;
  readonly #shards: Query<ShardRow>;
  readonly #insert;
  readonly #save;
  readonly #touching: Query<ShardRow>;
  readonly #fence: Query<FenceRow>;
  /** What fences are compared with, of shards that were asked for since any has changed. */
  readonly #fences: Map<string, FenceRow> = new Map();

  constructor(db: DatabaseSync, limits: LedgerLimits, mayOwn: MayOwn) {
    this.#limits = limits;
    this.#mayOwn = mayOwn;
    this.#group = prepare(db, 'select * from groups where grp = ?');
    this.#groups = prepare(db, 'select * from groups order by grp');
    this.#saveGroup = db.prepare('insert or replace into groups values (?, ?, ?)');
    this.#groupCount = prepareTuples(db, 'select count(*) from groups');
    this.#shard = prepare(db, 'select * from shards where grp = ? and shard = ?');
    this.#shards = prepare(db, 'select * from shards order by grp, shard');
    this.#insert = db.prepare('insert into shards values (?, ?, 0, null, null, null, null)');
    this.#save = db.prepare(
      'update shards set epoch = ?, owner = ?, owner_life = ?, target = ?, target_life = ? where grp = ? and shard = ?',
    );
    this.#touching = prepare(db, 'select * from shards where owner = ?1 or target = ?1 order by grp, shard');
    this.#fence = prepareTuples(
      db,
      `select s.epoch, s.owner, g.shards from shards s join groups g on g.grp = s.grp where s.grp = ? and s.shard = ?`,
    );
  }

  /** Makes the groups that a node hosts known. @throws TroupeError ALREADY_EXISTS when a number of shards differs */
  declare(groups: readonly GroupSpec[], scope: Scope): void {
    for (const { group, shards, placement } of list(groups, 'groups', this.#limits.groupsMax)) {
      text(group, 'group', this.#limits.nameCharsMax);
      whole(shards, 'shards', 1, this.#limits.shardsPerGroupMax);
      const rule = encode(placement ?? {});
      const known = this.#group.get(group);
      if (known !== undefined && known.shards !== shards) {
        refuse('ALREADY_EXISTS', `group ${group} has ${known.shards} shards`, { shards: known.shards });
      }
      if (known !== undefined && Buffer.compare(known.placement, rule) === 0) continue;
      if (known === undefined && (this.#groupCount.get()?.[0] ?? 0) >= this.#limits.groupsMax) {
        refuse('OVERLOADED', 'too many groups');
      }
      this.#saveGroup.run(group, shards, rule);
      scope.emit({ type: 'group', group: { group, shards, placement: placement ?? {} } });
      if (known === undefined) this.#create(group, shards, scope);
    }
  }

  #create(group: string, shards: number, scope: Scope): void {
    const created: ShardRecord[] = [];
    for (let shard = 0; shard < shards; shard++) {
      this.#insert.run(group, shard);
      created.push({ group, shard, epoch: 0 });
    }
    scope.emit({ type: 'shards', shards: created });
  }

  /** A life is over, or (with `keepOwned`) takes no more: its shards become ownerless, and nobody hands over to it. */
  release(ref: NodeRef, scope: Scope, keepOwned = false): void {
    const changed: ShardRecord[] = [];
    for (const row of this.#touching.all(ref.node)) {
      const record = toShard(row);
      const owned = !keepOwned && same(record.owner, ref);
      if (owned) changed.push(this.#write({ ...record, owner: undefined, target: undefined }));
      else if (same(record.target, ref)) changed.push(this.#write({ ...record, target: undefined }));
    }
    if (changed.length > 0) scope.emit({ type: 'shards', shards: changed });
  }

  /** `shards.place`. */
  place(request: Commands['shards.place']['request'], scope: Scope): Commands['shards.place']['reply'] {
    const changed: ShardRecord[] = [];
    let accepted = 0;
    for (const move of list(request.moves, 'moves', this.#limits.movesMax)) {
      const record = this.#find(move);
      if (record === undefined || record.epoch !== move.epoch) continue;
      const { to } = move;
      if (to !== undefined && !this.#mayOwn(to, move.group)) continue;
      if (record.owner === undefined) {
        if (to === undefined) continue;
        changed.push(this.#write({ ...record, epoch: record.epoch + 1, owner: refOf(to), target: undefined }));
      } else {
        const target = to === undefined || same(record.owner, to) ? undefined : refOf(to);
        if (!same(record.target, target)) changed.push(this.#write({ ...record, target }));
      }
      accepted++;
    }
    if (changed.length > 0) scope.emit({ type: 'shards', shards: changed });
    return { accepted };
  }

  /** `shards.transfer`. */
  transfer(request: Commands['shards.transfer']['request'], scope: Scope): Commands['shards.transfer']['reply'] {
    const changed: ShardRecord[] = [];
    for (const fence of list(request.fences, 'fences', this.#limits.movesMax)) {
      this.check(fence);
      if (!this.#mayOwn(request.to, fence.group)) {
        refuse('NODE_UNAVAILABLE', `${request.to.node} takes no shards of ${fence.group}`, { node: request.to.node });
      }
      changed.push(
        this.#write({ group: fence.group, shard: fence.shard, epoch: fence.epoch + 1, owner: refOf(request.to) }),
      );
    }
    if (changed.length > 0) scope.emit({ type: 'shards', shards: changed });
    return { transferred: changed.map(({ group, shard, epoch }) => ({ group, shard, epoch })) };
  }

  /**
   * Passes when `fence` is the current owner's. A shard has an owner only while that life is neither down nor gone.
   *
   * @returns how many shards the group has
   * @throws TroupeError STALE_EPOCH (data.epoch is the shard's), NOT_FOUND
   */
  check(fence: Fence): number {
    const [epoch, owner, shards] = this.#fenceOf(fence);
    if (owner === null || epoch !== fence.epoch) {
      refuse('STALE_EPOCH', `${shardKey(fence)} is at epoch ${epoch}${owner === null ? ', ownerless' : ''}`, { epoch });
    }
    return shards;
  }

  /** The tables have changed in another way: a command or a transaction was taken back, or the state was replaced. */
  forget(): void {
    this.#fences.clear();
  }

  /** All groups, in order of name. */
  listGroups(): GroupSpec[] {
    return this.#groups.all().map((row) => ({
      group: row.grp,
      shards: row.shards,
      placement: decode(row.placement) as PlacementRule,
    }));
  }

  /** All shards, in order of group and number. */
  listShards(): ShardRecord[] {
    return this.#shards.all().map(toShard);
  }

  #fenceOf(id: ShardId): FenceRow {
    // What isn't a name must be refused whether or not one that reads alike is at hand.
    text(id.group, 'group', this.#limits.nameCharsMax);
    whole(id.shard, 'shard', 0);
    const name = shardKey(id);
    const known = this.#fences.get(name);
    if (known !== undefined) return known;
    const row = this.#fence.get(id.group, id.shard) ?? refuse('NOT_FOUND', `there is no shard ${name}`);
    this.#fences.set(name, row);
    return row;
  }

  #find(id: ShardId): ShardRecord | undefined {
    const row = this.#shard.get(id.group, id.shard);
    return row === undefined ? undefined : toShard(row);
  }

  #write(fields: ShardFields): ShardRecord {
    const { owner, target } = fields;
    this.#fences.delete(shardKey(fields));
    this.#save.run(
      fields.epoch,
      owner?.node ?? null,
      owner?.incarnation ?? null,
      target?.node ?? null,
      target?.incarnation ?? null,
      fields.group,
      fields.shard,
    );
    return toRecord(fields);
  }
}

interface ShardFields {
  readonly group: string;
  readonly shard: number;
  readonly epoch: number;
  readonly owner?: NodeRef | undefined;
  readonly target?: NodeRef | undefined;
}

function toRecord({ group, shard, epoch, owner, target }: ShardFields): ShardRecord {
  return {
    group,
    shard,
    epoch,
    ...(owner === undefined ? {} : { owner }),
    ...(target === undefined ? {} : { target }),
  };
}

function toShard(row: ShardRow): ShardRecord {
  return toRecord({
    group: row.grp,
    shard: row.shard,
    epoch: row.epoch,
    owner: toRef(row.owner, row.owner_life),
    target: toRef(row.target, row.target_life),
  });
}

function toRef(node: string | null, incarnation: number | null): NodeRef | undefined {
  return node === null || incarnation === null ? undefined : { node, incarnation };
}

function refOf(ref: NodeRef): NodeRef {
  return { node: ref.node, incarnation: ref.incarnation };
}

function same(a: NodeRef | undefined, b: NodeRef | undefined): boolean {
  return a?.node === b?.node && a?.incarnation === b?.incarnation;
}
