import { describe, expect, test } from 'vitest';
import { bytes, LedgerDriver } from './driver.ts';

function job(limits = {}): LedgerDriver {
  const driver = new LedgerDriver({ limits });
  driver.run('job.open', { id: 'j', spec: bytes('spec') });
  const items = ['a', 'b', 'c'].map((id) => ({ id, input: bytes(id) }));
  driver.run('job.add', { id: 'j', items, seal: true });
  return driver;
}

const claim = (driver: LedgerDriver, limit = 1, by = 'w', leaseMs = 1_000) =>
  driver.run('task.claim', { job: 'j', by, limit, leaseMs }).tasks;

const outcome = (task: string, claimEpoch: number, ok = true) => ({ task, claimEpoch, ok, result: bytes(`${task}!`) });

describe('tasks', () => {
  test('claims go in order of position and each has its epoch and lease', () => {
    const driver = job();
    expect(claim(driver, 2).map(({ task, position, claimEpoch }) => [task, position, claimEpoch])).toEqual([
      ['a', 0, 1],
      ['b', 1, 1],
    ]);
    expect(claim(driver, 5).map(({ task }) => task)).toEqual(['c']);
    expect(claim(driver)).toEqual([]);
  });

  test('a claim that lapsed is lost, and the next one has a larger epoch', () => {
    const driver = job();
    claim(driver);
    driver.now += 1_000;
    expect(driver.refusal('task.settle', { job: 'j', outcomes: [outcome('a', 1)] })).toBe('CLAIM_LOST');
    expect(claim(driver)).toMatchObject([{ task: 'a', claimEpoch: 2 }]);
    expect(driver.refusal('task.settle', { job: 'j', outcomes: [outcome('a', 1)] })).toBe('CLAIM_LOST');
    expect(driver.run('task.settle', { job: 'j', outcomes: [outcome('a', 2)] })).toMatchObject({ completed: 1 });
  });

  test('settles all or none, and again without effect', () => {
    const driver = job();
    claim(driver, 2);
    expect(driver.refusal('task.settle', { job: 'j', outcomes: [outcome('a', 1), outcome('c', 1)] })).toBe(
      'CLAIM_LOST',
    );
    expect(driver.refusal('task.settle', { job: 'j', outcomes: [outcome('a', 1), outcome('x', 1)] })).toBe('NOT_FOUND');
    expect(driver.ledger.query('job.get', { id: 'j' })).toMatchObject({ completed: 0 });
    const both = { job: 'j', outcomes: [outcome('a', 1), outcome('b', 1, false)] };
    const settled = driver.run('task.settle', both);
    expect(settled).toMatchObject({ completed: 1, failed: 1 });
    const events = driver.events.length;
    expect(driver.run('task.settle', both)).toEqual(settled);
    expect(driver.events).toHaveLength(events);
    expect(driver.refusal('task.settle', { job: 'j', outcomes: [outcome('a', 1, false)] })).toBe('CLAIM_LOST');
    expect(driver.ledger.query('ledger.stats', {}).tasksCompleted).toBe(1);
  });

  test('watchers hear what was settled', () => {
    const driver = job();
    claim(driver, 2);
    driver.run('task.settle', { job: 'j', outcomes: [outcome('b', 1)] });
    expect(driver.events.at(-1)).toMatchObject({
      type: 'job',
      job: { id: 'j', completed: 1 },
      settled: [{ task: 'b', position: 1, ok: true, result: bytes('b!') }],
    });
  });

  test('a stale fence claims and settles nothing', () => {
    const driver = job();
    driver.own('n', driver.join('n'));
    const fence = { group: 'g', shard: 0, epoch: 9 };
    expect(driver.refusal('task.claim', { job: 'j', by: 'w', limit: 1, leaseMs: 1, fence })).toBe('STALE_EPOCH');
    claim(driver);
    expect(driver.refusal('task.settle', { job: 'j', outcomes: [outcome('a', 1)], fence })).toBe('STALE_EPOCH');
  });

  test('items are added once, and none after the seal or the close', () => {
    const driver = job();
    const again = { id: 'j', items: [{ id: 'a', input: bytes('other') }], seal: true };
    expect(driver.run('job.add', again)).toMatchObject({ tasks: 3, sealed: true });
    const more = { id: 'j', items: [{ id: 'd', input: bytes('d') }], seal: false };
    expect(driver.refusal('job.add', more)).toBe('INVALID_ARGUMENT');
    expect(driver.run('job.open', { id: 'j', spec: bytes('spec') })).toMatchObject({ tasks: 3 });
    expect(driver.refusal('job.open', { id: 'j', spec: bytes('other') })).toBe('ALREADY_EXISTS');
    expect(driver.refusal('job.add', { ...more, id: 'x' })).toBe('NOT_FOUND');
  });

  test('closing voids the claims', () => {
    const driver = job();
    claim(driver);
    expect(driver.run('job.close', { id: 'j', cancelled: true })).toMatchObject({ state: 'cancelled' });
    expect(driver.run('job.close', { id: 'j', cancelled: false })).toMatchObject({ state: 'cancelled' });
    expect(claim(driver)).toEqual([]);
    expect(driver.refusal('task.settle', { job: 'j', outcomes: [outcome('a', 1)] })).toBe('CLAIM_LOST');
    expect(driver.ledger.dueAt).toBeGreaterThan(driver.now);
  });

  test('jobs, tasks, claims and sizes are bounded', () => {
    const driver = job({ jobsOpenMax: 1, jobsClosedMax: 1, tasksPerJobMax: 4, claimBytesMax: 1, blobBytesMax: 8 });
    expect(driver.refusal('job.open', { id: 'k', spec: bytes('') })).toBe('OVERLOADED');
    expect(driver.refusal('job.open', { id: 'k', spec: bytes('123456789') })).toBe('MESSAGE_TOO_LARGE');
    expect(claim(driver, 3)).toHaveLength(1);
    driver.run('job.close', { id: 'j', cancelled: false });
    driver.run('job.open', { id: 'k', spec: bytes('') });
    const items = ['1', '2', '3', '4', '5'].map((id) => ({ id, input: bytes('') }));
    expect(driver.refusal('job.add', { id: 'k', items, seal: true })).toBe('OVERLOADED');
    expect(driver.ledger.query('job.get', { id: 'k' })).toMatchObject({ tasks: 0 });
    driver.run('job.close', { id: 'k', cancelled: false });
    expect(driver.refusal('job.close', { id: 'j', cancelled: false })).toBe('NOT_FOUND');
  });

  test('lists tasks by position and state, page by page', () => {
    const driver = job();
    claim(driver);
    const page = (after: number, state?: 'waiting') =>
      driver.ledger
        .query('job.tasks', { id: 'j', after, limit: 2, ...(state ? { state } : {}) })
        .tasks.map(({ task }) => task);
    expect(page(-1)).toEqual(['a', 'b']);
    expect(page(1)).toEqual(['c']);
    expect(page(-1, 'waiting')).toEqual(['b', 'c']);
  });
});
