import { describe, expect, test } from 'vitest';
import { LedgerDriver } from './driver.ts';

function pair(): {
  driver: LedgerDriver;
  a: { node: string; incarnation: number };
  b: { node: string; incarnation: number };
} {
  const driver = new LedgerDriver();
  const a = { node: 'a', incarnation: driver.join('a') };
  const b = { node: 'b', incarnation: driver.join('b') };
  return { driver, a, b };
}

describe('shards', () => {
  test('placing an ownerless shard raises its epoch; a line with another epoch is skipped', () => {
    const { driver, a, b } = pair();
    const place = (epoch: number, to?: object) =>
      driver.run('shards.place', { moves: [{ group: 'g', shard: 0, epoch, ...(to ? { to } : {}) }] } as never);
    expect(place(1, a)).toEqual({ accepted: 0 });
    expect(place(0)).toEqual({ accepted: 0 });
    expect(place(0, a)).toEqual({ accepted: 1 });
    expect(driver.shard(0)).toEqual({ group: 'g', shard: 0, epoch: 1, owner: a });
    expect(place(0, b)).toEqual({ accepted: 0 });
  });

  test('an owned shard gets a target, which can be taken back, and keeps its epoch', () => {
    const { driver, a, b } = pair();
    driver.own('a', a.incarnation);
    driver.run('shards.place', { moves: [{ group: 'g', shard: 0, epoch: 1, to: b }] });
    expect(driver.shard(0)).toEqual({ group: 'g', shard: 0, epoch: 1, owner: a, target: b });
    driver.run('shards.place', { moves: [{ group: 'g', shard: 0, epoch: 1 }] });
    expect(driver.shard(0)).toEqual({ group: 'g', shard: 0, epoch: 1, owner: a });
    driver.run('shards.place', { moves: [{ group: 'g', shard: 0, epoch: 1, to: a }] });
    expect(driver.shard(0)).toEqual({ group: 'g', shard: 0, epoch: 1, owner: a });
  });

  test('a node that is not up, an earlier life, or one that does not host the group gets nothing', () => {
    const { driver, a, b } = pair();
    const stranger = { node: 'c', incarnation: driver.join('c', 'c-1', ['other']) };
    driver.run('node.mark', { ...b, state: 'cordoned' });
    for (const to of [b, stranger, { ...a, incarnation: a.incarnation - 1 }, { node: 'x', incarnation: 1 }]) {
      expect(driver.run('shards.place', { moves: [{ group: 'g', shard: 0, epoch: 0, to }] })).toEqual({ accepted: 0 });
    }
    expect(driver.run('shards.place', { moves: [{ group: 'none', shard: 0, epoch: 0, to: a }] })).toEqual({
      accepted: 0,
    });
  });

  test('a transfer that is refused halfway leaves the fence as it was', () => {
    const { driver, a, b } = pair();
    driver.own('a', a.incarnation);
    const fence = { group: 'g', shard: 0, epoch: 1 };
    expect(driver.refusal('shards.transfer', { fences: [fence, fence], to: b })).toBe('STALE_EPOCH');
    expect(driver.run('shards.transfer', { fences: [fence], to: b })).toMatchObject({ transferred: [{ epoch: 2 }] });
  });

  test('a transfer moves ownership under a new epoch, all or none', () => {
    const { driver, a, b } = pair();
    driver.own('a', a.incarnation);
    const fence = (shard: number, epoch: number) => ({ group: 'g', shard, epoch });
    expect(driver.refusal('shards.transfer', { fences: [fence(0, 1), fence(1, 2)], to: b })).toBe('STALE_EPOCH');
    expect(driver.shard(0)).toMatchObject({ owner: a, epoch: 1 });
    expect(driver.refusal('shards.transfer', { fences: [fence(0, 1), fence(0, 1)], to: b })).toBe('STALE_EPOCH');
    expect(driver.run('shards.transfer', { fences: [fence(0, 1), fence(1, 1)], to: b })).toEqual({
      transferred: [fence(0, 2), fence(1, 2)],
    });
    expect(driver.shard(1)).toEqual({ group: 'g', shard: 1, epoch: 2, owner: b });
    driver.run('node.mark', { ...b, state: 'draining', drainMs: 1 });
    expect(driver.refusal('shards.transfer', { fences: [fence(2, 1)], to: b })).toBe('NODE_UNAVAILABLE');
    expect(driver.refusal('shards.transfer', { fences: [fence(9, 1)], to: a })).toBe('NOT_FOUND');
  });

  test('when a node goes down its shards are ownerless, its fences refused, and nobody hands over to it', () => {
    const { driver, a, b } = pair();
    driver.own('a', a.incarnation);
    driver.run('shards.place', { moves: [{ group: 'g', shard: 3, epoch: 1, to: b }] });
    driver.run('node.down', { ...b, reason: 'silent' });
    expect(driver.shard(3)).toEqual({ group: 'g', shard: 3, epoch: 1, owner: a });
    driver.run('node.down', { ...a, reason: 'silent' });
    expect(driver.shard(3)).toEqual({ group: 'g', shard: 3, epoch: 1 });
    expect(driver.refusal('shards.transfer', { fences: [{ group: 'g', shard: 3, epoch: 1 }], to: b })).toBe(
      'STALE_EPOCH',
    );
  });

  test('a draining node keeps what it owns but is no target any more', () => {
    const { driver, a, b } = pair();
    driver.own('a', a.incarnation);
    driver.run('shards.place', { moves: [{ group: 'g', shard: 0, epoch: 1, to: b }] });
    driver.run('node.mark', { ...b, state: 'draining', drainMs: 1 });
    expect(driver.shard(0)).toEqual({ group: 'g', shard: 0, epoch: 1, owner: a });
    driver.run('node.mark', { ...a, state: 'draining', drainMs: 1 });
    expect(driver.shard(0)).toEqual({ group: 'g', shard: 0, epoch: 1, owner: a });
  });
});
