import { TroupeError } from '../../core/index.ts';
import type { HardState, SnapshotMeta } from '../consensus/index.ts';
import type { Disk } from './disk.ts';
import { reconcile } from './disk-log.ts';
import { EntryTable } from './entry-table.ts';
import { RecordType } from './record.ts';
import {
  type LogIdentity,
  logCorrupt,
  PLACE_UNIT,
  recoverSegments,
  type Segment,
  scanSegments,
  type TornTail,
} from './recovery.ts';
import { listSnapshots, readSnapshotFile } from './snapshot-store.ts';

/** What a log directory holds, when it is sound. */
export interface LogInspection {
  /** Whose log it is. */
  readonly identity: LogIdentity | undefined;
  /** How many segment files, and their bytes, with what is preallocated. */
  readonly segments: number;
  readonly segmentBytes: number;
  /** Entries that are part of the log; `last` is `first - 1` when there are none. */
  readonly entries: { readonly first: number; readonly last: number };
  /** Terms of the first and the last of them; undefined without entries. */
  readonly terms: { readonly first: number; readonly last: number } | undefined;
  readonly hardState: HardState | undefined;
  /** Oldest first, with the bytes of the state. */
  readonly snapshots: readonly { readonly meta: SnapshotMeta; readonly bytes: number }[];
  /** A write that a crash interrupted: it was never acknowledged, and the next start cuts it off. */
  readonly torn: TornTail | undefined;
}

/** One record of the log as it lies on the disk; entries that a later record replaces included. */
export interface InspectedRecord {
  readonly file: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly kind: keyof typeof RecordType;
  readonly term: number;
  readonly index: number;
  /** Valid until the next record is asked for. */
  readonly data: Uint8Array;
}

/** Names of the numbers on the disk. */
const KINDS = new Map(Object.entries(RecordType).map(([kind, number]) => [number as number, kind]));

/**
 * Reads the whole of a log directory and checks all that can be checked without its node: checksums and their chain, the order of
 * indices and terms, hard state, snapshots, and that they belong together. Changes nothing.
 *
 * @param disk opened for reading only, so that nothing can be changed by mistake
 * @throws TroupeError LOG_CORRUPT or SNAPSHOT_CORRUPT naming file and offset, NOT_FOUND when there is no log, ALREADY_EXISTS while
 *   a node uses the directory
 */
export async function inspectLog(disk: Disk): Promise<LogInspection> {
  const unlock = disk.lock();
  let segments: readonly Segment[] = [];
  try {
    const table = new EntryTable(0);
    const found = recoverSegments(disk, undefined, table);
    segments = found.segments;
    const metas = listSnapshots(disk);
    if (segments.length === 0 && metas.length === 0) {
      throw new TroupeError('NOT_FOUND', `there is no log in ${disk.path}`, { address: disk.path });
    }
    if (segments.length === 0) throw new TroupeError('LOG_CORRUPT', 'the log is gone from its directory');
    reconcile(table, metas.at(-1));
    checkTerms(disk, table, segments, found.hardState);
    const snapshots: { meta: SnapshotMeta; bytes: number }[] = [];
    for (const meta of metas) {
      let bytes = 0;
      for await (const chunk of readSnapshotFile(disk, meta)) bytes += chunk.byteLength;
      snapshots.push({ meta, bytes });
    }
    const [first, last] = [table.baseIndex + 1, table.last];
    const empty = last < first;
    return {
      identity: found.identity,
      segments: segments.length,
      segmentBytes: segments.reduce((sum, { file }) => sum + file.size, 0),
      entries: { first, last },
      terms: empty ? undefined : { first: table.term(first) as number, last: table.term(last) as number },
      hardState: found.hardState,
      snapshots,
      torn: found.torn,
    };
  } finally {
    for (const { file } of segments) file.close();
    unlock();
  }
}

/** Terms never go back along the log, and none is above the member's own. */
function checkTerms(
  disk: Disk,
  table: EntryTable,
  segments: readonly Segment[],
  hardState: HardState | undefined,
): void {
  let before = table.baseTerm;
  const own = hardState?.term ?? 0;
  for (let index = table.baseIndex + 1; index <= table.last; index++) {
    const term = table.term(index) as number;
    if (term >= before && term <= own) {
      before = term;
      continue;
    }
    const sequence = Math.floor(table.place(index) / PLACE_UNIT);
    const segment = segments.find((each) => each.sequence === sequence) as Segment;
    const limit = term < before ? `the entry before it ${before}` : `the member itself ${own}`;
    throw logCorrupt(
      disk,
      segment.file.name,
      table.place(index) % PLACE_UNIT,
      `entry ${index} has term ${term}, ${limit}`,
    );
  }
}

/**
 * Every record of a log directory in the order of the disk. Changes nothing; one segment at a time is in memory.
 *
 * @throws TroupeError as `inspectLog`, when it comes to what is damaged
 */
export function* inspectRecords(disk: Disk): Generator<InspectedRecord> {
  const unlock = disk.lock();
  const segments: Segment[] = [];
  try {
    for (const { record, segment, at } of scanSegments(disk, segments)) {
      const kind = KINDS.get(record.type) as keyof typeof RecordType;
      yield { file: segment.file.name, offset: at, kind, term: record.term, index: record.index, data: record.data };
    }
    if (segments.length === 0) {
      throw new TroupeError('NOT_FOUND', `there is no log in ${disk.path}`, { address: disk.path });
    }
  } finally {
    for (const { file } of segments) file.close();
    unlock();
  }
}
