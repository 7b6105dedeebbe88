import type { DatabaseSync } from 'node:sqlite';
import type { NodeRef } from '../../core/index.ts';
import { decode, encode } from '../codec.ts';
import type { Commands, DrainAccount, Labels, NodeAddresses, NodeRecord, NodeState } from '../commands.ts';
import type { LedgerLimits } from '../limits.ts';
import { optionalText, refuse, text, whole } from './check.ts';
import type { Scope } from './scope.ts';
import type { Shards } from './shards.ts';
import { prepare, prepareTuples, present, type Query } from './sql.ts';
import type { Voters } from './voters.ts';

/** Tables of this concern. One row per node: its newest life. `changed` is the log index of the last change. */
export const NODES_SCHEMA: string = `
create table nodes (
  node text primary key, incarnation integer not null, boot_id text not null, state text not null,
  addresses blob not null, labels blob not null, voter integer not null, groups blob not null,
  drain_by integer, reason text, account blob, changed integer not null, weight real
) strict, without rowid;
create index nodes_gone on nodes (changed) where state in ('left', 'down');`;

interface NodeRow {
  readonly node: string;
  readonly incarnation: number;
  readonly boot_id: string;
  readonly state: NodeState;
  readonly addresses: Uint8Array;
  readonly labels: Uint8Array;
  readonly voter: number;
  readonly groups: Uint8Array;
  readonly drain_by: number | null;
  readonly reason: string | null;
  readonly account: Uint8Array | null;
  readonly changed: number;
  readonly weight: number | null;
}

/** Largest capacity weight of a node. */
const WEIGHT_MAX = 1_000;

const MARKS: readonly NodeState[] = ['up', 'cordoned', 'draining'];

/** The lives of nodes. A life that is `down` or `left` is over for good; the next one has a larger incarnation. */
export class Nodes {
  readonly #limits: LedgerLimits;
  readonly #shards: Shards;
  readonly #voters: Voters;
  readonly #find: Query<NodeRow>;
  readonly #list: Query<NodeRow>;
  readonly #live: Query<readonly [number]>;
  readonly #insert;
  readonly #setState;
  readonly #setAccount;
  readonly #setVoter;
  readonly #trim;

  constructor(db: DatabaseSync, limits: LedgerLimits, shards: Shards, voters: Voters) {
    this.#limits = limits;
    this.#shards = shards;
    this.#voters = voters;
    this.#find = prepare(db, 'select * from nodes where node = ?');
    this.#list = prepare(db, 'select * from nodes order by node');
    this.#live = prepareTuples(db, `select count(*) from nodes where state not in ('left', 'down')`);
    this.#insert = db.prepare(
      `insert or replace into nodes values (?, ?, ?, 'up', ?, ?, ?, ?, null, null, null, ?, ?)`,
    );
    this.#setState = db.prepare('update nodes set state = ?, drain_by = ?, reason = ?, changed = ? where node = ?');
    this.#setAccount = db.prepare('update nodes set account = ? where node = ?');
    this.#setVoter = db.prepare('update nodes set voter = ?, changed = ? where node = ?');
    this.#trim = db.prepare(
      `delete from nodes where node in (
         select node from nodes where state in ('left', 'down') order by changed desc, node limit -1 offset ?)`,
    );
  }

  /** `node.join`. */
  join(request: Commands['node.join']['request'], scope: Scope): Commands['node.join']['reply'] {
    const { nameCharsMax } = this.#limits;
    const node = text(request.node, 'node', nameCharsMax);
    const bootId = text(request.bootId, 'bootId', nameCharsMax);
    const earlier = this.#find.get(node);
    if (earlier?.boot_id === bootId) {
      if (isOver(earlier)) refuse('NODE_FENCED', `this life of ${node} is ${earlier.state}`);
      return { incarnation: earlier.incarnation };
    }
    if (earlier?.incarnation === scope.index) refuse('ALREADY_EXISTS', `${node} joins twice in one entry`);
    if ((this.#live.get()?.[0] ?? 0) >= this.#limits.nodesMax) refuse('OVERLOADED', 'too many nodes');
    this.#shards.declare(request.groups, scope);
    if (earlier !== undefined && !isOver(earlier)) {
      this.#end(earlier, 'down', 'replaced by a newer life', scope);
    }
    this.#insert.run(
      node,
      scope.index,
      bootId,
      encode(request.addresses),
      encode(request.labels),
      (this.#votes(node) ?? request.voter) ? 1 : 0,
      encode(request.groups.map(({ group }) => group)),
      scope.index,
      optionalWeight(request.weight),
    );
    this.#announce(node, scope);
    return { incarnation: scope.index };
  }

  /** `node.mark`. */
  mark(request: Commands['node.mark']['request'], scope: Scope): Commands['node.mark']['reply'] {
    const row = this.#current(request);
    if (!MARKS.includes(request.state)) refuse('INVALID_ARGUMENT', 'state must be up, cordoned or draining');
    const reason = optionalText(request.reason, 'reason', this.#limits.textCharsMax);
    if (request.expect !== undefined && request.expect !== row.state) refuse('CONFLICT', `${row.node} is ${row.state}`);
    const drainMs = request.state === 'draining' ? whole(request.drainMs, 'drainMs', 0) : undefined;
    const drainBy = drainMs === undefined ? undefined : scope.now + drainMs;
    this.#setState.run(request.state, drainBy ?? null, reason, scope.index, row.node);
    if (request.state !== 'up') this.#shards.release(row, scope, true);
    this.#announce(row.node, scope);
    return drainBy === undefined ? {} : { drainBy };
  }

  /** `node.leave`. */
  leave(request: Commands['node.leave']['request'], scope: Scope): Commands['node.leave']['reply'] {
    const known = this.#find.get(request.node);
    if (known?.incarnation === request.incarnation && known.state === 'left') return {};
    const row = this.#current(request);
    if (request.account !== undefined) this.#setAccount.run(encode(request.account), row.node);
    this.#end(row, 'left', row.reason, scope);
    return {};
  }

  /** `node.down`. */
  down(request: Commands['node.down']['request'], scope: Scope): Commands['node.down']['reply'] {
    const row = this.#find.get(request.node);
    if (row === undefined || row.incarnation < request.incarnation) {
      refuse('NOT_FOUND', `no life ${request.incarnation} of ${request.node}`);
    }
    if (row.incarnation > request.incarnation || isOver(row)) return {};
    this.#end(row, 'down', text(request.reason, 'reason', this.#limits.textCharsMax), scope);
    return {};
  }

  /** The log's members have changed: tells of each node that votes from now on, or no longer. */
  vote(scope: Scope): void {
    const voters = new Set(this.#voters.members()?.voters.map(({ node }) => node));
    for (const row of this.#list.all()) {
      const voter = voters.has(row.node) ? 1 : 0;
      if (row.voter === voter) continue;
      // The order in which nodes are forgotten is that of their ends.
      this.#setVoter.run(voter, isOver(row) ? row.changed : scope.index, row.node);
      this.#announce(row.node, scope);
    }
  }

  /** Whether a life may be given shards of a group. */
  mayOwn(ref: NodeRef, group: string): boolean {
    const row = this.#find.get(ref.node);
    return (
      row !== undefined &&
      row.incarnation === ref.incarnation &&
      row.state === 'up' &&
      (decode(row.groups) as string[]).includes(group)
    );
  }

  /** All nodes, in order of name. */
  list(): NodeRecord[] {
    return this.#list.all().map(toNode);
  }

  /** Whether a node votes; undefined where the log doesn't say. */
  #votes(node: string): boolean | undefined {
    return this.#voters.members()?.voters.some((voter) => voter.node === node);
  }

  #current(ref: NodeRef): NodeRow {
    const row = this.#find.get(ref.node);
    if (row === undefined || row.incarnation < ref.incarnation) {
      refuse('NOT_FOUND', `no life ${ref.incarnation} of ${ref.node}`);
    }
    if (row.incarnation > ref.incarnation || isOver(row)) {
      refuse('NODE_FENCED', `life ${ref.incarnation} of ${ref.node} is over`);
    }
    return row;
  }

  #end(row: NodeRow, state: 'left' | 'down', reason: string | null, scope: Scope): void {
    this.#setState.run(state, null, reason, scope.index, row.node);
    this.#shards.release(row, scope);
    this.#announce(row.node, scope);
    this.#trim.run(this.#limits.nodesGoneMax);
  }

  #announce(node: string, scope: Scope): void {
    const row = this.#find.get(node);
    if (row !== undefined) scope.emit({ type: 'node', node: toNode(row) });
  }
}

function optionalWeight(weight: number | undefined): number | null {
  if (weight === undefined || (weight >= 0 && weight <= WEIGHT_MAX)) return weight ?? null;
  refuse('INVALID_ARGUMENT', `weight must be a number from 0 to ${WEIGHT_MAX}`);
}

function isOver(row: NodeRow): boolean {
  return row.state === 'down' || row.state === 'left';
}

function toNode(row: NodeRow): NodeRecord {
  return {
    node: row.node,
    incarnation: row.incarnation,
    state: row.state,
    addresses: decode(row.addresses) as NodeAddresses,
    labels: decode(row.labels) as Labels,
    voter: row.voter === 1,
    groups: decode(row.groups) as string[],
    ...present({
      drainBy: row.drain_by,
      reason: row.reason,
      weight: row.weight,
      account: row.account === null ? null : (decode(row.account) as DrainAccount),
    }),
  };
}
