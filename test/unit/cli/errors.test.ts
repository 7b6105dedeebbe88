import { describe, expect, test } from 'vitest';
import { exitCodeOf, formatError, usageError } from '../../../src/cli/errors.ts';
import { TroupeError } from '../../../src/core/index.ts';

describe('errors for a person', () => {
  test('are one line with code and address, and no stack', () => {
    const error = new TroupeError('NO_QUORUM', 'no majority answers', { address: 'node-1' });
    expect(formatError(error, false)).toBe('troupe: no majority answers (node-1) [NO_QUORUM]');
    expect(exitCodeOf(error)).toBe(1);
  });

  test('do not say an address twice', () => {
    const error = new TroupeError('NOT_FOUND', 'there is no node "x"', { address: 'x' });
    expect(formatError(error, false)).toBe('troupe: there is no node "x" [NOT_FOUND]');
  });

  test('of usage end with 2', () => {
    expect(formatError(usageError('say what'), false)).toBe('troupe: say what');
    expect(exitCodeOf(usageError('say what'))).toBe(2);
  });

  test('that list several problems keep their lines', () => {
    const error = new TroupeError('INVALID_CONFIGURATION', '2 problems:\n  a: x\n  b: y');
    expect(formatError(error, false)).toBe('troupe: 2 problems: [INVALID_CONFIGURATION]\n  a: x\n  b: y');
  });

  test('of foreign code say how to see more', () => {
    expect(formatError(new RangeError('too far'), false)).toBe('troupe: too far (TROUPE_DEBUG=1 shows where)');
    expect(exitCodeOf(new RangeError('too far'))).toBe(1);
    expect(formatError('text', false)).toContain('text');
  });

  test('have stack and causes when asked', () => {
    const text = formatError(new TroupeError('TIMEOUT', 'late', { cause: new RangeError('deep') }), true);
    expect(text).toContain('errors.test.ts');
    expect(text).toContain('caused by RangeError: deep');
  });
});
