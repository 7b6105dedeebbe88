import { describe, expect, test } from 'vitest';
import { joinExpressions, normaliseExpression } from '../../../examples/licence-audit/expression.ts';

describe('an SPDX expression in normal form', () => {
  test.each([
    ['MIT', 'MIT'],
    ['(MIT)', 'MIT'],
    ['MIT OR Apache-2.0', 'Apache-2.0 OR MIT'],
    ['((MIT OR (Apache-2.0)) OR MIT)', 'Apache-2.0 OR MIT'],
    ['MIT OR MIT', 'MIT'],
    ['MIT AND (ISC OR BSD-2-Clause)', '(BSD-2-Clause OR ISC) AND MIT'],
    ['MIT AND ISC OR Zlib', 'ISC AND MIT OR Zlib'],
    ['GPL-2.0', 'GPL-2.0-only'],
    ['GPL-2.0+', 'GPL-2.0-or-later'],
    ['LGPL-2.1+ WITH Classpath-exception-2.0', 'LGPL-2.1-or-later WITH Classpath-exception-2.0'],
    ['Apache-2.0+', 'Apache-2.0+'],
  ])('%s is %s', (written, normal) => {
    expect(normaliseExpression(written)).toBe(normal);
    expect(normaliseExpression(normal)).toBe(normal);
  });

  test.each(['', 'Apache 2', 'MIT OR', 'SEE LICENSE IN x', 'UNLICENSED', 'MIT, ISC'])('"%s" is none', (written) => {
    expect(normaliseExpression(written)).toBeUndefined();
  });

  test('joining keeps the parts together', () => {
    expect(joinExpressions('and', ['MIT OR ISC', 'Zlib'])).toBe('(ISC OR MIT) AND Zlib');
    expect(joinExpressions('or', ['MIT'])).toBe('MIT');
  });
});
