import { describe, expect, test } from 'vitest';
import { drawTable, edgesOf, fileCircles, floorProblems, folderCircles, roomOf } from './floors.ts';
import { parse, readSource, repositoryFiles } from './source.ts';

function edges(files: Readonly<Record<string, string>>) {
  return edgesOf(Object.entries(files).map(([path, text]) => parse(path, text)));
}

describe('the house as the imports draw it', () => {
  const paths = repositoryFiles().filter((path) => /^src\/.*\.ts$/.test(path));
  const real = edgesOf(paths.map(readSource));

  test('every folder of src is in the table', () => {
    expect(paths.filter((path) => roomOf(path) === undefined)).toEqual([]);
  });

  test('every import goes down, through the door of its room', () => {
    expect(floorProblems(real), drawTable(real)).toEqual([]);
  });

  test('no file is in a circle', () => {
    expect(fileCircles(real)).toEqual([]);
  });

  test('no folder is in a circle', () => {
    expect(folderCircles(real)).toEqual([]);
  });

  test('the drawing is not empty', () => {
    expect(real.length).toBeGreaterThan(100);
  });
});

describe('the drawing finds', () => {
  test.each([
    ['an import', "import { a } from '../actor/index.ts';"],
    ['a type', "import type { A } from '../actor/index.ts';"],
    ['a bare import', "import '../actor/index.ts';"],
    ['a re-export', "export { a } from '../actor/index.ts';"],
    ['a re-export of types', "export type { A } from '../actor/index.ts';"],
    ['a re-export of everything', "export * from '../actor/index.ts';"],
    ['a dynamic import', "const a = await import('../actor/index.ts');"],
    ['a type by import()', "type A = import('../actor/index.ts').A;"],
  ])('an edge that goes up: %s', (_, text) => {
    expect(floorProblems(edges({ 'src/core/a.ts': `\n${text}` }))).toEqual([
      { at: 'src/core/a.ts:2', what: 'core may not import actor (src/actor/index.ts)' },
    ]);
  });

  test('no edge in a comment or a string', () => {
    const text = `// import '../actor/index.ts'\nconst s = "import '../actor/index.ts'";\n/* export * from '../node/index.ts' */`;
    expect(edges({ 'src/core/a.ts': text })).toEqual([]);
  });

  test.each([
    ['src/actor/a.ts', '../telemetry/index.ts', 'actor may not import telemetry (src/telemetry/index.ts)'],
    ['src/raft/consensus/a.ts', '../log/index.ts', 'raft/consensus may not import raft/log (src/raft/log/index.ts)'],
    ['src/cli/a.ts', '../agent/index.ts', 'cli may not import agent (src/agent/index.ts)'],
    ['src/node/a.ts', '../testkit/index.ts', 'node may not import testkit (src/testkit/index.ts)'],
    ['src/agent/a.ts', '../cluster/router.ts', 'src/cluster/router.ts is not the door of cluster'],
    ['src/agent/a.ts', '../../test/a.ts', 'src/agent/a.ts imports test/a.ts, outside src'],
    ['src/agent/a.ts', '../misc/index.ts', 'src/misc/index.ts is in a folder the table does not know'],
  ])('%s -> %s', (from, to, what) => {
    expect(floorProblems(edges({ [from]: `import '${to}';` }))).toEqual([{ at: `${from}:1`, what }]);
  });

  test('nothing wrong with edges that go down', () => {
    const fine = {
      'src/raft/driver/a.ts': "import '../log/port.ts'; import '../../wire/generated/control.ts'; import 'node:fs';",
      'src/coordinator/raft/a.ts': "import '../port.ts'; import '../../raft/driver/index.ts';",
      'src/cli/a.ts': "import '../core/index.ts'; import '../node/index.ts';",
      'src/index.ts': "export * from './agent/index.ts';",
    };
    expect(floorProblems(edges(fine))).toEqual([]);
  });

  test('circles of files; types alone make none', () => {
    const knot = (last: string) => ({
      'src/core/a.ts': "import './b.ts';",
      'src/core/b.ts': "import { type C } from './c.ts';",
      'src/core/c.ts': last,
    });
    const circle = [['src/core/a.ts', 'src/core/b.ts', 'src/core/c.ts', 'src/core/a.ts']];
    expect(fileCircles(edges(knot("export * from './a.ts';")))).toEqual(circle);
    expect(fileCircles(edges(knot("import type { A } from './a.ts';")))).toEqual([]);
    expect(fileCircles(edges(knot("export type { A } from './a.ts';")))).toEqual([]);
  });

  test('circles of folders that no file circle shows', () => {
    const knot = {
      'src/cluster/x/a.ts': "import '../y/a.ts';",
      'src/cluster/y/b.ts': "import '../x/b.ts';",
      'src/cluster/index.ts': "import './x/a.ts';",
      'src/cluster/x/c.ts': "import '../port.ts';",
    };
    expect(fileCircles(edges(knot))).toEqual([]);
    expect(folderCircles(edges(knot))).toEqual([['src/cluster/x', 'src/cluster/y', 'src/cluster/x']]);
  });
});
