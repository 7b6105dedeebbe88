import { expect, test } from 'vitest';
import {
  LOAD_MS,
  LoadBook,
  LoadMeter,
  type NodeLoad,
  readLoad,
  ToldLoad,
} from '../../../../src/cluster/autoscale/load.ts';
import { ManualClock } from '../../../../src/testkit/clock.ts';

const LOAD: NodeLoad = { open: 3, waitMs: 20, lagMs: 1 };
const LIFE = { node: 'n', incarnation: 7 };

test('a report is numbers within bounds, or none', () => {
  expect(readLoad({ ...LOAD, more: 'is dropped' })).toEqual(LOAD);
  for (const bad of [
    undefined,
    null,
    7,
    {},
    { ...LOAD, open: -1 },
    { ...LOAD, lagMs: Number.NaN },
    { ...LOAD, waitMs: 1e10 },
  ]) {
    expect(readLoad(bad), JSON.stringify(bad)).toBeUndefined();
  }
});

test('a meter tells the backlog and the latest beat of the event loop, each second anew', async () => {
  const clock = new ManualClock();
  const told: NodeLoad[] = [];
  const meter = new LoadMeter(
    clock,
    () => ({ open: 3, waitMs: 20 }),
    (load) => told.push(load),
  );
  await clock.advance(LOAD_MS);
  expect(told).toEqual([{ open: 3, waitMs: 20, lagMs: 0 }]);
  meter.close();
  await clock.advance(LOAD_MS);
  expect(told).toHaveLength(1);
});

test('a thread that tells nothing any more is late by its silence', async () => {
  const clock = new ManualClock();
  const told = new ToldLoad(clock);
  expect(told.now).toBeUndefined();
  told.tell(LOAD);
  await clock.advance(LOAD_MS);
  expect(told.now).toEqual(LOAD);
  await clock.advance(4_000);
  expect(told.now).toEqual({ ...LOAD, lagMs: 4_000 });
});

test('loads are summed over lives; what is old or of another life counts as missing', async () => {
  const clock = new ManualClock();
  const book = new LoadBook(clock);
  const other = { node: 'm', incarnation: 8 };
  book.heard(LIFE, LOAD);
  book.heard(other, { open: 1, waitMs: 5, lagMs: 9 });
  expect(book.sum([LIFE, other])).toEqual({ heard: 2, missing: 0, open: 4, waitMs: 25, lagMs: 10 });
  expect(book.sum([LIFE, { ...other, incarnation: 9 }])).toEqual({ heard: 1, missing: 1, ...LOAD });
  book.keep([other]);
  expect(book.of(LIFE)).toBeUndefined();
  await clock.advance(5_001);
  expect(book.sum([other])).toMatchObject({ heard: 0, missing: 1 });
});
