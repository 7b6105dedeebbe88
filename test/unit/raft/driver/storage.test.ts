import { describe, expect, test } from 'vitest';
import { nullLogger } from '../../../../src/core/index.ts';
import type { AppendWork, Entry, SnapshotMeta } from '../../../../src/raft/consensus/index.ts';
import { Storage } from '../../../../src/raft/driver/storage.ts';
import type { RaftLog } from '../../../../src/raft/log/index.ts';

const HARD = { term: 3, vote: 'a', commit: 0 };
const META: SnapshotMeta = { index: 7, term: 2, configuration: { voters: ['a'] } };
const entry = (index: number): Entry => ({ term: 3, index, kind: 'normal', data: new Uint8Array(0) });
const work = (rest: Partial<AppendWork>): AppendWork => ({ entries: [], replies: [], ...rest });

/** A storage over a log that notes what is done, in order. */
function bench(idle: () => Promise<void> = async () => {}) {
  const done: string[] = [];
  const note = async (what: string): Promise<void> => {
    done.push(what);
  };
  const log: Partial<RaftLog> = {
    append: (hardState, entries) => note(`append ${hardState?.term ?? '-'} ${entries.map((each) => each.index)}`),
    installSnapshot: (meta) => note(`install ${meta.index}`),
    readSnapshot: async function* () {
      yield new Uint8Array(0);
    },
  };
  const machine = { appliedIndex: 0 };
  const storage = new Storage({
    log: log as RaftLog,
    stateMachine: {
      ...machine,
      get appliedIndex() {
        return machine.appliedIndex;
      },
      apply: () => [],
      snapshot: () => [],
      restore: async (meta) => {
        machine.appliedIndex = meta.index;
        await note(`restore ${meta.index}`);
      },
    },
    logger: nullLogger,
    idle,
    installed: (meta) => done.push(`installed ${meta.index}`),
    durable: ({ entries }) => done.push(`durable ${entries.map((each) => each.index)}`),
    failed: (error) => done.push(`failed ${error}`),
  });
  return { storage, done };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('storage', () => {
  test('a snapshot: the term first, then the image, then what follows it; later work waits its turn', async () => {
    const { storage, done } = bench();
    storage.persist(work({ hardState: HARD, snapshot: META, entries: [entry(8)] }), false);
    storage.persist(work({ entries: [entry(9)] }), false);
    expect(storage.installing).toBeDefined();
    await settled();
    expect(storage.installing).toBeUndefined();
    expect(done).toEqual([
      'append 3 ',
      'install 7',
      'restore 7',
      'installed 7',
      'append - 8',
      'durable 8',
      'append - 9',
      'durable 9',
    ]);
  });

  test('nothing is replaced while the state machine is applying, or its image is being taken', async () => {
    const busy = Promise.withResolvers<void>();
    const { storage, done } = bench(() => busy.promise);
    storage.persist(work({ hardState: HARD, snapshot: META }), false);
    await settled();
    expect(done).toEqual(['append 3 ']);
    busy.resolve();
    await settled();
    expect(done).toContain('restore 7');
  });
});
