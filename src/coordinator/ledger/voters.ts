import type { DatabaseSync } from 'node:sqlite';
import type { NodeId } from '../../core/index.ts';
import type { LogMember, Members } from '../commands.ts';
import type { Scope } from './scope.ts';
import { prepare, type Query } from './sql.ts';

/** Table of this concern: who keeps the log, as the log itself said last. Empty where the log doesn't say, as on etcd. */
export const VOTERS_SCHEMA: string = `
create table voters (member text primary key, node text not null, learner integer not null) strict, without rowid;`;

interface VoterRow {
  readonly member: string;
  readonly node: NodeId;
  readonly learner: number;
}

/** Who votes and who learns. No command changes it: the log tells, with the entries that change its own members. */
export class Voters {
  readonly #list: Query<VoterRow>;
  readonly #clear;
  readonly #insert;

  constructor(db: DatabaseSync) {
    this.#list = prepare(db, 'select * from voters order by member');
    this.#clear = db.prepare('delete from voters');
    this.#insert = db.prepare('insert into voters values (?, ?, ?)');
  }

  /** The log's members change with the entry of this scope. */
  change({ voters, learners }: Members, scope: Scope): void {
    this.#clear.run();
    for (const { member, node } of voters) this.#insert.run(member, node, 0);
    for (const { member, node } of learners) this.#insert.run(member, node, 1);
    scope.emit({ type: 'members', members: this.members() as Members });
  }

  /** Who keeps the log now, in order of member; undefined when it has never said. */
  members(): Members | undefined {
    const rows = this.#list.all();
    if (rows.length === 0) return undefined;
    const pick = (learner: number): LogMember[] =>
      rows.filter((row) => row.learner === learner).map(({ node, member }) => ({ node, member }));
    return { voters: pick(0), learners: pick(1) };
  }
}
