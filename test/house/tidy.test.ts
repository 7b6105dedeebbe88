import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ERROR_CODES, TroupeError } from '../../src/core/index.ts';
import { SPANS } from '../../src/telemetry/index.ts';
import * as rules from './rules.ts';
import { parse, ROOT, readSource, repositoryFiles } from './source.ts';

const files = repositoryFiles();
const sources = files
  .filter((path) => path.endsWith('.ts') && !path.startsWith('src/wire/generated/') && !path.includes('/fixtures/'))
  .map(readSource);
const under = (...folders: string[]) =>
  sources.filter(({ path }) => folders.some((folder) => path.startsWith(`${folder}/`)));
const src = under('src');

function what(rule: rules.Rule, text: string, path = 'src/actor/a.ts'): string[] {
  return rule(parse(path, text)).map((found) => found.what);
}

describe('no ambient time or randomness outside src/core', () => {
  test('in src', () => {
    expect(src.filter(({ path }) => !path.startsWith('src/core/')).flatMap(rules.noAmbientTime)).toEqual([]);
  });

  test.each([
    ['const t = Date.now();', 'ambient Date.now'],
    ['const f = Date.now;', 'ambient Date.now'],
    ['globalThis.performance.now();', 'ambient performance.now'],
    ['const r = () => Math.random();', 'ambient Math.random'],
    ['process.hrtime.bigint();', 'ambient process.hrtime.bigint'],
    ['setTimeout(() => {}, 1);', 'ambient setTimeout()'],
    ['globalThis.setInterval(f, 1);', 'ambient setInterval()'],
    ['setImmediate(f);', 'ambient setImmediate()'],
    ['new Date();', 'ambient new Date()'],
    ['AbortSignal.timeout(5);', 'ambient AbortSignal.timeout'],
    ["import { setTimeout } from 'node:timers/promises';", 'ambient timers'],
  ])('finds %s', (text, found) => {
    expect(what(rules.noAmbientTime, text)).toContain(found);
  });

  test('leaves names, words and given times alone', () => {
    const fine =
      "new Date(clock.now()); clock.now(); // Date.now()\nconst s = 'Math.random()'; this.setTimeout(1); timer.now();";
    expect(what(rules.noAmbientTime, fine)).toEqual([]);
  });
});

describe('errors come from the registry', () => {
  test('in src', () => {
    expect(src.flatMap(rules.noBareError)).toEqual([]);
  });

  test.each(["throw new Error('x');", "reject(Error('x'));", "new TypeError('x');"])('finds %s', (text) => {
    expect(what(rules.noBareError, text)).toHaveLength(1);
  });

  test('leaves ours alone', () => {
    expect(what(rules.noBareError, "throw new TroupeError('TIMEOUT', 'x'); e instanceof Error;")).toEqual([]);
  });

  const documented = rules.documentedCodes(readFileSync(`${ROOT}/docs/errors.md`, 'utf8'));

  test('docs/errors.md documents each code, and no other', () => {
    expect(documented.map(({ code }) => code).sort()).toEqual([...ERROR_CODES].sort());
  });

  test('docs/errors.md says rightly what may be tried again', () => {
    const real = ERROR_CODES.map((code) => ({ code, retryable: new TroupeError(code, '').retryable }));
    const byCode = (a: { code: string }, b: { code: string }): number => (a.code < b.code ? -1 : 1);
    expect(documented.toSorted(byCode)).toEqual(real.toSorted(byCode));
  });

  test('a row without its advice does not count', () => {
    expect(rules.documentedCodes('| `A` | yes | m |\n| `B` | maybe | m | a |\n| `C` | no | m | a |')).toEqual([
      { code: 'C', retryable: false },
    ]);
  });
});

describe('types are told', () => {
  test('everywhere', () => {
    expect(sources.flatMap(rules.noAny)).toEqual([]);
  });

  test.each([
    'const a: any = 1;',
    'f(x as any);',
    'type A = Record<string, any>;',
    '// @ts-ignore\nf();',
    '/* @ts-nocheck */',
    '// @ts-expect-error\nf();',
  ])('finds %s', (text) => {
    expect(what(rules.noAny, text)).toHaveLength(1);
  });

  test('type tests may expect an error', () => {
    expect(what(rules.noAny, '// @ts-expect-error\nf();', 'test/types/a.test-d.ts')).toEqual([]);
  });
});

describe('tests', () => {
  test('no unit or simulation test sleeps', () => {
    expect(under('test/unit', 'test/sim').flatMap(rules.noSleep)).toEqual([]);
  });

  test.each([
    'await new Promise((r) => setTimeout(r, 50));',
    'await sleep(50);',
    'await delay(systemClock, 50);',
    "import { setTimeout as wait } from 'node:timers/promises';",
    'Atomics.wait(a, 0, 0, 50);',
  ])('finds %s', (text) => {
    expect(what(rules.noSleep, text)).toHaveLength(1);
  });

  test('a turned clock is no sleep', () => {
    expect(what(rules.noSleep, 'await delay(clock, 50); await clock.advance(50);')).toEqual([]);
  });

  test('none is alone, skipped or still to do', () => {
    expect(under('test').flatMap(rules.noLoneTests)).toEqual([]);
  });

  test.each(["test.only('x', f);", "describe.skip('x', f);", "test.concurrent.skip('x', f);", "it.todo('x');"])(
    'finds %s',
    (text) => {
      expect(what(rules.noLoneTests, text)).toHaveLength(1);
    },
  );

  test('a skip with a condition is fine', () => {
    expect(what(rules.noLoneTests, "test.skipIf(!root)('x', f); page.skip(3);")).toEqual([]);
  });
});

describe('files and names', () => {
  test('no file is too long', () => {
    expect(sources.flatMap(rules.notTooLong)).toEqual([]);
  });

  test('601 lines are too long, 1,201 for Raft', () => {
    const lines = (count: number): string => '//\n'.repeat(count);
    expect(what(rules.notTooLong, lines(600))).toEqual([]);
    expect(what(rules.notTooLong, lines(601))).toEqual(['601 lines, limit 600']);
    expect(what(rules.notTooLong, lines(1_200), 'src/raft/consensus/node.ts')).toEqual([]);
    expect(what(rules.notTooLong, lines(1_201), 'src/raft/consensus/node.ts')).toEqual(['1201 lines, limit 1200']);
  });

  test('names say what the thing is', () => {
    expect(sources.flatMap(rules.noEmptyNames)).toEqual([]);
  });

  test.each([
    ['class ShardManager {}', 'src/a.ts'],
    ['interface TimeUtils {}', 'src/a.ts'],
    ['class ActorBase {}', 'src/a.ts'],
    ['', 'src/core/string-utils.ts'],
  ])('finds %s in %s', (text, path) => {
    expect(what(rules.noEmptyNames, text, path)).toHaveLength(1);
  });
});

describe('every export is documented', () => {
  test('in src', () => {
    expect(src.flatMap(rules.documentedExports)).toEqual([]);
  });

  test.each([
    'export const a = 1;',
    'export function f(): void {}',
    'export class A {}',
    'export interface A {}',
    'export type A = 1;',
    'export default class {}',
    '// A comment is no docstring.\nexport const a = 1;',
    '/** Of something else. */\nconst b = 2;\nexport const a = b;',
    'const a = 1;\nexport { a };',
  ])('finds %s', (text) => {
    expect(what(rules.documentedExports, text)).toHaveLength(1);
  });

  test.each([
    '/** Doc. */\nexport const a = 1;',
    '/** Doc. */\nconst a = 1;\nexport { a };',
    "export { a } from './a.ts';\nexport * from './b.ts';",
    '/** Doc. */\nexport function f(a: 1): void;\nexport function f(a: 2): void;\nexport function f(): void {}',
  ])('leaves alone %s', (text) => {
    expect(what(rules.documentedExports, text)).toEqual([]);
  });
});

describe('spans are named in one place', () => {
  const known = rules.knownSpans(new Set(Object.values(SPANS)));

  test('in src', () => {
    expect(src.flatMap(known)).toEqual([]);
  });

  test.each(["traced(tracer, 'agent left-pad', {}, f);", "this.#tracer.start('mine');", "tracer.start('mine', {});"])(
    'finds %s',
    (text) => {
      expect(what(known, text)).toHaveLength(1);
    },
  );

  test('leaves known names and other starts alone', () => {
    const fine = "traced(tracer, 'raft.propose', {}, f); tracer.start('chat'); server.start('here');";
    expect(what(known, fine)).toEqual([]);
  });
});

describe('no registry host is committed', () => {
  test('in any text file', () => {
    const text = files.filter((path) => !/\.(png|ico|woff2?|gz|tgz)$/.test(path));
    expect(text.flatMap((path) => rules.registryHosts(path, readFileSync(`${ROOT}/${path}`, 'utf8')))).toEqual([]);
  });

  test.each([
    // Put together here, so that this file passes its own rule.
    `"resolved": "https://${['registry', 'npmjs', 'org'].join('.')}/a/-/a-1.0.0.tgz"`,
    `registry=http://${['npm', 'corp', 'example', 'com'].join('.')}:4873/`,
    `@a:registry=https://${['npm', 'pkg', 'github', 'com'].join('.')}/`,
  ])('finds %s', (line) => {
    expect(rules.registryHosts('a', line)).toHaveLength(1);
  });

  test('leaves other addresses alone', () => {
    expect(rules.registryHosts('a', 'see https://opentelemetry.io/docs and npm.')).toEqual([]);
  });
});
