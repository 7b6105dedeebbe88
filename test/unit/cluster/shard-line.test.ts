import { beforeEach, describe, expect, test } from 'vitest';
import { type LineExits, ShardLine } from '../../../src/cluster/shard-line.ts';
import type { ShardRecord } from '../../../src/coordinator/index.ts';
import { type NodeRef, TroupeError } from '../../../src/core/index.ts';
import type { Envelope } from '../../../src/remote/index.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';

const self: NodeRef = { node: 'self', incarnation: 1 };
const a: NodeRef = { node: 'a', incarnation: 2 };
const b: NodeRef = { node: 'b', incarnation: 3 };
const NOTHING = new Uint8Array(0);

const message = (method: string, fields: Partial<Envelope> = {}): Envelope => ({
  kind: 'ask',
  to: 'agent:kind/key',
  correlation: 1,
  method,
  payload: NOTHING,
  ...fields,
});
const record = (epoch: number, owner?: NodeRef): ShardRecord => ({
  group: 'kind',
  shard: 0,
  epoch,
  ...(owner === undefined ? {} : { owner }),
});

let clock: ManualClock;
let line: ShardLine;
/** What left the line: `deliver m1`, `a m1@2` (to node a, under epoch 2), `refuse m1 CODE`. */
let left: string[];
let markers: { readonly way: readonly NodeRef[]; readonly arrived: () => void }[];
let dead: Set<string>;
let lastDelivered: Envelope | undefined;

beforeEach(() => {
  clock = new ManualClock();
  left = [];
  markers = [];
  dead = new Set();
  const exits: LineExits = {
    self,
    clock,
    deliver: (envelope) => {
      lastDelivered = envelope;
      left.push(`deliver ${envelope.method}`);
    },
    forward: (to, envelope) => {
      if (dead.has(to.node)) throw new TroupeError('NODE_UNAVAILABLE', 'gone');
      if (envelope.method === 'large') throw new TroupeError('MESSAGE_TOO_LARGE', 'too large');
      left.push(`${to.node} ${envelope.method}@${envelope.epoch}`);
    },
    flush: (way) => new Promise((resolve) => markers.push({ way, arrived: resolve })),
    refuse: (envelope, error) => left.push(`refuse ${envelope.method} ${error.code}`),
  };
  line = new ShardLine(exits);
});

/** The marker that was sent last comes out at an owner. */
async function arrives(): Promise<void> {
  markers.at(-1)?.arrived();
  await clock.settle();
}

describe('the line of a shard', () => {
  test('holds messages until the shard has a home, then lets them pass in order', () => {
    line.accept(message('m1'));
    line.update(record(0));
    line.accept(message('m2'));
    expect(left).toEqual([]);
    expect(line.open).toBe(false);
    line.update(record(1, a));
    line.accept(message('m3'));
    expect(left).toEqual(['a m1@1', 'a m2@1', 'a m3@1']);
    expect(line.open).toBe(true);
  });

  test('delivers on this node when the shard is its own', () => {
    line.update(record(1, self));
    line.accept(message('m1'));
    expect(left).toEqual(['deliver m1']);
  });

  test('after a move, waits for what went the old way before it sends the new way', async () => {
    line.update(record(1, a));
    line.accept(message('m1'));
    line.update(record(2, b));
    line.accept(message('m2'));
    expect(markers.map(({ way }) => way)).toEqual([[a, b]]);
    expect(left).toEqual(['a m1@1']);
    await arrives();
    expect(left).toEqual(['a m1@1', 'b m2@2']);
  });

  test('opens at once when nothing went the old way', () => {
    line.update(record(1, a));
    line.update(record(2, b));
    line.accept(message('m1'));
    expect(markers).toEqual([]);
    expect(left).toEqual(['b m1@2']);
  });

  test('one marker does for moves that follow while it is under way', async () => {
    line.update(record(1, a));
    line.accept(message('m1'));
    line.update(record(2, b));
    line.update(record(3, a));
    line.accept(message('m2'));
    expect(markers).toHaveLength(1);
    await arrives();
    expect(left).toEqual(['a m1@1', 'a m2@3']);
  });

  test('opens when the old owner is dead and the new one knows it', async () => {
    line.update(record(1, a));
    line.accept(message('m1'));
    dead.add('a');
    line.update(record(1));
    line.accept(message('m2'));
    line.update(record(2, b));
    expect(markers.map(({ way }) => way)).toEqual([[a, b]]);
    expect(left).toEqual(['a m1@1']);
    await arrives();
    expect(left).toEqual(['a m1@1', 'b m2@2']);
  });

  test('sends another marker when an owner died that the first may have died with', async () => {
    line.update(record(1, a));
    line.accept(message('m1'));
    line.update(record(2, b));
    const first = markers[0];
    line.update(record(2));
    line.update(record(3, self));
    line.accept(message('m2'));
    expect(markers.map(({ way }) => way)).toEqual([
      [a, b, self],
      [a, b, self],
    ]);
    first?.arrived();
    await clock.settle();
    expect(left).toEqual(['a m1@1']);
    await arrives();
    expect(left).toEqual(['a m1@1', 'deliver m2']);
  });

  test('ignores a word on the shard that is older than the last', () => {
    line.update(record(2, b));
    line.update(record(1, a));
    line.accept(message('m1'));
    expect(left).toEqual(['b m1@2']);
    expect(line.record?.epoch).toBe(2);
  });

  test('a message of another node that is ahead of this node’s view waits for the view', () => {
    line.update(record(1, a));
    line.accept(message('early', { epoch: 2 }));
    line.accept(message('m1'));
    expect(left).toEqual(['a m1@1']);
    line.update(record(2, self));
    expect(left).toEqual(['a m1@1', 'deliver early']);
  });

  test('at the new owner, what comes under the present epoch passes while its own messages wait', async () => {
    line.update(record(1, a));
    line.accept(message('mine1'));
    line.update(record(2, self));
    line.accept(message('mine2'));
    line.accept(message('relayed', { epoch: 2 }));
    line.accept(message('stale', { epoch: 1 }));
    expect(left).toEqual(['a mine1@1', 'deliver relayed']);
    await arrives();
    expect(left.slice(2)).toEqual(['deliver mine2', 'deliver stale']);
  });

  test('a frozen line holds everything, and sends it on when the shard has its new owner', () => {
    line.update(record(1, self));
    line.accept(message('m1'));
    line.freeze();
    expect(line.open).toBe(false);
    line.accept(message('m2'));
    line.accept(message('m3', { epoch: 1 }));
    line.update(record(1, self));
    expect(left).toEqual(['deliver m1']);
    line.update(record(2, b));
    line.accept(message('m4'));
    expect(left).toEqual(['deliver m1', 'b m2@2', 'b m3@2', 'b m4@2']);
  });

  test('thaws when the hand-over failed, but not after the shard has gone', () => {
    line.update(record(1, self));
    line.freeze();
    line.accept(message('m1'));
    line.thaw();
    expect(left).toEqual(['deliver m1']);
    line.freeze();
    line.accept(message('m2'));
    line.update(record(1));
    line.thaw();
    expect(left).toEqual(['deliver m1']);
  });

  test('keeps a message in its place when the owner turns out to be gone', () => {
    line.accept(message('m1'));
    line.accept(message('m2'));
    dead.add('a');
    line.update(record(1, a));
    line.accept(message('m3'));
    expect(left).toEqual([]);
    expect(line.held).toBe(3);
    line.update(record(2, b));
    expect(left).toEqual(['b m1@2', 'b m2@2', 'b m3@2']);
  });

  test('refuses one message that can’t be sent, and lets the others pass', () => {
    line.accept(message('m1'));
    line.accept(message('large'));
    line.accept(message('m2'));
    line.update(record(1, a));
    expect(left).toEqual(['a m1@1', 'refuse large MESSAGE_TOO_LARGE', 'a m2@1']);
  });

  test('takes the time a message waited off its deadline, and drops one whose time is over', async () => {
    line.accept(message('short', { timeoutMs: 50 }));
    line.accept(message('long', { timeoutMs: 500 }));
    await clock.advance(100);
    line.update(record(1, self));
    expect(left).toEqual(['deliver long']);
    expect(lastDelivered?.timeoutMs).toBe(400);
    expect(line.held).toBe(0);
  });

  test('counts the time a message waits twice: first for the view, then for the line', async () => {
    line.update(record(1, a));
    line.accept(message('mine'));
    line.accept(message('m', { timeoutMs: 500, epoch: 2 }));
    await clock.advance(100);
    line.update(record(3, self));
    await clock.advance(100);
    await arrives();
    expect(lastDelivered).toMatchObject({ method: 'm', timeoutMs: 300 });
  });

  test('holds at most 20,000 messages and refuses the rest', () => {
    for (let i = 0; i < 20_000; i++) line.accept(message('m'));
    line.accept(message('one too many'));
    line.accept(message('ahead', { epoch: 9 }));
    expect(left).toEqual(['refuse one too many OVERLOADED', 'refuse ahead OVERLOADED']);
    expect(line.held).toBe(20_000);
  });

  test('holds at most 64 MiB, and room comes back when they leave', () => {
    const payload = new Uint8Array(16 * 1024 * 1024);
    for (let i = 0; i < 4; i++) line.accept(message(`m${i}`, { payload }));
    line.accept(message('one too many', { payload }));
    expect(left).toEqual(['refuse one too many OVERLOADED']);
    line.update(record(1, self));
    line.freeze();
    for (let i = 0; i < 4; i++) line.accept(message(`n${i}`, { payload }));
    expect(left).toHaveLength(5);
  });
});
