import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findPackages } from '../../../examples/licence-audit/packages.ts';
import { tree } from './tree.ts';

const manifest = (name: string, version = '1.0.0') => ({ name, version });

async function idsUnder(folder: string): Promise<string[]> {
  return (await findPackages(folder)).packages.map((each) => each.id);
}

describe('packages under a folder', () => {
  test('are found plain, scoped and nested in node_modules, and nothing of their content', async () => {
    const folder = tree({
      'node_modules/a/package.json': manifest('a'),
      'node_modules/a/test/fixtures/x/package.json': manifest('fixture'),
      'node_modules/a/esm/package.json': { type: 'module' },
      'node_modules/a/node_modules/b/package.json': manifest('b', '2.0.0'),
      'node_modules/@s/c/package.json': manifest('@s/c'),
      'node_modules/.cache/d/package.json': manifest('d'),
      'node_modules/.bin/e': '',
    });
    const expected = ['@s/c@1.0.0', 'a@1.0.0', 'b@2.0.0'];
    expect(await idsUnder(folder)).toEqual(expected);
    expect(await idsUnder(join(folder, 'node_modules'))).toEqual(expected);
  });

  test('are in any other tree the folders whose manifest has a name and a version', async () => {
    const folder = tree({
      'package.json': manifest('root'),
      'vendor/deep/er/x/package.json': manifest('x'),
      'vendor/y/package.json': { type: 'commonjs' },
      'node_modules/z/package.json': manifest('z'),
    });
    expect(await findPackages(folder)).toMatchObject({
      packages: [{ id: 'root@1.0.0' }, { id: 'x@1.0.0' }, { id: 'z@1.0.0' }],
      problems: [],
    });
  });

  test('that are installed twice are one, the one nearest to the root', async () => {
    const folder = tree({
      'node_modules/a/node_modules/b/package.json': manifest('b'),
      'node_modules/c/node_modules/b/package.json': manifest('b'),
      'node_modules/b/package.json': manifest('b'),
    });
    const { packages } = await findPackages(folder);
    expect(packages.filter((each) => each.name === 'b')).toMatchObject([
      { copies: 3, directory: expect.stringMatching(/node_modules.b$/) },
    ]);
  });

  test('without a manifest, with a broken one or one that says too little stay in the list, with one line each', async () => {
    const folder = tree({
      'node_modules/a/index.js': '',
      'node_modules/b/package.json': '{ "name": "b", ',
      'node_modules/c/package.json': { version: '1.0.0' },
      'node_modules/@s/d/package.json': { name: '@s/d' },
    });
    const { packages, problems } = await findPackages(join(folder, 'node_modules'));
    expect(packages.map((each) => each.id)).toEqual(['@s/d@unknown', 'a@unknown', 'b@unknown', 'c@1.0.0']);
    expect(problems).toEqual([
      'a: has no package.json',
      expect.stringMatching(/^b: package.json is not valid JSON: [^\n]+$/),
      'c: package.json has no name',
      '@s/d: package.json has no version',
    ]);
  });

  test('of a plain tree may lack a manifest when they carry a licence', async () => {
    const folder = tree({ 'lib/LICENSE': 'x', 'lib/sub/LICENSE': 'x', 'src/a.js': '', LICENSE: 'x' });
    const { packages, problems } = await findPackages(folder);
    expect(packages.map((each) => each.id)).toEqual(['lib@unknown']);
    expect(problems).toEqual(['lib: has no package.json']);
  });

  test('are found through links, and links in circles end', async () => {
    const folder = tree({
      'node_modules/.pnpm/a@1.0.0/node_modules/a/package.json': manifest('a'),
      'node_modules/.pnpm/b@1.0.0/node_modules/b/package.json': manifest('b'),
      'packages/own/package.json': manifest('own'),
    });
    const modules = join(folder, 'node_modules');
    symlinkSync(join(modules, '.pnpm/a@1.0.0/node_modules/a'), join(modules, 'a'));
    symlinkSync(join(modules, '.pnpm/b@1.0.0/node_modules/b'), join(modules, '.pnpm/a@1.0.0/node_modules/b'));
    symlinkSync(join(folder, 'packages/own'), join(modules, 'own'));
    symlinkSync(modules, join(modules, '.pnpm/b@1.0.0/node_modules/b/node_modules'));
    symlinkSync(folder, join(folder, 'packages/own/loop'));
    symlinkSync(join(folder, 'nowhere'), join(modules, 'broken'));
    const { packages, problems } = await findPackages(folder);
    expect(packages.map((each) => [each.id, each.copies])).toEqual([
      ['a@1.0.0', 1],
      ['b@1.0.0', 1],
      ['own@1.0.0', 1],
    ]);
    expect(problems).toEqual(['node_modules/broken: is a link to nothing']);
  });

  test('are searched within limits, and the list says when one was reached', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 9 }, (_, i) => [`node_modules/p${i}/package.json`, manifest(`p${i}`)]),
    );
    const folder = tree({ ...files, 'd/d/d/d/package.json': manifest('deep') });
    const { packages, problems } = await findPackages(folder, { depthMax: 3, directoriesMax: 100, packagesMax: 5 });
    expect(packages).toHaveLength(5);
    expect(problems).toEqual([
      expect.stringMatching(/^more than 5 packages/),
      expect.stringMatching(/^folders more than 3 deep are left out, first d\/d\/d\/d/),
    ]);
    const few = await findPackages(folder, { depthMax: 3, directoriesMax: 4, packagesMax: 5 });
    expect(few.problems).toContain('more than 4 folders; the rest is left out');
  });

  test('are refused in one clear line when there is no such folder, or it is a file', async () => {
    const folder = tree({});
    writeFileSync(join(folder, 'file'), '');
    const missing = join(folder, 'missing');
    await expect(findPackages(missing)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'no such folder',
      address: missing,
    });
    await expect(findPackages(join(folder, 'file'))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'not a folder',
    });
  });
});
