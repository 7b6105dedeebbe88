import { expect, test } from 'vitest';
import { Quota } from '../../../src/core/index.ts';

test('it lets in so many, of so many bytes together, and more when some have gone', () => {
  const quota = new Quota('letters wait', { countMax: 3, bytesMax: 100 });
  quota.enter(60);
  quota.enter(40);
  const data = { count: 2, bytes: 100 };
  const full = { code: 'OVERLOADED', message: '2 letters wait, of 100 bytes', data };
  expect(() => quota.enter(1)).toThrow(expect.objectContaining(full));
  quota.enter(0);
  expect(() => quota.enter(0)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
  quota.leave(60);
  quota.enter(60);
  expect([quota.count, quota.bytes]).toEqual([3, 100]);
});

test('what is larger than all may be together is let in alone', () => {
  const quota = new Quota('letters wait', { countMax: 3, bytesMax: 100 });
  quota.enter(1_000);
  expect(() => quota.enter(1)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
});
