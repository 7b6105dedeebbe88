import { describe, expect, test } from 'vitest';
import { reviewManifest } from '../../../examples/licence-audit/evidence/manifest.ts';
import { isUnreadable } from '../../../examples/licence-audit/evidence/review.ts';
import { licenceText } from './texts.ts';
import { tree } from './tree.ts';

const review = (fields: object) => reviewManifest(tree({ 'package.json': { name: 'a', version: '1.0.0', ...fields } }));

describe('the manifest reviewer reads', () => {
  test.each([
    ['an SPDX expression', { license: 'MIT' }, 'MIT'],
    ['a choice', { license: '(MIT OR Apache-2.0)' }, 'Apache-2.0 OR MIT'],
    ['an exception', { license: 'GPL-2.0 WITH Classpath-exception-2.0' }, 'GPL-2.0-only WITH Classpath-exception-2.0'],
    ['the old object', { license: { type: 'BSD-3-Clause', url: 'https://example.org' } }, 'BSD-3-Clause'],
    ['the old list', { licenses: [{ type: 'MIT' }, { type: 'Apache-2.0', url: 'x' }] }, 'Apache-2.0 OR MIT'],
    ['a list of names', { licenses: ['MIT'] }, 'MIT'],
    ['the British key', { licence: 'ISC' }, 'ISC'],
    ['no licence at all, in so many words', { license: 'UNLICENSED' }, 'UNLICENSED'],
    ['a near miss', { license: 'Apache 2' }, 'Apache-2.0'],
    ['a near miss in lower case', { license: 'mit license' }, 'MIT'],
    ['two near misses', { license: 'MIT, Apache 2.0' }, 'Apache-2.0 OR MIT'],
    ['a near sum', { license: 'MIT and Apache 2.0' }, 'Apache-2.0 AND MIT'],
    ['a link to a listed licence', { license: 'https://opensource.org/licenses/MIT' }, 'MIT'],
    ["Apache's own link", { license: 'http://www.apache.org/licenses/LICENSE-2.0.html' }, 'Apache-2.0'],
  ])('%s', async (_what, fields, expression) => {
    expect((await review(fields)).expression).toBe(expression);
  });

  test.each([
    ['nothing', {}, /names no licence/],
    ['an empty text', { license: '' }, /names no licence/],
    ['a family', { license: 'BSD' }, /no SPDX expression/],
    ['a family in a choice', { license: 'MIT/GPL' }, /no SPDX expression/],
    ['a number', { license: 7 }, /neither text/],
    ['an empty list', { licenses: [] }, /no clear licence/],
    ['a list with one unclear entry', { licenses: [{ type: 'MIT' }, {}] }, /no clear licence/],
    ['a book', { license: `MIT${' '.repeat(500_000)}OR` }, /longer than 1000 characters|no SPDX/],
    ['words', { license: 'ask our lawyers' }, /no SPDX expression/],
    ['a file outside the package', { license: 'SEE LICENSE IN ../../etc/passwd' }, /outside the package/],
    ['a file that is not there', { license: 'SEE LICENSE IN TERMS' }, /does not exist/],
  ])('abstains for %s', async (_what, fields, reason) => {
    const { expression, reason: given } = await review(fields);
    expect(expression).toBeUndefined();
    expect(given).toMatch(reason);
  });

  test('the file that SEE LICENSE IN names', async () => {
    const folder = tree({
      'package.json': { name: 'a', version: '1.0.0', license: 'SEE LICENSE IN <TERMS.txt>' },
      'TERMS.txt': licenceText('ISC'),
    });
    expect((await reviewManifest(folder)).expression).toBe('ISC');
  });

  test('a near miss with less certainty than an exact name', async () => {
    const [exact, near] = [await review({ license: 'MIT' }), await review({ license: 'MIT License' })];
    expect(near.score).toBeLessThan(exact.score);
  });

  test.each([
    ['missing', {}, /does not exist/],
    ['broken', { 'package.json': '{"license": "MIT",' }, /not valid JSON/],
    ['a list', { 'package.json': '["MIT"]' }, /holds no object/],
    ['binary', { 'package.json': new Uint8Array([0, 1, 2, 255]) }, /binary/],
  ])('a manifest that is %s as one line of unreadable evidence', async (_what, files, reason) => {
    const given = await reviewManifest(tree(files));
    expect(given.expression).toBeUndefined();
    expect(given.reason).toMatch(reason);
    expect(given.reason).not.toContain('\n');
    expect(isUnreadable(given.reason)).toBe(true);
  });

  test('a manifest that begins with a byte order mark', async () => {
    expect((await reviewManifest(tree({ 'package.json': '\uFEFF{"license":"MIT"}' }))).expression).toBe('MIT');
  });
});
