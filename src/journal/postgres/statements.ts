/** Values in one `bytea`, and how long each is: half of what an array of them takes on the wire. */
export interface Packed {
  readonly bytes: Buffer;
  readonly lengths: readonly number[];
}

/** Puts values one after the other. */
export function pack(values: readonly Uint8Array[]): Packed {
  return { bytes: Buffer.concat(values), lengths: values.map(({ byteLength }) => byteLength) };
}

/** What `packed` in SQL put together. */
export function unpack(bytes: Uint8Array | null, lengths: readonly number[] | null): Uint8Array[] {
  const values: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths ?? []) {
    values.push(Uint8Array.from((bytes as Uint8Array).subarray(at, at + length)));
    at += length;
  }
  return values;
}

/** Values of a pack: rows (n from 1, value). */
const unpacked = (bytes: string, lengths: string): string => `(
    select n, substring(${bytes}::bytea from (upto - length + 1)::integer for length) as value
    from (
      select n, length, sum(length) over (order by n) as upto
      from unnest(${lengths}::integer[]) with ordinality as lengths (length, n)
    ) as places
  )`;

const packed = (value: string, order: string): string =>
  `string_agg(${value}, ''::bytea order by ${order}) as bytes, array_agg(octet_length(${value}) order by ${order}) as lengths`;

/** The SQL of a store, for one schema. Each runs in a transaction of its own, at "read committed". */
export interface Statements {
  /** A shard's epoch grows to one's own: (group, shard, epoch). Waits for appends that run under the older one. */
  readonly enter: string;
  /** (group, shard) to epoch. */
  readonly epoch: string;
  /**
   * The whole append: (group, shard, epoch, key, version, records, lengths, snapshot, history, lengths, historyFrom, blobs, recordsMax, bytesMax,
   * historyItemsMax, historyBytesMax, blobsMax, wake or null) to whether the epoch is the shard's, and whether it was written.
   *
   * `fence` locks the shard's row against whoever would raise its epoch, so the comparison holds until the write is committed; a row
   * that was being raised is waited for and compared as it is then. Everything else selects from `fence`, or from `head`, which
   * does: under an old epoch there is nothing to write.
   */
  readonly append: string;
  /** (group, shard, epoch, key, version) to whether the epoch is the shard's, and whether a journal was deleted; fenced as `append`. */
  readonly delete: string;
  /** (group, shard, at, key, limit) to the shard's epoch and wakes, as arrays of keys and times. */
  readonly wakes: string;
  /** (group, key) to version, items and bytes of the history, and whether the blobs of (3) are there. */
  readonly why: string;
  /** (group, shard, key) to the shard's epoch and the journal. */
  readonly read: string;
  /** (group, shard, key, from, limit, bytesMax) to the shard's epoch and a page. */
  readonly history: string;
  /** (id, bytes) */
  readonly putBlob: string;
  /** (id) to bytes. */
  readonly getBlob: string;
  /** (id) to a row when it is there. */
  readonly hasBlob: string;
  /** (graceMs, limit) */
  readonly collect: string;
  readonly erase: string;
}

/** @param s the schema's name, which needs no quotes */
export function statementsFor(s: string): Statements {
  return {
    enter: `
insert into ${s}.shards as known values ($1, $2, $3)
on conflict (grp, shard) do update set epoch = excluded.epoch where known.epoch < excluded.epoch`,
    epoch: `select epoch::float8 from ${s}.shards where grp = $1 and shard = $2`,
    append: `
with fence as (
  select epoch from ${s}.shards where grp = $1 and shard = $2 and epoch = $3 for share
), added as (
  select coalesce(cardinality($7::integer[]), 0) as records, octet_length($6::bytea) as bytes,
    coalesce(cardinality($10::integer[]), 0) as items, octet_length($9::bytea) as item_bytes
), head as (
  insert into ${s}.journals as j
    (grp, key, version, snapshot_version, bytes, history_first, history_next, history_bytes)
  select $1, $4, $5::bigint + records, case when $8::bytea is null then 0 else records end,
    case when $8 is null then added.bytes else 0 end, 0, items, item_bytes
  from fence, added
  where ($5::bigint = 0 and ($8 is not null or added.bytes <= $14::bigint) and item_bytes <= $16::bigint)
    or exists (select from ${s}.journals where grp = $1 and key = $4)
  on conflict (grp, key) do update set
    version = excluded.version,
    snapshot_version = case when $8 is null then j.snapshot_version else excluded.version end,
    bytes = case when $8 is null then j.bytes + excluded.bytes else 0 end,
    history_first = greatest(j.history_first, least($11::bigint, j.history_next)),
    history_next = j.history_next + excluded.history_next,
    history_bytes = j.history_bytes + excluded.history_bytes - (
      select coalesce(sum(octet_length(item)), 0) from ${s}.history as h
      where h.journal = j.journal and h.position < $11
    )
  where j.version = $5
    and ($8 is not null or (excluded.version - j.snapshot_version <= $13::bigint and j.bytes + excluded.bytes <= $14))
    and j.history_next + excluded.history_next - greatest(j.history_first, least($11, j.history_next)) <= $15::bigint
    and j.history_bytes + excluded.history_bytes - (
      select coalesce(sum(octet_length(item)), 0) from ${s}.history as h
      where h.journal = j.journal and h.position < $11
    ) <= $16
    and (
      $8 is not null or cardinality($12::text[]) = 0 or cardinality($12) <= $17::bigint - (
        select count(*) from ${s}.blob_refs as r where r.journal = j.journal and r.id <> all ($12)
      )
    )
  returning journal, history_next
), records as (
  insert into ${s}.records
  select journal, $5 + n, value from head, ${unpacked('$6', '$7')} as records where $8 is null
), snapshot as (
  insert into ${s}.snapshots select journal, $8 from head where $8 is not null
  on conflict (journal) do update set snapshot = excluded.snapshot
), trimmed as (
  delete from ${s}.records as r using head where r.journal = head.journal and $8 is not null
), grown as (
  insert into ${s}.history
  select journal, history_next - items + n - 1, value from head, added, ${unpacked('$9', '$10')} as items
), shortened as (
  delete from ${s}.history as h using head where h.journal = head.journal and h.position < $11
), unnamed as (
  delete from ${s}.blob_refs as r using head
  where r.journal = head.journal and $8 is not null and r.id <> all ($12) returning id
), released as (
  update ${s}.blobs set touched = now() where id in (select id from unnamed)
), named as (
  insert into ${s}.blob_refs select journal, id from head, unnest($12) as id on conflict do nothing
), woken as (
  insert into ${s}.wakes select journal, $1, $2, $4, $18::bigint from head where $18 > 0
  on conflict (journal) do update set at = excluded.at
), slept as (
  delete from ${s}.wakes as w using head where w.journal = head.journal and $18 = 0
)
select exists (select from fence) as fenced, exists (select from head) as written`,
    delete: `
with fence as (
  select epoch from ${s}.shards where grp = $1 and shard = $2 and epoch = $3 for share
), head as (
  delete from ${s}.journals as j using fence where j.grp = $1 and j.key = $4 and j.version = $5 returning journal
), snapshot as (
  delete from ${s}.snapshots as o using head where o.journal = head.journal
), records as (
  delete from ${s}.records as o using head where o.journal = head.journal
), history as (
  delete from ${s}.history as o using head where o.journal = head.journal
), wake as (
  delete from ${s}.wakes as o using head where o.journal = head.journal
), unnamed as (
  delete from ${s}.blob_refs as o using head where o.journal = head.journal returning id
), released as (
  update ${s}.blobs set touched = now() where id in (select id from unnamed)
)
select exists (select from fence) as fenced, exists (select from head) as written`,
    wakes: `
select s.epoch::float8, w.keys, w.times
from ${s}.shards as s, lateral (
  select array_agg(key order by at, key) as keys, array_agg(at::float8 order by at, key) as times from (
    select key, at from ${s}.wakes where grp = s.grp and shard = s.shard and (at, key) > ($3::bigint, $4::text)
    order by at, key limit $5
  ) as found
) as w
where s.grp = $1 and s.shard = $2`,
    why: `
select j.version, j.items, j.bytes,
  (select wanted from unnest($3::text[]) as wanted where not exists (select from ${s}.blobs where id = wanted) limit 1) as missing
from (select 1) as one left join (
  select version::float8, (history_next - history_first)::float8 as items, history_bytes::float8 as bytes
  from ${s}.journals where grp = $1 and key = $2
) as j on true`,
    read: `
select s.epoch::float8, j.version::float8, j.snapshot_version::float8, j.history_first::float8, j.history_next::float8,
  snapshot, r.bytes, r.lengths
from ${s}.shards as s
left join ${s}.journals as j on j.grp = s.grp and j.key = $3
left join ${s}.snapshots using (journal)
left join lateral (
  select ${packed('record', 'version')} from ${s}.records where records.journal = j.journal
) as r on true
where s.grp = $1 and s.shard = $2`,
    history: `
select s.epoch::float8, greatest($4::bigint, j.history_first)::float8 as start, page.bytes, page.lengths
from ${s}.shards as s
left join ${s}.journals as j on j.grp = s.grp and j.key = $3
left join lateral (
  select ${packed('item', 'position')} from (
    select position, item, sum(octet_length(item)) over (order by position) as upto,
      row_number() over (order by position) as n
    from (
      select position, item from ${s}.history as h
      where h.journal = j.journal and h.position >= greatest($4, j.history_first) order by position limit $5
    ) as found
  ) as counted
  where upto <= $6::bigint or n = 1
) as page on true
where s.grp = $1 and s.shard = $2`,
    putBlob: `insert into ${s}.blobs values ($1, $2, now()) on conflict (id) do update set touched = now()`,
    getBlob: `select bytes from ${s}.blobs where id = $1`,
    hasBlob: `select 1 from ${s}.blobs where id = $1`,
    collect: `
delete from ${s}.blobs where id in (
  select id from ${s}.blobs as b
  where touched < now() - $1::float8 * interval '1 millisecond'
    and not exists (select from ${s}.blob_refs as r where r.id = b.id)
  order by touched limit $2 for update skip locked
)`,
    erase: `drop schema if exists ${s} cascade`,
  };
}
