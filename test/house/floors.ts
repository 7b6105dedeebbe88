import { posix } from 'node:path';
import { importsOf, type Problem, problem, type SourceFile } from './source.ts';

const TO_REMOTE = [
  'core',
  'wire',
  'actor',
  'model',
  'telemetry',
  'raft/consensus',
  'raft/log',
  'raft/driver',
  'remote',
];
const RAFT = ['raft', 'raft/consensus', 'raft/log', 'raft/driver'];
const TO_COORDINATOR = [...TO_REMOTE, 'raft', 'coordinator'];
const TO_TEAM = [...TO_COORDINATOR, 'thread', 'cluster', 'journal', 'agent', 'team'];
const TO_NODE = [...TO_TEAM, 'api', 'node'];

/**
 * The table of the house (docs/architecture.md): what each folder may import. Two rows are wider than the words there:
 * everyone may import core, since every error is one of core's; and `raft` is the front door of the three under it.
 */
export const FLOORS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  wire: ['core'],
  actor: ['core'],
  thread: ['core', 'wire', 'actor'],
  model: ['core'],
  telemetry: ['core'],
  'raft/consensus': ['core'],
  'raft/log': ['core', 'raft/consensus'],
  'raft/driver': ['core', 'wire', 'raft/consensus', 'raft/log'],
  raft: RAFT,
  remote: ['core', 'wire', 'actor'],
  coordinator: ['core', 'wire', ...RAFT],
  cluster: TO_COORDINATOR,
  // Where agents' journals and blobs are kept: the ledger is one of the places.
  journal: ['core', 'coordinator'],
  agent: [...TO_COORDINATOR, 'thread', 'cluster', 'journal'],
  team: [...TO_COORDINATOR, 'cluster', 'agent'],
  nact: ['core', 'actor', 'cluster', 'agent'],
  api: TO_TEAM,
  node: [...TO_TEAM, 'api'],
  cli: ['core', 'node', 'api'],
  dashboard: ['core', 'node', 'api'],
  // Nothing in src imports it, so it may see the node that its cluster is made of.
  testkit: TO_NODE,
  // src/index.ts, the package's front door.
  '.': TO_NODE,
};

/** One import between two files of src. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly at: string;
  readonly typeOnly: boolean;
}

/** The room of the table that a file of src lives in, undefined for a folder that the table doesn't know. */
export function roomOf(path: string): string | undefined {
  const folder = posix.dirname(path).slice('src/'.length);
  if (folder === '') return '.';
  const [first = '', second = ''] = folder.split('/');
  if (first === 'raft' && second !== '') return Object.hasOwn(FLOORS, `raft/${second}`) ? `raft/${second}` : undefined;
  return Object.hasOwn(FLOORS, first) ? first : undefined;
}

/** The imports between these files. */
export function edgesOf(files: readonly SourceFile[]): Edge[] {
  return files.flatMap((file) =>
    importsOf(file)
      .filter(({ from }) => from.startsWith('.'))
      .map(({ from, offset, typeOnly }) => ({
        from: file.path,
        to: posix.join(posix.dirname(file.path), from),
        at: problem(file, offset, '').at,
        typeOnly,
      })),
  );
}

/** Edges that go up or across, or enter a room by another way than its `index.ts` (`wire/generated` is open). */
export function floorProblems(edges: readonly Edge[]): Problem[] {
  const found: Problem[] = [];
  for (const { from, to, at } of edges) {
    if (!to.startsWith('src/')) found.push({ at, what: `${from} imports ${to}, outside src` });
    else {
      const [here, there] = [roomOf(from), roomOf(to)];
      if (here === undefined || there === undefined) {
        found.push({ at, what: `${here === undefined ? from : to} is in a folder the table does not know` });
      } else if (here !== there) {
        if (!FLOORS[here]?.includes(there)) found.push({ at, what: `${here} may not import ${there} (${to})` });
        const house = (room: string): string => room.split('/')[0] ?? room;
        const open = house(here) === house(there) || to.startsWith('src/wire/generated/');
        if (!open && posix.basename(to) !== 'index.ts') found.push({ at, what: `${to} is not the door of ${there}` });
      }
    }
  }
  return found;
}

/**
 * Circles of files, each a path that ends where it began. Types don't count: they are erased, so nothing loads in a circle,
 * and two types of one room may speak of each other.
 */
export function fileCircles(edges: readonly Edge[]): string[][] {
  return circles(edges.filter(({ typeOnly }) => !typeOnly).map(({ from, to }) => [from, to]));
}

/**
 * Circles between folders that lie side by side (`raft/log` and `raft/driver`, or two parts of one room). A folder and
 * the one around it may know each other: the port lies outside, its adapters inside.
 */
export function folderCircles(edges: readonly Edge[]): string[][] {
  const pairs = edges.flatMap(({ from, to }): [string, string][] => {
    const [a, b] = [posix.dirname(from).split('/'), posix.dirname(to).split('/')];
    let shared = 0;
    while (shared < a.length && shared < b.length && a[shared] === b[shared]) shared++;
    if (shared === a.length || shared === b.length) return [];
    return [[a.slice(0, shared + 1).join('/'), b.slice(0, shared + 1).join('/')]];
  });
  return circles(pairs);
}

/** Depth-first search; each back edge closes a circle, and a node is left for good once all it reaches is known. */
function circles(pairs: readonly (readonly [string, string])[]): string[][] {
  const graph = new Map<string, Set<string>>();
  for (const [from, to] of pairs) graph.set(from, (graph.get(from) ?? new Set()).add(to));
  const done = new Set<string>();
  const path: string[] = [];
  const found: string[][] = [];
  const visit = (node: string): void => {
    const at = path.indexOf(node);
    if (at >= 0) found.push([...path.slice(at), node]);
    if (at >= 0 || done.has(node)) return;
    path.push(node);
    for (const next of graph.get(node) ?? []) visit(next);
    path.pop();
    done.add(node);
  };
  for (const node of graph.keys()) visit(node);
  return found;
}

/** The table as the imports draw it: a line for each room. */
export function drawTable(edges: readonly Edge[]): string {
  return Object.keys(FLOORS)
    .map((room) => {
      const uses = new Set(edges.filter(({ from }) => roomOf(from) === room).map(({ to }) => roomOf(to)));
      uses.delete(room);
      return `${room.padEnd(16)} -> ${[...uses].sort().join(', ')}`;
    })
    .join('\n');
}
