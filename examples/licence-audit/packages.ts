import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { TroupeError } from 'troupe';
import { readManifest } from './evidence/manifest.ts';
import type { Package } from './schema.ts';

/** The packages under a folder. */
export interface PackageList {
  /** Each name and version once, sorted by id. */
  readonly packages: readonly Package[];
  /** What was odd on the way, one line each. */
  readonly problems: readonly string[];
}

/** How far the search goes. */
export interface SearchLimits {
  readonly depthMax: number;
  readonly directoriesMax: number;
  readonly packagesMax: number;
}

const LIMITS: SearchLimits = { depthMax: 40, directoriesMax: 500_000, packagesMax: 100_000 };
const LICENCE_FILE = /^(?:licen[cs]e|copying)(?:\.(?:md|txt))?$/i;
/** Version of a package whose manifest doesn't tell. */
const UNKNOWN = 'unknown';
/** Where pnpm keeps what its `node_modules` links to. */
const STORE = '.pnpm';

/**
 * Finds every package installed under a folder. In a `node_modules` each entry is a package, nested and scoped ones too; elsewhere it is every
 * folder whose `package.json` has a name and a version, and, outside of packages, one that has a licence file and no manifest.
 * A package whose manifest is missing or broken is called after its path, and stays in the list: other evidence may still tell.
 *
 * @param input path of the folder
 * @throws TroupeError INVALID_ARGUMENT when there is no such folder
 */
export async function findPackages(input: string, limits: SearchLimits = LIMITS): Promise<PackageList> {
  const root = await realpath(input).catch(() => undefined);
  if (root === undefined) throw new TroupeError('INVALID_ARGUMENT', 'no such folder', { address: input });
  if (!(await stat(root)).isDirectory()) throw new TroupeError('INVALID_ARGUMENT', 'not a folder', { address: input });
  const search = new Search(root, limits);
  await search.run();
  const packages = [...search.found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  return { packages, problems: search.problems };
}

type Place = 'modules' | 'scope' | 'package' | 'tree';

interface Visit {
  readonly path: string;
  /** Path under the root as it was reached, for names and messages. */
  readonly shown: string;
  readonly place: Place;
  readonly depth: number;
  /** Whether a package lies above, so that a lone licence file is part of it. */
  readonly inPackage: boolean;
}

class Search {
  readonly found: Map<string, Package> = new Map();
  readonly problems: string[] = [];
  readonly #root: string;
  readonly #limits: SearchLimits;
  /** Real paths, so that links in circles end. */
  readonly #seen: Set<string> = new Set();
  readonly #said: Set<string> = new Set();
  #queue: Visit[] = [];

  constructor(root: string, limits: SearchLimits) {
    this.#root = root;
    this.#limits = limits;
  }

  /** Breadth first and in order of names: of equal packages the one nearest to the root stands for all. */
  async run(): Promise<void> {
    const place = basename(this.#root) === 'node_modules' ? 'modules' : 'tree';
    this.#enqueue({ path: this.#root, shown: '', place, depth: 0, inPackage: false });
    while (this.#queue.length > 0) {
      const level = this.#queue;
      this.#queue = [];
      for (const visit of level) await this.#visit(visit);
    }
  }

  async #visit(visit: Visit): Promise<void> {
    const path = await realpath(visit.path).catch(() => undefined);
    if (path === undefined) return this.#problem(visit.shown, 'is a link to nothing');
    if (this.#seen.has(path)) return;
    this.#seen.add(path);
    const entries = await readdir(path, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => error);
    if (!Array.isArray(entries))
      return this.#problem(visit.shown, `can't be read (${entries.code ?? entries.message})`);
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    const names = new Set(entries.map((entry) => entry.name));

    const isPackage = await this.#take(path, visit, names);
    for (const entry of entries) {
      // In a tree a link would lead back to what is found anyway; in node_modules it is how packages are installed.
      const folder = entry.isDirectory() || (entry.isSymbolicLink() && visit.place !== 'tree');
      const place = folder ? placeOf(visit.place, entry.name) : undefined;
      if (place === undefined) continue;
      const child = join(path, entry.name);
      if (entry.isSymbolicLink() && !(await isFolder(child))) continue;
      const shown = visit.shown === '' ? entry.name : `${visit.shown}/${entry.name}`;
      this.#enqueue({ path: child, shown, place, depth: visit.depth + 1, inPackage: visit.inPackage || isPackage });
    }
  }

  /** Adds the folder to the list when it is a package. */
  async #take(path: string, visit: Visit, names: ReadonlySet<string>): Promise<boolean> {
    if (visit.place !== 'package' && visit.place !== 'tree') return false;
    if (!names.has('package.json')) {
      const alone = !visit.inPackage && visit.shown !== '' && [...names].some((name) => LICENCE_FILE.test(name));
      if (visit.place === 'tree' ? !alone : names.size === 0 || onlyModules(names)) return false;
      this.#problem(visit.shown, 'has no package.json');
      this.#add(visit.shown, UNKNOWN, path);
      return true;
    }
    const manifest = await readManifest(path);
    if ('problem' in manifest) {
      this.#problem(visit.shown, manifest.problem);
      this.#add(visit.shown === '' ? basename(path) : visit.shown, UNKNOWN, path);
      return true;
    }
    const { name, version } = manifest.fields;
    const named = typeof name === 'string' && name !== '';
    const versioned = typeof version === 'string' && version !== '';
    if (named && versioned) {
      this.#add(name, version, path);
      return true;
    }
    // Elsewhere such manifests only set a module type or belong to a project that is never published.
    if (visit.place === 'tree') return false;
    this.#problem(visit.shown, `package.json has no ${named ? 'version' : 'name'}`);
    this.#add(named ? name : visit.shown, versioned ? version : UNKNOWN, path);
    return true;
  }

  #add(name: string, version: string, directory: string): void {
    const id = `${name}@${version}`;
    const known = this.found.get(id);
    if (known !== undefined) {
      this.found.set(id, { ...known, copies: known.copies + 1 });
    } else if (this.found.size >= this.#limits.packagesMax) {
      this.#once(`more than ${this.#limits.packagesMax} packages; the rest is left out`);
    } else {
      this.found.set(id, { id, name, version, directory, copies: 1 });
    }
  }

  #enqueue(visit: Visit): void {
    const { depthMax, directoriesMax } = this.#limits;
    if (visit.depth > depthMax) this.#once(`folders more than ${depthMax} deep are left out, first ${visit.shown}`);
    else if (this.#seen.size + this.#queue.length < directoriesMax) this.#queue.push(visit);
    else this.#once(`more than ${directoriesMax} folders; the rest is left out`);
  }

  #problem(shown: string, what: string): void {
    this.problems.push(`${shown === '' ? relative('', this.#root) || '.' : shown}: ${what}`);
  }

  #once(line: string): void {
    const kind = line.replace(/, first .*$/, '');
    if (!this.#said.has(kind)) this.problems.push(line);
    this.#said.add(kind);
  }
}

/** What a child folder is, given what its parent is; undefined when it isn't looked at. */
function placeOf(parent: Place, name: string): Place | undefined {
  if (parent === 'modules') {
    if (name === STORE) return 'tree';
    if (name.startsWith('.')) return undefined;
    return name.startsWith('@') ? 'scope' : 'package';
  }
  if (name === 'node_modules') return 'modules';
  if (name.startsWith('.')) return parent === 'tree' && name === STORE ? 'tree' : undefined;
  if (parent === 'scope') return 'package';
  // Folders inside an installed package are its content: vendored code and fixtures aren't installed.
  return parent === 'tree' ? 'tree' : undefined;
}

function onlyModules(names: ReadonlySet<string>): boolean {
  return names.size === 1 && names.has('node_modules');
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? true;
}
