import type { Mutation } from './mutation.ts';

/**
 * Mistakes in what is kept on the disk, and in what is made of it later. One more face of 19, a snapshot that cuts what follows it in
 * a log that agrees with it, isn't among them: a leader names one only to a member whose log ends before its own begins, so the
 * two meet only when appends that it had given up arrive during the fetch. A unit test of the core holds that branch.
 */
export const STORAGE: readonly Mutation[] = [
  {
    world: 'coordinator',
    mistake: 6,
    name: 'term-left-for-later',
    why: 'entries are made durable and acknowledged, and the term they were taken in only with what is written next',
    patches: [
      {
        file: 'raft/log/disk-log.ts',
        find: 'const work = { hardState: this.#lazy, entries, atOnce };\n    this.#lazy = undefined;',
        replace: `const work = { hardState: entries.length > 0 ? undefined : this.#lazy, entries };
    if (entries.length === 0) this.#lazy = undefined;`,
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 9,
    name: 'sync-tried-again',
    why: 'a sync that failed is tried again: the second succeeds, as the kernel has dropped what it could not write',
    patches: [
      {
        file: 'raft/log/wal.ts',
        find: '.sync(this.#waiting.length === 0);\n    this.#durable = segment.end;',
        replace: '.sync().catch(() => segment.file.sync());\n    this.#durable = segment.end;',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 10,
    name: 'torn-tail-refused',
    why: 'a tail that a crash has torn counts as damage, and the node never starts again',
    patches: [
      {
        file: 'raft/log/recovery.ts',
        find: 'if (record.provesDurable(at)) throw',
        replace: 'if (at >= 0) throw',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 10,
    name: 'flipped-bit-cuts',
    why: 'a flipped bit in the middle of the log ends it there: what was acknowledged behind it is dropped in silence',
    patches: [
      {
        file: 'raft/log/recovery.ts',
        find: 'if (record.provesDurable(at)) throw',
        replace: 'if (at < 0) throw',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 10,
    name: 'checksum-not-looked-at',
    why: 'records are taken as they are, whatever their checksum says',
    patches: [
      {
        file: 'raft/log/record.ts',
        find: 'if (crc32(buffer.subarray(offset + 4, dataEnd), this.#sequence) !== crc) return false;',
        replace: '',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 11,
    name: 'directory-not-synced',
    why: 'a new segment is written to before its name is durable: a crash loses the whole file',
    patches: [
      {
        file: 'raft/log/wal.ts',
        find: 'disk.rename(SPARE_NAME, name);\n    await disk.syncDirectory();',
        replace: 'disk.rename(SPARE_NAME, name);',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 19,
    name: 'stale-snapshot-applied',
    why: 'a snapshot that comes late takes the log back behind what it has committed',
    patches: [
      {
        file: 'raft/consensus/node.ts',
        find: '} else if (snapshot.index > this.#log.commit) {',
        replace: '} else {',
      },
      {
        file: 'raft/consensus/raft-log.ts',
        find: "invariant(snapshot.index > this.#commit, 'a snapshot must not take back what is committed');",
        replace: '',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 20,
    name: 'applied-index-apart',
    why: 'a snapshot is taken of a state whose applied index is yet to follow: whoever starts from it applies entries twice',
    patches: [
      {
        file: 'coordinator/ledger/ledger.ts',
        find: `    this.#commit();
    const reader = this.#file.reader();`,
        replace: '    const reader = this.#file.reader();',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 26,
    name: 'empty-disk-under-old-id',
    why: 'a voter comes back under its id with an empty disk, and votes and acknowledges as if it had never done so before',
    patches: [
      {
        file: 'raft/log/disk-log.ts',
        find: 'if (found.segments.length === 0 && (snapshots.newest !== undefined || options.mustExist)) {',
        replace: 'if (found.segments.length === 0 && snapshots.newest !== undefined) {',
      },
    ],
  },
];
