import { describe, expect, test } from 'vitest';
import type { Commands, HeldRecord } from '../../../../src/coordinator/index.ts';
import { shardOf } from '../../../../src/core/index.ts';
import { bytes, LedgerDriver } from './driver.ts';

const shard = shardOf('agent-1', 4);
const fence = { group: 'g', shard, epoch: 1 };
const place = (request: string, more: Partial<Commands['held.place']['request']> = {}) => ({
  fence,
  key: 'agent-1',
  request,
  step: 'pay',
  idempotencyKey: `g/agent-1/${request}/pay`,
  message: bytes('message'),
  ...more,
});

function owned(limits = {}): LedgerDriver {
  const driver = new LedgerDriver({ limits });
  driver.own('n', driver.join('n'));
  return driver;
}
const list = (driver: LedgerDriver, ruled?: boolean): readonly number[] =>
  driver.ledger
    .query('held.list', { limit: 100, ...(ruled === undefined ? {} : { ruled }) })
    .held.map(({ hold }) => hold);
const refOf = ({ group, key, hold }: HeldRecord) => ({ group, key, hold });

describe('held turns', () => {
  test('are listed until they are over, and read with their message', () => {
    const driver = owned();
    const one = driver.run('held.place', place('r1'));
    const two = driver.run('held.place', place('r2'));
    expect(two.hold).toBeGreaterThan(one.hold);
    expect(list(driver)).toEqual([one.hold, two.hold]);
    expect(driver.ledger.query('held.get', refOf(one))).toEqual({ ...one, message: bytes('message') });
    driver.run('held.release', { fence, key: 'agent-1', hold: one.hold });
    driver.run('held.release', { fence, key: 'agent-1', hold: one.hold });
    expect(list(driver)).toEqual([two.hold]);
    expect(driver.ledger.query('held.get', refOf(one))).toMatchObject({ over: true });
  });

  test('are placed and released by the current owner only', () => {
    const driver = owned();
    const { hold } = driver.run('held.place', place('r1'));
    const b = { node: 'b', incarnation: driver.join('b') };
    driver.run('shards.transfer', { fences: [fence], to: b });
    expect(driver.refusal('held.place', place('r2'))).toBe('STALE_EPOCH');
    expect(driver.refusal('held.release', { fence, key: 'agent-1', hold })).toBe('STALE_EPOCH');
    driver.run('held.release', { fence: { ...fence, epoch: 2 }, key: 'agent-1', hold });
  });

  test('are held once per request, until a ruling was followed and they are held again', () => {
    const driver = owned();
    const first = driver.run('held.place', place('r1'));
    expect(driver.run('held.place', place('r1', { step: 'mail' }))).toEqual(first);
    driver.run('held.rule', { ...refOf(first), ruling: { type: 'retry' } });
    expect(driver.run('held.place', place('r1'))).toMatchObject({ hold: first.hold, ruling: { type: 'retry' } });
    const second = driver.run('held.place', place('r1', { after: first.hold }));
    expect(second).toMatchObject({ over: false });
    expect(second.hold).toBeGreaterThan(first.hold);
    // Its answer was lost, and it is sent again.
    expect(driver.run('held.place', place('r1', { after: first.hold }))).toEqual(second);
    expect(list(driver)).toEqual([second.hold]);
    expect(driver.refusal('held.rule', { ...refOf(first), ruling: { type: 'fail', reason: 'late' } })).toBe(
      'ALREADY_EXISTS',
    );
    expect(driver.ledger.query('held.get', refOf(second)).ruling).toBeUndefined();
  });

  test.each([
    { type: 'done', value: bytes('7') } as const,
    { type: 'retry' } as const,
    { type: 'fail', reason: 'gone' } as const,
  ])('are settled once, as $type', (ruling) => {
    const driver = owned();
    const held = refOf(driver.run('held.place', place('r1')));
    expect([list(driver, true), list(driver, false)]).toEqual([[], [held.hold]]);
    const ruled = driver.run('held.rule', { ...held, ruling });
    expect(ruled).toMatchObject({ ...held, ruling });
    expect(driver.run('held.rule', { ...held, ruling })).toEqual(ruled);
    for (const other of [
      { type: 'done', value: bytes('8') },
      { type: 'fail', reason: 'other' },
    ] as const)
      expect(driver.refusal('held.rule', { ...held, ruling: other })).toBe('ALREADY_EXISTS');
    expect([list(driver, true), list(driver, false)]).toEqual([[held.hold], []]);
  });

  test('can’t be settled when they aren’t there, or by what is no ruling', () => {
    const driver = owned();
    const held = refOf(driver.run('held.place', place('r1')));
    const retry = { type: 'retry' } as const;
    expect(driver.refusal('held.rule', { ...held, hold: held.hold + 1, ruling: retry })).toBe('NOT_FOUND');
    expect(driver.refusal('held.rule', { ...held, key: 'agent-2', ruling: retry })).toBe('NOT_FOUND');
    expect(driver.refusal('held.rule', { ...held, ruling: { type: 'maybe' } as never })).toBe('INVALID_ARGUMENT');
    expect(driver.refusal('held.rule', { ...held, ruling: { type: 'fail', reason: '' } })).toBe('INVALID_ARGUMENT');
  });

  test('are bounded in number and bytes, and of those that are over the last are known', () => {
    const driver = owned({ heldMax: 3, heldBytesMax: 20, heldClosedMax: 1 });
    const first = driver.run('held.place', place('r1'));
    const second = driver.run('held.place', place('r2'));
    expect(driver.refusal('held.place', place('r3'))).toBe('OVERLOADED');
    driver.run('held.place', place('r3', { message: bytes('') }));
    expect(driver.refusal('held.place', place('r4', { message: bytes('') }))).toBe('OVERLOADED');
    for (const { hold } of [first, second]) driver.run('held.release', { fence, key: 'agent-1', hold });
    expect(() => driver.ledger.query('held.get', refOf(first))).toThrow('no turn');
    expect(driver.ledger.query('held.get', refOf(second)).over).toBe(true);
    driver.run('held.place', place('r4'));
  });

  test('come page by page', () => {
    const driver = owned();
    const holds = ['r1', 'r2', 'r3'].map((request) => driver.run('held.place', place(request)).hold);
    const page = (after?: HeldRecord) =>
      driver.ledger.query('held.list', { limit: 2, ...(after && { after: refOf(after) }) }).held;
    const first = page();
    expect(first.map(({ hold }) => hold)).toEqual(holds.slice(0, 2));
    expect(page(first[1]).map(({ hold }) => hold)).toEqual(holds.slice(2));
  });

  test('outlast a snapshot', async () => {
    const driver = owned();
    const held = driver.run('held.place', place('r1'));
    driver.run('held.rule', { ...refOf(held), ruling: { type: 'done', value: bytes('7') } });
    const other = owned();
    await other.ledger.restore(driver.ledger.appliedIndex, driver.ledger.snapshot());
    expect(other.ledger.digest()).toBe(driver.ledger.digest());
    expect(other.ledger.query('held.get', refOf(held))).toEqual(driver.ledger.query('held.get', refOf(held)));
  });
});
