import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isUnreadable } from '../../../examples/licence-audit/evidence/review.ts';
import { identify, reviewText } from '../../../examples/licence-audit/evidence/text.ts';
import { licenceText } from './texts.ts';
import { tree } from './tree.ts';

const review = (files: Record<string, string | Uint8Array>, stated?: string) => reviewText(tree(files), stated);

describe('the text reviewer', () => {
  test.each([
    'MIT',
    'MIT-0',
    'ISC',
    '0BSD',
    'BSD-2-Clause',
    'BSD-3-Clause',
    'Apache-2.0',
    'MPL-2.0',
    'CC0-1.0',
    'Unlicense',
    'BlueOak-1.0.0',
    'Zlib',
    'BSL-1.0',
    'JSON',
    'EPL-2.0',
    'LGPL-2.1-only',
    'LGPL-3.0-only',
    'GPL-2.0-only',
    'GPL-3.0-only',
    'AGPL-3.0-only',
  ])('knows %s by its text', async (id) => {
    const { expression, score } = await review({ LICENSE: licenceText(id) });
    expect(expression).toBe(id);
    expect(score).toBeGreaterThan(0.95);
  });

  test('does not mind case, line breaks, list markers, quotes, copyright lines and British spelling', async () => {
    const text = licenceText('BSD-3-Clause')
      .toUpperCase()
      .replaceAll(/\s+/g, ' ')
      .replaceAll(/(.{50,70}) /g, '$1\n')
      .replaceAll('"', '``')
      .replaceAll('LICENSE', 'LICENCE');
    const { expression, score } = await review({
      'LICENCE.md': `# Licence\n\n© 2019-present Ada\nCopyright 2021 Bob, Inc.\n\n${text}`,
    });
    expect(expression).toBe('BSD-3-Clause');
    expect(score).toBeGreaterThan(0.93);
  });

  test('knows Apache-2.0 and LGPL-3.0 without what follows their terms', async () => {
    const apache = licenceText('Apache-2.0').replace(/APPENDIX[\s\S]*/, '');
    expect((await review({ LICENSE: apache })).expression).toBe('Apache-2.0');
    const lgpl = licenceText('LGPL-3.0-only');
    const files = { 'COPYING.LESSER': lgpl.slice(0, lgpl.indexOf('GNU GENERAL PUBLIC LICENSE', 200)) };
    expect((await review(files)).expression).toBe('LGPL-3.0-only');
    expect((await review({ ...files, COPYING: licenceText('GPL-3.0-only') })).expression).toBe('GPL-3.0-only');
  });

  test('lets the manifest choose among licences that share one text, and nothing more', async () => {
    const files = { COPYING: licenceText('GPL-3.0-only') };
    expect((await review(files, 'GPL-3.0-or-later')).expression).toBe('GPL-3.0-or-later');
    expect((await review(files, 'MIT OR GPL-3.0-or-later')).expression).toBe('GPL-3.0-or-later');
    expect((await review(files, 'MIT')).expression).toBe('GPL-3.0-only');
  });

  test('reads one file per licence as a choice', async () => {
    const files = { 'LICENSE-MIT': licenceText('MIT'), 'LICENSE-APACHE': licenceText('Apache-2.0') };
    expect((await review(files)).expression).toBe('Apache-2.0 OR MIT');
  });

  test('reads two texts in one file as a sum, or as a choice where the file offers one', async () => {
    const both = `${licenceText('MIT')}\n\n----\n\n${licenceText('Apache-2.0')}`;
    expect((await review({ LICENSE: both })).expression).toBe('Apache-2.0 AND MIT');
    const offered = `This software is dual-licensed; take either of these licences.\n\n${both}`;
    expect((await review({ LICENSE: offered })).expression).toBe('Apache-2.0 OR MIT');
  });

  test('lists licences of bundled code once each, however often they are repeated', async () => {
    const parts = ['MIT', 'ISC', 'MIT', 'BSD-2-Clause', 'MIT', 'ISC'].map(
      (id, i) => `## part-${i}\n\n${licenceText(id)}`,
    );
    expect((await review({ 'LICENSE.md': parts.join('\n\n---\n\n') })).expression).toBe('BSD-2-Clause AND ISC AND MIT');
  });

  test('takes a plain LICENSE before its companions, and leaves notices about others aside', async () => {
    const files = {
      LICENSE: licenceText('MIT'),
      'LICENSE-docs': licenceText('CC-BY-4.0'),
      'THIRD-PARTY-LICENSES': licenceText('GPL-3.0-only'),
      'license.js': licenceText('ISC'),
    };
    expect((await review(files)).expression).toBe('MIT');
    expect((await review({ 'THIRD-PARTY-LICENSES': licenceText('MIT') })).reason).toBe('no licence file');
  });

  test('reads the LICENSES folder when there is no licence file', async () => {
    expect((await review({ 'LICENSES/ISC.txt': licenceText('ISC') })).expression).toBe('ISC');
  });

  test('abstains for terms that no list knows, naming the nearest', async () => {
    const own = 'You may look at this software but not run it. '.repeat(40);
    expect(await review({ LICENSE: own })).toMatchObject({
      expression: undefined,
      reason: expect.stringMatching(/matches no text/),
    });
  });

  test('abstains when a known licence is only part of longer terms', async () => {
    const clauses = Array.from(
      { length: 60 },
      (_, i) => `Clause ${i}: thou shalt pay fee number ${i} to vendor ${i * 7} monthly.`,
    );
    const { expression, reason } = await review({ LICENSE: `${licenceText('MIT')}\n${clauses.join('\n')}` });
    expect(expression).toBeUndefined();
    expect(reason).toMatch(/quotes MIT, but \d+ % of it are other words/);
  });

  test('takes the name for the text, at half the certainty, when the file holds no more', async () => {
    expect(await review({ LICENSE: 'Licensed under the MIT license.\n' })).toMatchObject({
      expression: 'MIT',
      score: 0.5,
    });
  });

  test('says what it could not read, in one line', async () => {
    const binary = await review({ LICENSE: new Uint8Array(4_096).map((_, i) => i % 7) });
    expect(binary).toMatchObject({ expression: undefined, reason: 'unreadable: LICENSE is binary, not text' });
    const text = licenceText('MIT');
    const folder = tree({ LICENSE: Buffer.alloc(50 * 1024 * 1024, ' ').fill(text, 0, text.length) });
    const huge = await reviewText(folder, undefined);
    expect(huge.reason).toBe(
      'unreadable: LICENSE: only the first 1 MiB of 50 MiB read; LICENSE is the MIT text (100 %)',
    );
    expect(isUnreadable(huge.reason)).toBe(true);
  });

  test('reads no more than the first part of a huge text', async () => {
    const folder = tree({});
    const words = Array.from({ length: 700_000 }, (_, i) => `word${(i * 7919) % 50_000}`).join(' ');
    writeFileSync(join(folder, 'COPYING'), words);
    const { expression, reason } = await reviewText(folder, undefined);
    expect(expression).toBeUndefined();
    expect(reason).toMatch(/only the first 1 MiB of .* MiB read/);
  });

  test('is not confused by a folder called LICENSE, an empty file or a package that is gone', async () => {
    const folder = tree({ COPYING: '' });
    mkdirSync(join(folder, 'LICENSE'));
    expect(await reviewText(folder, undefined)).toMatchObject({ expression: undefined, reason: 'COPYING is empty' });
    expect((await reviewText(join(folder, 'gone'), undefined)).reason).toBe('no licence file');
  });

  test('knows a licence that is written on one line', async () => {
    expect((await review({ LICENSE: licenceText('MIT').replaceAll(/\s+/g, ' ') })).expression).toBe('MIT');
  });

  test.each([
    ['line ends', '\n'],
    ['spaces', ' '],
    ['copyright signs', '© '],
    ['opening brackets', '('],
    ['one word', 'copyright '],
    ['names without an end', 'Apache '],
  ])(
    'takes no longer over a MiB of %s',
    (_what, piece) => {
      const text = `Copyright ${piece.repeat(1024 * 1024)}`.slice(0, 1024 * 1024);
      expect(identify('LICENSE', text, undefined).score).toBeLessThan(0.6);
    },
    5_000,
  );

  test('gives equal reviews for equal texts', () => {
    const text = licenceText('Zlib');
    expect(identify('a', text, undefined)).toEqual(identify('a', text, undefined));
  });
});
