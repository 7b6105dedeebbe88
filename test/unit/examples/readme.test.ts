import { describe, expect, test } from 'vitest';
import { namedLicences } from '../../../examples/licence-audit/evidence/names.ts';
import { reviewReadme } from '../../../examples/licence-audit/evidence/readme.ts';
import { licenceText } from './texts.ts';
import { tree } from './tree.ts';

const review = (files: Record<string, string>) => reviewReadme(tree(files));

describe('prose names', () => {
  test.each([
    ['MIT © Ada', 'MIT'],
    ['[MIT](LICENSE)', 'MIT'],
    ['the MIT License', 'MIT'],
    ['MIT-0', 'MIT-0'],
    ['Apache License, Version 2.0', 'Apache-2.0'],
    ['Apache 2', 'Apache-2.0'],
    ['http://www.apache.org/licenses/LICENSE-2.0', 'Apache-2.0'],
    ['BSD 3-Clause', 'BSD-3-Clause'],
    ['the new BSD license', 'BSD-3-Clause'],
    ['2-clause BSD', 'BSD-2-Clause'],
    ['Mozilla Public License 2.0', 'MPL-2.0'],
    ['GNU Lesser General Public License v3.0', 'LGPL-3.0-only'],
    ['GPLv2', 'GPL-2.0-only'],
    ['AGPL-3.0-or-later', 'AGPL-3.0-or-later'],
    ['CC BY 4.0', 'CC-BY-4.0'],
    ['MIT or Apache-2.0', 'Apache-2.0 OR MIT'],
    ['MIT/ISC', 'ISC OR MIT'],
    ['MIT, icons under CC-BY-4.0', 'CC-BY-4.0 AND MIT'],
    ['MIT, MIT and MIT', 'MIT'],
  ])('%s: %s', (prose, expression) => {
    expect(namedLicences(prose)).toBe(expression);
  });

  test.each(['See LICENSE.', 'permitted', 'JSON and Ruby', 'GNU make', 'emit'])('nothing in "%s"', (prose) => {
    expect(namedLicences(prose)).toBeUndefined();
  });
});

describe('the readme reviewer', () => {
  test.each([
    ['a heading', '# a\n\n## License\n\nMIT © Ada\n\n## Thanks\n\nApache-2.0 people'],
    ['an underlined heading', 'a\n=\n\nLicence\n-------\n\nMIT\n'],
    ['a heading in bold', '# a\n\n**License**\n\nMIT\n'],
    ['a heading that says it all', '# a\n\n## MIT License\n'],
    ['Windows line ends', '# a\r\n\r\n## License\r\n\r\nMIT\r\n'],
    ['the last of two sections', '## License of the logo\n\nCC-BY-4.0\n\n## License\n\nMIT\n'],
  ])('finds the section under %s', async (_what, readme) => {
    expect((await review({ 'README.md': readme })).expression).toBe('MIT');
  });

  test('knows a whole licence text in the section', async () => {
    const { expression } = await review({ readme: `## License\n\n${licenceText('ISC')}` });
    expect(expression).toBe('ISC');
  });

  test('falls back to what licenses something, or a badge', async () => {
    expect((await review({ 'README.md': 'It is MIT licensed.' })).expression).toBe('MIT');
    expect(
      (await review({ 'README.md': '![l](https://img.shields.io/badge/license-Apache--2.0-blue.svg)' })).expression,
    ).toBe('Apache-2.0');
  });

  test('does not take an example of code for a statement', async () => {
    const readme = '# a\n\n```js\n// Licensed under the MIT license.\n```\n';
    expect(await review({ 'README.md': readme })).toMatchObject({
      expression: undefined,
      reason: expect.stringMatching(/names no licence/),
    });
  });

  test.each(['# ', '#', ' ', '`', '```\n', 'licensed ', '<h1>'])(
    'takes no longer over a readme of nothing but %j',
    async (piece) => {
      const readme = `# License\n#${piece.repeat(256 * 1024).slice(0, 256 * 1024)}x`;
      expect((await review({ 'README.md': readme })).expression).toBeUndefined();
    },
    5_000,
  );

  test('reads the headers of source files when the readme is silent', async () => {
    const files = {
      'README.md': '# a',
      'index.js': '/* SPDX-License-Identifier: MIT OR Apache-2.0 */\n',
      'lib/b.js': '// SPDX-License-Identifier: MIT OR Apache-2.0\n',
      'lib/c.ts': 'export {};\n',
      'node_modules/x/index.js': '// SPDX-License-Identifier: GPL-3.0-only\n',
    };
    expect(await review(files)).toMatchObject({
      expression: 'Apache-2.0 OR MIT',
      reason: '2 of 3 source headers say Apache-2.0 OR MIT',
    });
  });

  test('does not take the header of one file among many for the package', async () => {
    const plain = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`f${i}.js`, 'export {};']));
    expect((await review({ ...plain, 'x.js': '/** @license MIT */' })).expression).toBeUndefined();
  });

  test('is surer when readme and headers agree, and follows the readme when they do not', async () => {
    const readme = { 'README.md': '## License\nMIT' };
    const agree = await review({ ...readme, 'a.js': '// SPDX-License-Identifier: MIT' });
    const differ = await review({ ...readme, 'a.js': '// SPDX-License-Identifier: ISC' });
    expect([agree.expression, differ.expression]).toEqual(['MIT', 'MIT']);
    expect(agree.score).toBeGreaterThan(differ.score);
    expect(differ.reason).toContain('ISC');
  });

  test('abstains without a readme or headers, and with a binary readme', async () => {
    expect(await review({})).toMatchObject({
      expression: undefined,
      reason: 'no readme; no licence in source headers',
    });
    expect((await review({ README: '\0\0\0' })).reason).toMatch(/^unreadable: README is binary/);
  });
});
