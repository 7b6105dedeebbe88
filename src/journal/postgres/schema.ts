import type { ClientBase } from 'pg';
import { TroupeError } from '../../core/index.ts';

/** Of the tables below. A newer one is refused, not guessed at. */
const VERSION = 2;

/**
 * `shards` holds the newest epoch that anybody has come with. `journals` is written by each append, so what is large or lasting lies
 * apart. A blob that a journal names can't be deleted: the foreign key says so, whoever tries.
 */
const tables = (schema: string): string => `
create table ${schema}.shards (
  grp text not null, shard integer not null, epoch bigint not null, primary key (grp, shard)
);
create table ${schema}.journals (
  journal bigint generated always as identity primary key, grp text not null, key text not null,
  version bigint not null, snapshot_version bigint not null, bytes bigint not null,
  history_first bigint not null, history_next bigint not null, history_bytes bigint not null,
  unique (grp, key)
);
create table ${schema}.snapshots (journal bigint primary key, snapshot bytea not null);
create table ${schema}.records (
  journal bigint not null, version bigint not null, record bytea not null, primary key (journal, version)
);
create table ${schema}.history (
  journal bigint not null, position bigint not null, item bytea not null, primary key (journal, position)
);
create table ${schema}.blobs (id text primary key, bytes bytea not null, touched timestamptz not null);
create index blobs_by_age on ${schema}.blobs (touched);
create table ${schema}.blob_refs (
  journal bigint not null, id text not null references ${schema}.blobs, primary key (journal, id)
);
create index blob_refs_by_blob on ${schema}.blob_refs (id);`;

/** What came with version 2. Keys are compared byte by byte, as pages go by them. */
const wakes = (schema: string): string => `
create table ${schema}.wakes (
  journal bigint primary key, grp text not null, shard integer not null, key text collate "C" not null, at bigint not null
);
create index wakes_by_time on ${schema}.wakes (grp, shard, at, key);`;

/**
 * Makes the tables when they aren't there. Nodes that start at the same time wait for one another.
 *
 * @param schema a name that needs no quotes
 * @throws TroupeError INVALID_CONFIGURATION when the tables are of a newer version; what Postgres throws
 */
export async function makeSchema(client: ClientBase, schema: string): Promise<void> {
  await client.query('begin');
  try {
    await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`troupe schema ${schema}`]);
    const known = await client.query('select to_regclass($1) is not null as there', [`${schema}.meta`]);
    if (known.rows[0]?.there !== true) {
      await client.query(`create schema if not exists ${schema};
        create table ${schema}.meta (version integer not null);
        insert into ${schema}.meta values (1);
        ${tables(schema)}`);
    }
    const older = await client.query(`update ${schema}.meta set version = ${VERSION} where version = 1`);
    if (older.rowCount === 1) await client.query(wakes(schema));
    const { rows } = await client.query(`select version from ${schema}.meta`);
    if (rows[0]?.version !== VERSION) {
      const message = `schema ${schema} has tables of version ${rows[0]?.version}; this program knows ${VERSION}`;
      throw new TroupeError('INVALID_CONFIGURATION', message, { address: schema });
    }
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}
