import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ESTree, parseSync } from 'vite';

/** Folder of the repository. */
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

/** A node of the syntax tree, seen without its type: rules look at the few fields they name. */
export type Syntax = { readonly type: string; readonly start: number; readonly end: number } & {
  readonly [field: string]: unknown;
};

/** A file as rules see it; self-tests make their own. */
export interface SourceFile {
  /** From the root, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly body: readonly Syntax[];
  readonly comments: readonly {
    readonly type: string;
    readonly value: string;
    readonly start: number;
    readonly end: number;
  }[];
}

/** Something a rule objects to. */
export interface Problem {
  /** `path:line`. */
  readonly at: string;
  readonly what: string;
}

/** Files that git knows or would add, so a clean clone and a working tree are held to the same. */
export function repositoryFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return listed.split('\0').filter((path) => path !== '' && existsSync(`${ROOT}/${path}`));
}

/** Reads and parses a file of the repository. */
export function readSource(path: string): SourceFile {
  return parse(path, readFileSync(`${ROOT}/${path}`, 'utf8'));
}

/** Parses TypeScript. A file that doesn't parse is a defect of its own: it throws. */
export function parse(path: string, text: string): SourceFile {
  const { program, comments, errors } = parseSync(path, text, { sourceType: 'module' });
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
  return { path, text, body: program.body as readonly ESTree.Node[] as unknown as Syntax[], comments };
}

/** Every node under these, parents first. */
export function* nodes(roots: readonly Syntax[]): Generator<Syntax> {
  const stack: unknown[] = [...roots].reverse();
  while (stack.length > 0) {
    const next = stack.pop();
    if (Array.isArray(next)) stack.push(...next.toReversed());
    else if (isSyntax(next)) {
      yield next;
      stack.push(...Object.values(next).toReversed());
    }
  }
}

function isSyntax(value: unknown): value is Syntax {
  return typeof value === 'object' && value !== null && typeof (value as Syntax).type === 'string';
}

/** `a.b` for a plain member access, `a` for an identifier, undefined for anything else. */
export function nameOf(node: unknown): string | undefined {
  if (!isSyntax(node)) return undefined;
  if (node.type === 'Identifier' || node.type === 'PrivateIdentifier') return String(node.name);
  if (node.type !== 'MemberExpression' || node.computed === true) return undefined;
  const owner = nameOf(node.object);
  return owner === undefined ? undefined : `${owner}.${nameOf(node.property)}`;
}

/** Text of a string literal. */
export function textOf(node: unknown): string | undefined {
  return isSyntax(node) && node.type === 'Literal' && typeof node.value === 'string' ? node.value : undefined;
}

/** Where a node stands. */
export function problem(file: SourceFile, offset: number, what: string): Problem {
  return { at: `${file.path}:${file.text.slice(0, offset).split('\n').length}`, what };
}

/** One module that a file asks for. */
export interface Import {
  readonly from: string;
  readonly offset: number;
  /** Erased before it runs: `import type`, `export type`, `import('…').T`. */
  readonly typeOnly: boolean;
}

/** Every module that a file asks for: imports, re-exports, dynamic imports, types by `import('…')`. */
export function importsOf(file: SourceFile): Import[] {
  const found: Import[] = [];
  for (const node of nodes(file.body)) {
    if (!/^(TSImportType|(Import|ExportNamed|ExportAll)(Declaration|Expression))$/.test(node.type)) continue;
    const from = textOf(node.source);
    const typeOnly = node.type === 'TSImportType' || node.importKind === 'type' || node.exportKind === 'type';
    if (from !== undefined) found.push({ from, offset: node.start, typeOnly });
  }
  return found;
}
