import { nameOf, nodes, type Problem, problem, type SourceFile, type Syntax, textOf } from './source.ts';

/** A rule over one parsed file. */
export type Rule = (file: SourceFile) => Problem[];

/** Longest file, lines. */
const LINES_MAX = 600;
/** Raft's one big file, lines. */
const STEP_LINES_MAX = 1_200;
const STEP_FILE = 'src/raft/consensus/node.ts';

const TIMERS = new Set(['setTimeout', 'setInterval', 'setImmediate']);
const AMBIENT = new Set([
  'Date.now',
  'performance.now',
  'Math.random',
  'process.hrtime',
  'process.hrtime.bigint',
  'AbortSignal.timeout',
  'randomUUID',
  'crypto.randomUUID',
]);
const AMBIENT_MODULES = /^(node:)?timers(\/promises)?$/;

function rule(find: (node: Syntax, file: SourceFile) => string | undefined): Rule {
  return (file) => {
    const found: Problem[] = [];
    for (const node of nodes(file.body)) {
      const what = find(node, file);
      if (what !== undefined) found.push(problem(file, node.start, what));
    }
    return found;
  };
}

function withoutGlobal(name: string | undefined): string | undefined {
  return name?.replace(/^globalThis\./, '');
}

/** Time and randomness come from the ports of core. */
export const noAmbientTime: Rule = rule((node) => {
  if (node.type === 'MemberExpression') {
    const name = withoutGlobal(nameOf(node)) ?? '';
    return AMBIENT.has(name) ? `ambient ${name}` : undefined;
  }
  if (node.type === 'CallExpression') {
    const name = withoutGlobal(nameOf(node.callee)) ?? '';
    const isOwn = (node.callee as Syntax).type === 'Identifier' && AMBIENT.has(name);
    return TIMERS.has(name) || isOwn || name === 'Date' ? `ambient ${name}()` : undefined;
  }
  if (node.type === 'NewExpression' && nameOf(node.callee) === 'Date' && (node.arguments as unknown[]).length === 0) {
    return 'ambient new Date()';
  }
  if (node.type === 'ImportDeclaration' && AMBIENT_MODULES.test(textOf(node.source) ?? '')) return 'ambient timers';
  return undefined;
});

/** Errors come from the registry. */
export const noBareError: Rule = rule((node) => {
  if (node.type !== 'NewExpression' && node.type !== 'CallExpression') return undefined;
  const name = nameOf(node.callee) ?? '';
  return /^(Error|TypeError|RangeError|AggregateError)$/.test(name) ? `bare ${name}` : undefined;
});

/** Types are told, never waved through. */
export const noAny: Rule = (file) => [
  ...rule((node) => (node.type === 'TSAnyKeyword' ? 'any' : undefined))(file),
  ...file.comments
    .filter(({ value }) => /^[\s*]*@ts-(ignore|nocheck)/.test(value))
    .map((comment) => problem(file, comment.start, comment.value.trim())),
  ...file.comments
    .filter(({ value }) => /^[\s*]*@ts-expect-error/.test(value) && !file.path.startsWith('test/types/'))
    .map((comment) => problem(file, comment.start, '@ts-expect-error outside test/types')),
];

/** A test that waits for time is slow when it passes and wrong when the machine is busy. */
export const noSleep: Rule = rule((node) => {
  if (node.type === 'ImportDeclaration' && AMBIENT_MODULES.test(textOf(node.source) ?? '')) return 'sleeps: timers';
  if (node.type !== 'CallExpression') return undefined;
  const name = withoutGlobal(nameOf(node.callee)) ?? '';
  if (/^(setTimeout|setInterval|sleep|Atomics\.wait)$/.test(name)) return `sleeps: ${name}()`;
  const [clock] = node.arguments as unknown[];
  return name === 'delay' && nameOf(clock) === 'systemClock' ? 'sleeps: delay(systemClock)' : undefined;
});

/** No test is alone, put off or left for later; `skipIf` names its condition and is fine. */
export const noLoneTests: Rule = rule((node) => {
  const name = node.type === 'MemberExpression' ? nameOf(node) : undefined;
  return name !== undefined && /^(describe|test|it|suite|bench)(\.\w+)*\.(only|skip|todo)$/.test(name)
    ? name
    : undefined;
});

/** A file fits into a head. */
export const notTooLong: Rule = (file) => {
  const lines = file.text.split('\n').length - 1;
  const limit = file.path === STEP_FILE ? STEP_LINES_MAX : LINES_MAX;
  return lines > limit ? [{ at: file.path, what: `${lines} lines, limit ${limit}` }] : [];
};

/** A name says what the thing is. */
export const noEmptyNames: Rule = (file) => {
  const empty = /(Manager|Helpers?|Utils?|Base)$/;
  const named = rule((node) => {
    if (!/^(ClassDeclaration|FunctionDeclaration|TSInterfaceDeclaration|TSTypeAliasDeclaration)$/.test(node.type)) {
      return undefined;
    }
    const name = nameOf(node.id) ?? '';
    return empty.test(name) ? `says nothing: ${name}` : undefined;
  })(file);
  const base = file.path.replace(/^.*\//, '').replace(/\.ts$/, '');
  return /(^|-)(manager|helpers?|utils?|base)$/.test(base)
    ? [...named, { at: file.path, what: 'says nothing' }]
    : named;
};

/** Spans are named in one place (`src/telemetry/names.ts`): a literal must be on the list. */
export function knownSpans(names: ReadonlySet<string>): Rule {
  return rule((node) => {
    if (node.type !== 'CallExpression') return undefined;
    const called = node.callee as Syntax;
    const callee = nameOf(called.type === 'MemberExpression' ? called.property : called);
    const [first, second] = node.arguments as Syntax[];
    const owner = called.type === 'MemberExpression' ? (called.object as Syntax) : undefined;
    const tracer = owner === undefined ? undefined : nameOf(owner.type === 'MemberExpression' ? owner.property : owner);
    const name =
      callee === 'traced'
        ? textOf(second)
        : callee === 'start' && /tracer$/i.test(tracer ?? '')
          ? textOf(first)
          : undefined;
    return name !== undefined && !names.has(name) ? `span ${name} is not in the list of names` : undefined;
  });
}

const DECLARATIONS = new Set(['ExportNamedDeclaration', 'ExportDefaultDeclaration']);

/** Every export says what it is and what it promises, in a docstring that ends where it begins. */
export const documentedExports: Rule = (file) => {
  const documented = (start: number): boolean =>
    file.comments.some(
      ({ type, value, end }) => type === 'Block' && value.startsWith('*') && file.text.slice(end, start).trim() === '',
    );
  const locals = new Map<string, Syntax>();
  for (const node of file.body) for (const name of declaredNames(node)) if (!locals.has(name)) locals.set(name, node);

  const found: Problem[] = [];
  const told = new Set<string>();
  for (const node of file.body) {
    if (!DECLARATIONS.has(node.type) || node.source != null) continue;
    if (node.declaration == null) {
      for (const specifier of node.specifiers as Syntax[]) {
        const local = locals.get(nameOf(specifier.local) ?? '');
        if (local !== undefined && !documented(local.start)) {
          found.push(problem(file, local.start, `no docstring: ${nameOf(specifier.exported)}`));
        }
      }
      continue;
    }
    const names = declaredNames(node.declaration as Syntax);
    // Further overloads of a function are told by the first.
    if (names.length > 0 && names.every((name) => told.has(name))) continue;
    for (const name of names) told.add(name);
    if (!documented(node.start))
      found.push(problem(file, node.start, `no docstring: ${names.join(', ') || 'default'}`));
  }
  return found;
};

function declaredNames(node: Syntax): string[] {
  if (node.type === 'VariableDeclaration') {
    return (node.declarations as Syntax[]).map(({ id }) => nameOf(id) ?? 'a pattern');
  }
  const name = nameOf(node.id);
  return name === undefined ? [] : [name];
}

/** Hosts of package registries have no place in the repository: a lock file or setting with one ties it to one machine's network. */
export function registryHosts(path: string, text: string): Problem[] {
  const host =
    /\b(?:registry|npm|pkgs?|packages)(?:\.[a-z0-9-]+)*\.(?:npmjs|npmmirror|yarnpkg|github|jsr|org|com|io|dev|net)(?:\.[a-z]+)?(?=[:/])/i;
  return text
    .split('\n')
    .map((line, index) => ({ at: `${path}:${index + 1}`, what: host.exec(line)?.[0] ?? '' }))
    .filter(({ what }) => what !== '');
}

/** A row of docs/errors.md. */
export interface DocumentedCode {
  readonly code: string;
  readonly retryable: boolean;
}

/** Reads the rows `| CODE | yes/no | meaning | what to do |`. */
export function documentedCodes(markdown: string): DocumentedCode[] {
  return [...markdown.matchAll(/^\| `([A-Z_]+)` \| (yes|no) \| [^|]+ \| [^|]+ \|$/gm)].map(
    ([, code = '', retryable]) => ({
      code,
      retryable: retryable === 'yes',
    }),
  );
}
