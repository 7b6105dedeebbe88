import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { applyPolicy, DEFAULT_POLICY, readPolicy } from '../../../examples/licence-audit/policy.ts';
import { Policy } from '../../../examples/licence-audit/schema.ts';
import { tree } from './tree.ts';

describe('the default policy', () => {
  test.each([
    ['MIT', 'allowed'],
    ['MPL-2.0', 'review'],
    ['GPL-3.0-only', 'denied'],
    ['AGPL-3.0-or-later', 'denied'],
    ['MIT OR GPL-3.0-only', 'allowed'],
    ['GPL-3.0-only AND MIT', 'denied'],
    ['LGPL-3.0-only AND MIT', 'review'],
    ['(GPL-2.0-only OR ISC) AND MIT', 'allowed'],
    ['(GPL-2.0-only OR MPL-2.0) AND MIT', 'review'],
    ['LicenseRef-Ours', 'review'],
    ['Sleepycat', 'review'],
    ['UNLICENSED', 'denied'],
    ['NEEDS-PERSON', 'review'],
  ])('%s: %s', (licence, verdict) => {
    expect(applyPolicy(DEFAULT_POLICY, licence)).toBe(verdict);
  });
});

describe('a policy', () => {
  const policy = Policy.parse({
    allowed: ['GPL-2.0-only WITH Classpath-exception-2.0', 'GPL-3.0-only', 'BSD-*'],
    review: ['GPL-2.0-only WITH GCC-exception-2.0'],
    denied: ['GPL-2.0-only', 'BSD-4-Clause', 'Artistic-*'],
    otherwise: 'denied',
  });

  test.each([
    ['GPL-2.0-only WITH Classpath-exception-2.0', 'allowed', 'the pair is listed'],
    ['GPL-2.0-only WITH GCC-exception-2.0', 'review', 'the pair is listed'],
    ['GPL-2.0-only WITH Bison-exception-2.2', 'denied', 'only the bare licence is listed'],
    ['GPL-3.0-only WITH Bison-exception-2.2', 'allowed', 'an exception takes nothing away'],
    ['GPL-2.0-or-later', 'allowed', 'version 3 may be chosen'],
    ['GPL-1.0-or-later', 'allowed', 'version 3 may be chosen'],
    ['BSD-4-Clause', 'denied', 'a whole name goes before a pattern'],
    ['BSD-3-Clause', 'allowed', 'the pattern fits'],
    ['MIT', 'denied', 'nothing fits'],
  ])('%s: %s, for %s', (licence, verdict) => {
    expect(applyPolicy(policy, licence)).toBe(verdict);
  });
});

describe('a policy file', () => {
  test('is read, with what it leaves out empty', async () => {
    const folder = tree({ 'policy.json': { allowed: ['MIT'] } });
    expect(await readPolicy(join(folder, 'policy.json'))).toEqual({
      allowed: ['MIT'],
      review: [],
      denied: [],
      otherwise: 'review',
    });
  });

  test.each([
    ['missing', {}, /can't be read/],
    ['no JSON', { 'policy.json': '{' }, /can't be read/],
    ['misspelt', { 'policy.json': { alowed: ['MIT'], otherwise: 'maybe' } }, /otherwise.*alowed|alowed.*otherwise/],
  ])('that is %s is one clear line', async (_what, files, line) => {
    const path = join(tree(files), 'policy.json');
    const error = await readPolicy(path).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', address: path, message: expect.stringMatching(line) });
    expect(String(error)).not.toContain('\n');
  });
});
