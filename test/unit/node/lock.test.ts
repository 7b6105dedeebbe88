import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isAlive, lockFolder, lockNode } from '../../../src/node/lock.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';

let folder: string;
let children: ChildProcess[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-lock-'));
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** Another process that takes the folder and keeps it. */
async function holder(): Promise<ChildProcess> {
  const lock = JSON.stringify(new URL('../../../src/node/lock.ts', import.meta.url).href);
  const code = `const { lockFolder } = await import(${lock}); lockFolder(${JSON.stringify(folder)});
    process.stdout.write('held'); process.stdin.resume();`;
  const flags = ['-C', 'troupe-source', '--disable-warning=ExperimentalWarning', '--input-type=module', '-e', code];
  const child = spawn(process.execPath, flags, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return child;
}

describe('the lock of a folder', () => {
  test('is refused to a second holder, and free again when it was given back', () => {
    const unlock = lockFolder(folder);
    expect(() => lockFolder(folder)).toThrow(
      expect.objectContaining({
        code: 'ALREADY_EXISTS',
        address: folder,
        message: expect.stringContaining(`${process.pid}`),
      }),
    );
    unlock();
    unlock();
    lockFolder(folder)();
  });

  test('holds between processes, and passes on when its holder dies, however it dies', async () => {
    const child = await holder();
    expect(() => lockFolder(folder)).toThrow(
      expect.objectContaining({ code: 'ALREADY_EXISTS', message: expect.stringContaining(`process ${child.pid}`) }),
    );
    child.kill('SIGKILL');
    await once(child, 'exit');
    lockFolder(folder)();
  });

  test('of one cluster doesn’t hinder another', () => {
    const other = mkdtempSync(join(tmpdir(), 'troupe-lock-'));
    const unlocks = [lockFolder(folder), lockFolder(other)];
    for (const unlock of unlocks) unlock();
    rmSync(other, { recursive: true });
  });
});

describe('the lock of a node', () => {
  test('is waited for while its holder is on its way out', async () => {
    const clock = new ManualClock();
    const unlock = await lockNode('a', folder, clock);
    const waiting = lockNode('a', folder, clock);
    await clock.advance(3_000);
    unlock();
    await clock.advance(100);
    (await waiting)();
  });

  test('is refused when its holder stays', async () => {
    const clock = new ManualClock();
    const unlock = await lockNode('a', folder, clock);
    const waiting = lockNode('a', folder, clock);
    waiting.catch(() => undefined);
    await clock.advance(11_000);
    await expect(waiting).rejects.toMatchObject({ code: 'ALREADY_EXISTS', address: folder });
    expect(clock.pending).toBe(0);
    unlock();
  });
});

test('a process is alive when it runs, and not when its id is none or nobody’s', async () => {
  expect(isAlive(process.pid)).toBe(true);
  expect(isAlive(process.ppid)).toBe(true);
  for (const id of [0, -1, Number.NaN, 1.5]) expect(isAlive(id)).toBe(false);
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  expect(isAlive(child.pid as number)).toBe(false);
});
