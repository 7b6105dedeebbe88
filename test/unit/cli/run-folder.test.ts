import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { clusterFolders, isRunning, newRunFolder, tidyRun } from '../../../src/cli/run-folder.ts';
import { SeededRandom } from '../../../src/core/index.ts';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'troupe-runs-'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** A folder as a run leaves it; the larger `age`, the older. */
function leave(name: string, age: number, pid?: number): string {
  const folder = join(base, 'runs', name);
  mkdirSync(join(folder, 'run'), { recursive: true });
  mkdirSync(join(folder, 'data'));
  if (pid !== undefined) writeFileSync(join(folder, 'lock'), String(pid));
  utimesSync(folder, 1_700_000_000 - age, 1_700_000_000 - age);
  return folder;
}

test('two runs never share a folder', () => {
  const random = new SeededRandom(1);
  expect(newRunFolder(base, 'audit', random)).not.toBe(newRunFolder(base, 'audit', random));
});

test('old runs are removed, running ones and the newest ended ones are kept', () => {
  const ended = Array.from({ length: 8 }, (_, i) => leave(`ended-${i}`, i));
  const running = leave('running', 100, process.pid);
  newRunFolder(base, 'audit', new SeededRandom(1));
  expect(ended.map((folder) => existsSync(folder))).toEqual([true, true, true, true, false, false, false, false]);
  expect(existsSync(running)).toBe(true);
});

test('a cluster runs where its starter lives, and nowhere else', () => {
  leave('dead', 2, 2 ** 22 + 1);
  const alive = leave('alive', 1, process.pid);
  expect(clusterFolders(base).filter(isRunning)).toEqual([alive]);
});

test('a run that went well keeps its logs and not its data', () => {
  const folder = leave('done', 1);
  tidyRun(folder);
  expect([existsSync(join(folder, 'run')), existsSync(join(folder, 'data'))]).toEqual([true, false]);
});
