import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Mailbox } from '../../../src/actor/mailbox.ts';

type Op = { kind: 'push' | 'unshift'; size: number } | { kind: 'shift' };

const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('push' as const), size: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unshift' as const), size: fc.nat(100) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('shift' as const) }) },
);

describe('mailbox', () => {
  for (const sized of [false, true]) {
    test(`behaves like a list, ${sized ? 'with' : 'without'} sizes`, () => {
      fc.assert(
        fc.property(fc.array(op, { maxLength: 400 }), (ops) => {
          const mailbox = new Mailbox<number>(sized);
          const model: { message: number; stamp: number; size: number }[] = [];
          for (const [i, step] of ops.entries()) {
            if (step.kind === 'shift') {
              if (model.length > 0) expect(mailbox.shift()).toBe(model.shift()!.message);
            } else {
              model[step.kind]({ message: i, stamp: i * 2, size: step.size });
              mailbox[step.kind](i, i * 2, step.size);
            }
            expect(mailbox.length).toBe(model.length);
            expect(mailbox.bytes).toBe(sized ? model.reduce((sum, item) => sum + item.size, 0) : 0);
            if (model.length > 0) expect(mailbox.oldestStamp()).toBe(model[0]!.stamp);
          }
        }),
      );
    });
  }

  test('keeps its order through growing and being emptied', () => {
    const mailbox = new Mailbox<number>(false);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 1_000; i++) mailbox.push(i, 0, 0);
      for (let i = 0; i < 1_000; i++) expect(mailbox.shift()).toBe(i);
    }
  });
});
