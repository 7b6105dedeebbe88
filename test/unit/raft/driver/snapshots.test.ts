import { expect, test } from 'vitest';
import { nullLogger } from '../../../../src/core/index.ts';
import type { SnapshotMeta } from '../../../../src/raft/consensus/index.ts';
import { Snapshots, type SnapshotsContext } from '../../../../src/raft/driver/snapshots.ts';

const EVERY_BYTES = 1_000;
const EVERY_ENTRIES = 100;

/** A log of which only the snapshots are kept, and a state whose image has `imageBytes`. */
class Seat {
  readonly saved: { readonly index: number; readonly keepEntries: number }[] = [];
  readonly snapshots: Snapshots;
  imageBytes = 0;
  neededAfter = 0;
  #index = 0;

  constructor() {
    const seat = this;
    this.snapshots = new Snapshots({
      log: {
        snapshot: () => seat.saved.at(-1) as SnapshotMeta | undefined,
        async saveSnapshot({ index }: SnapshotMeta, chunks: AsyncIterable<Uint8Array>, keepEntries: number) {
          for await (const _ of chunks);
          seat.saved.push({ index, keepEntries });
        },
      },
      stateMachine: {
        get appliedIndex() {
          return seat.#index;
        },
        snapshot: () => [new Uint8Array(seat.imageBytes)],
      },
      logger: nullLogger,
      meta: () => ({ index: seat.#index, term: 1 }),
      neededAfter: () => seat.neededAfter,
      everyEntries: EVERY_ENTRIES,
      everyBytes: EVERY_BYTES,
      keepEntries: 5,
    } as unknown as SnapshotsContext);
  }

  /** Applies entries one by one. @returns how many snapshots were taken meanwhile */
  async apply(entries: number, bytesEach: number): Promise<number> {
    const before = this.saved.length;
    for (let i = 0; i < entries; i++) {
      this.snapshots.applied(++this.#index, bytesEach);
      await this.snapshots.idle();
    }
    return this.saved.length - before;
  }
}

test('a small state is written each time the log has grown by so many bytes, or so many entries', async () => {
  const seat = new Seat();
  expect(await seat.apply(100, 100)).toBe(10);
  expect(await seat.apply(1_000, 1)).toBe(10);
});

test('a large state is written in proportion to the log: twice its bytes, or as many entries as those stand for', async () => {
  const seat = new Seat();
  seat.imageBytes = 5_000;
  await seat.apply(10, 100);
  expect(seat.saved.length).toBe(1);
  expect(await seat.apply(1_000, 100)).toBe(10);
  expect(await seat.apply(10_000, 1)).toBe(10);
  seat.imageBytes = 0;
  expect(await seat.apply(100, 100)).toBe(1);
  expect(await seat.apply(100, 100)).toBe(10);
});

test('however large the state is, the log has an end, and reaches no further back than that for a member that is behind', async () => {
  const seat = new Seat();
  seat.imageBytes = 10 ** 9;
  await seat.apply(10, 100);
  expect(await seat.apply(640 * 5, 100)).toBe(5);
  const [, first, second] = seat.saved.slice(-3);
  expect((second?.index ?? 0) - (first?.index ?? 0)).toBe(640);
  expect(second?.keepEntries).toBe(640);
  seat.imageBytes = 0;
  await seat.apply(640 + 100 * 10, 100);
  const last = seat.saved.at(-1);
  expect(last?.keepEntries).toBe(64 * 10);
});
