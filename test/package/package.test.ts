import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SUBPATHS = [
  'actor',
  'thread',
  'agent',
  'team',
  'raft',
  'coordinator',
  'remote',
  'model',
  'telemetry',
  'nact',
  'testkit',
];
const MODULES = ['troupe', ...SUBPATHS.map((subpath) => `troupe/${subpath}`)];
/** What is asked of a child starts with the Node that runs this test, wherever npm comes from. */
const ENV = { ...process.env, NODE_OPTIONS: '', PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` };

/** An empty project with the packed package as its only dependency. */
const project = mkdtempSync(join(tmpdir(), 'troupe-user-'));

function run(command: string, args: readonly string[], cwd = project): string {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', env: ENV, maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    // What a tool printed says more than that it failed; tsc says it on standard output.
    throw new Error(`${command} ${args.join(' ')}: ${(error as { stdout?: string }).stdout}`, { cause: error });
  }
}

function program(text: string): string {
  writeFileSync(join(project, 'program.mjs'), text);
  return run(process.execPath, ['program.mjs']).trim();
}

let packed: string[];

beforeAll(() => {
  const [report] = Object.values(
    JSON.parse(run('npm', ['pack', '--json', '--pack-destination', project], ROOT).replace(/^[^[{]*/, '')),
  ) as {
    filename: string;
    files: { path: string }[];
  }[];
  packed = report?.files.map(({ path }) => path) ?? [];
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'user', type: 'module', private: true }));
  // No script runs at the installation: no dependency may need a compiler or a download of its own.
  run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', `./${report?.filename}`]);
});

describe('the packed package, installed into an empty project', () => {
  test('a small program runs against it', () => {
    const output = program(`
      import { ActorSystem } from 'troupe/actor';
      import { isTroupeError } from 'troupe';

      await using system = new ActorSystem();
      const counter = system.spawn(() => {
        let count = 0;
        return {
          receive(message) {
            if (message.add === undefined) message.reply.tell(count);
            else count += message.add;
          },
        };
      }, { name: 'counter' });
      counter.tell({ add: 2 });
      counter.tell({ add: 40 });
      const total = await counter.ask((reply) => ({ reply }), { timeoutMs: 1_000 });
      const late = await counter.ask(() => ({ add: 0 }), { timeoutMs: 10 }).catch((error) => error);
      console.log(total, isTroupeError(late, 'TIMEOUT'));
    `);
    expect(output).toBe('42 true');
  });

  test('an actor runs in a thread, and a loop there costs that thread only', () => {
    writeFileSync(
      join(project, 'square.mjs'),
      `export const square = () => ({ receive: ({ of, reply }) => { while (of < 0); reply.tell(of * of); } });`,
    );
    const output = program(`
      import { ActorSystem } from 'troupe/actor';
      import { Threads } from 'troupe/thread';

      await using threads = new Threads();
      await using system = new ActorSystem();
      const module = threads.module(new URL('./square.mjs', import.meta.url));
      const square = system.spawn(module.behavior('square', { stuckMs: 1_000 }), { backoff: { minMs: 0 } });
      const ask = (of) => square.ask((reply) => ({ of, reply })).catch((error) => error.code);
      console.log(await ask(7), await ask(-1), await ask(9));
    `);
    expect(output).toBe('49 THREAD_STUCK 81');
  });

  test.each(MODULES)('%s can be imported and has something to offer', (name) => {
    expect(Number(program(`console.log(Object.keys(await import('${name}')).length);`))).toBeGreaterThan(0);
  });

  test.each(['troupe/internal/wire', 'troupe/core', 'troupe/dist/index.js', 'troupe/src/index.ts'])(
    '%s is closed',
    (name) => {
      const output = program(`await import('${name}').then(() => console.log('open'), (e) => console.log(e.code));`);
      expect(output).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED');
    },
  );

  test('a TypeScript program finds the types of every subpath', () => {
    const imports = MODULES.map(
      (name, i) => `import type * as m${i} from '${name}';\nexport type M${i} = typeof m${i};`,
    );
    writeFileSync(
      join(project, 'program.mts'),
      `import { ActorSystem, type Ref } from 'troupe/actor';
       const system = new ActorSystem();
       const ref: Ref<{ add: number }> = system.spawn<{ add: number }>(() => ({ receive: (m) => void m.add.toFixed() }));
       ref.tell({ add: 1 });
       // @ts-expect-error a message of another shape
       ref.tell({ sub: 1 });
       ${imports.join('\n')}`,
    );
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const flags = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--lib',
      'es2024,esnext.disposable',
    ];
    const types = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types'), '--skipLibCheck'];
    expect(run(process.execPath, [tsc, ...flags, ...types, 'program.mts'])).toBe('');
  });

  test('the command is there and explains itself', () => {
    expect(run(join(project, 'node_modules/.bin/troupe'), ['--help'])).toContain('Usage: troupe');
  });

  test('it holds the build, the protocol and its papers, nothing else', () => {
    const strangers = packed.filter(
      (path) => !/^(dist\/.*\.(js|d\.ts)|proto\/.*\.proto|package\.json|README\.md|LICENSE)$/.test(path),
    );
    expect(strangers).toEqual([]);
    expect(packed).toEqual(expect.arrayContaining(['LICENSE', 'dist/index.js', 'proto/troupe/v1/api.proto']));
  });

  test('every export has its source, its types and its code', () => {
    const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    for (const subpath of ['.', ...SUBPATHS.map((name) => `./${name}`)]) {
      const { types, default: code, 'troupe-source': source } = exports[subpath];
      expect(packed).toEqual(expect.arrayContaining([types.slice(2), code.slice(2)]));
      expect(readFileSync(join(ROOT, source), 'utf8')).not.toBe('');
    }
  });
});
