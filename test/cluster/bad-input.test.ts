import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Cluster, type ClusterConfigInput, isTroupeError, loadConfig, type TroupeError } from 'troupe';
import { describe, expect, test } from 'vitest';
import type { Logger } from '../../src/core/index.ts';
import { account } from './agents.ts';
import { eventually, Sandbox, THREE } from './harness.ts';
import { launch, nodeProcesses, smallDisk, takePort, troupe } from './processes.ts';

const ONE: ClusterConfigInput['nodes'] = THREE.slice(0, 1);

/** The error that a start ends with. */
async function refusal(start: Promise<unknown>): Promise<TroupeError> {
  const error = await start.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isTroupeError(error)) throw new Error(`not refused with an error of ours: ${String(error)}`);
  expect(error.message, 'one line').not.toContain('\n');
  return error;
}

/** What the one who starts a cluster is told. */
function collectingLogger(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const note = (message: string, fields?: object): void =>
    void lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  const logger: Logger = { debug: note, info: note, warn: note, error: note, child: () => logger };
  return { logger, lines };
}

/** Adds 1 to an account. */
function add(cluster: Cluster, key: string, requestId: string): Promise<number> {
  return cluster.agent(account, key).ask('add', 1, { requestId, timeoutMs: 20_000 });
}

describe('a port in use', () => {
  test.each(['control', 'data', 'api'] as const)('%s: one line says which, whose, and how to mend it', async (kind) => {
    await using box = new Sandbox();
    await using taken = await takePort();
    const listen = { [kind]: `127.0.0.1:${taken.port}` };
    const nodes = THREE.map((node) => (node.id === 'node-2' ? { ...node, listen } : node));
    const error = await refusal(box.start(nodes));
    expect(error.code).toBe('PORT_IN_USE');
    expect(error.message).toContain(`127.0.0.1:${taken.port}`);
    expect(error.message).toContain(`listen.${kind}`);
    expect(error.message).toContain('node-2');
    expect(nodeProcesses(box.folder), 'the other nodes are stopped').toEqual([]);
  });

  test('a node on its own ends with code 1 and that line', async () => {
    await using box = new Sandbox();
    await using taken = await takePort();
    const config = join(box.folder, 'cluster.config.ts');
    const nodes = [{ id: 'node-1', voter: true, listen: { api: `127.0.0.1:${taken.port}` } }];
    writeFileSync(config, `export default ${JSON.stringify({ name: 'test', dataDir: 'data', nodes })}`);
    const { code, stdout, stderr } = await troupe(
      ...['node', '--config', config, '--id', 'node-1', '--log-file', join(box.folder, 'log')],
    );
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^troupe: .*\[PORT_IN_USE\]\n$/);
    expect(stderr).toContain(String(taken.port));
  });
});

/** Where the records of a segment end, bytes: the rest is zeros that were written ahead. */
function endOfRecords(file: string): number {
  const bytes = readFileSync(file);
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

/** Turns one byte of a file over; the same again puts it back. */
function flip(file: string, offset: number): void {
  const fd = openSync(file, 'r+');
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, offset);
  writeSync(fd, Buffer.from([(byte[0] as number) ^ 0xff]), 0, 1, offset);
  closeSync(fd);
}

test('a voter with a damaged log is refused by file and byte; the others go on, and nothing is lost once it is mended', async () => {
  await using box = new Sandbox();
  const first = await box.start(THREE);
  for (let i = 0; i < 20; i++) await add(first, 'k', `r-${i}`);
  const log = join(box.folder, 'data', 'node-2', 'raft', '0000000001.wal');
  const offset = Math.floor(endOfRecords(log) / 2);
  flip(log, offset);
  first.node('node-2').signal('SIGKILL');
  await eventually('the node was refused', () => box.log('node-2').includes('LOG_CORRUPT') || undefined);
  expect(await add(first, 'k', 'r-20'), 'two of three are a majority').toBe(21);
  await first.close();

  const error = await refusal(box.start(THREE));
  expect(error.code).toBe('LOG_CORRUPT');
  expect(error.message).toContain('node-2');
  expect(error.message).toContain(log);
  const [, at] = /at byte (\d+)/.exec(error.message) ?? [];
  expect(Number(at)).toBeLessThanOrEqual(offset);
  expect(Number(at)).toBeGreaterThan(offset - 4_096);
  expect(nodeProcesses(box.folder)).toEqual([]);

  flip(log, offset);
  const mended = await box.start(THREE);
  expect(await add(mended, 'k', 'r-21')).toBe(22);
});

test('a full disk is one line; what was acknowledged is there once there is room again', async ({ skip }) => {
  await using box = new Sandbox();
  const disk = join(box.folder, 'disk');
  mkdirSync(disk);
  const mounted = smallDisk(disk, 40);
  if (typeof mounted === 'string') {
    console.log(mounted);
    return skip(mounted);
  }
  using _ = mounted;
  const config = { dataDir: disk };
  const ballast = join(disk, 'ballast');
  const fill = (leaveBytes: number): void => {
    const fd = openSync(ballast, 'w');
    try {
      for (;;) writeSync(fd, Buffer.alloc(65_536));
    } catch {
      ftruncateSync(fd, fstatSync(fd).size - leaveBytes);
      closeSync(fd);
    }
  };
  for (const [leaveBytes, who] of [
    [0, disk],
    [2 ** 20, 'node-1'],
  ] as const) {
    fill(leaveBytes);
    const error = await refusal(box.start(ONE, config));
    expect(error.code).toBe('DISK_FULL');
    expect(error.message).toContain('room');
    expect(error.message).toContain(who);
    rmSync(ballast);
  }

  const { logger, lines } = collectingLogger();
  const cluster = await box.start(ONE, config, { logger });
  let acknowledged = await add(cluster, 'k', 'r-1');
  fill(2 * 2 ** 20);
  const died = (): boolean => lines.some((line) => line.includes('DISK_FULL'));
  const text = 'x'.repeat(100_000);
  const asked: Promise<unknown>[] = [];
  for (let i = 2; !died(); i++) {
    if (i > 500) throw new Error('the disk never filled up');
    const keep = cluster.agent(account, `big-${i}`).ask('keep', text);
    asked.push(keep.catch(() => undefined));
    const added = cluster.agent(account, 'k').ask('add', 1, { requestId: `r-${i}`, timeoutMs: 2_000 });
    acknowledged = (await added.catch(() => undefined)) ?? acknowledged;
  }
  rmSync(ballast);
  expect(acknowledged).toBeGreaterThan(1);
  const { total } = await eventually('the node is back', () => {
    const read = cluster.agent(account, 'k').ask('read', null, { timeoutMs: 2_000 });
    return read.catch(() => undefined);
  });
  expect(total).toBeGreaterThanOrEqual(acknowledged);
  expect(await add(cluster, 'k', 'after')).toBe(total + 1);
  await Promise.all(asked);
  for (const line of lines.filter((line) => line.includes('DISK_FULL'))) expect(line).toMatch(/node-1.*no room/);
  await cluster.close();
});

describe('a configuration', () => {
  const MISTAKES = {
    name: 'Big Cluster',
    nodes: [
      { id: 'node-1', voter: true, labels: { capacity: 'spot' } },
      { id: 'node-1', listen: { api: '0.0.0.0:7000' } },
      { id: 'node-3', lables: {} },
    ],
    timing: { keepAliveMs: 500, downAfterMs: 600 },
  };

  test('with mistakes is told of all of them at once, each with its path and how to mend it', async () => {
    await using box = new Sandbox();
    const file = join(box.folder, 'cluster.config.ts');
    writeFileSync(file, `export default ${JSON.stringify(MISTAKES)}`);
    const error = await loadConfig(file).catch((thrown: TroupeError) => thrown);
    const [head, ...problems] = String((error as TroupeError).message).split('\n');
    expect(error).toMatchObject({ code: 'INVALID_CONFIGURATION' });
    expect(head).toBe('the configuration has 6 problems:');
    expect(problems.map((line) => line.trim().split(': ')[0]).toSorted()).toEqual([
      'name',
      'nodes[0].voter',
      'nodes[1].id',
      'nodes[1].listen.api',
      'nodes[2]',
      'timing.downAfterMs',
    ]);
    const told = await troupe('node', '--config', file, '--id', 'node-1');
    expect(told.code).toBe(1);
    expect(told.stderr).toContain('the configuration has 6 problems: [INVALID_CONFIGURATION]\n  ');
    expect(told.stderr.trim().split('\n')).toHaveLength(7);
  });

  test('has no node of that id: one line names those there are', async () => {
    await using box = new Sandbox();
    const file = join(box.folder, 'cluster.config.ts');
    writeFileSync(file, `export default ${JSON.stringify({ name: 'test', nodes: THREE })}`);
    const { code, stderr } = await troupe('node', '--config', file, '--id', 'node-9');
    expect(code).toBe(1);
    expect(stderr).toBe('troupe: the configuration has no node "node-9"; it has node-1, node-2, node-3 [NOT_FOUND]\n');
  });

  test('names a folder that can not be written: one line says which', async () => {
    await using box = new Sandbox();
    const file = join(box.folder, 'a-file');
    writeFileSync(file, '');
    for (const dataDir of [join(file, 'below'), '/sys/troupe']) {
      const error = await refusal(box.start(ONE, { dataDir }));
      expect(error.code).toBe('INVALID_CONFIGURATION');
      expect(error.message).toContain(dataDir);
      expect(error.message).toContain('dataDir');
    }
  });
});

describe('two clusters', () => {
  test('in one folder: the second is refused and the first goes on', async () => {
    await using box = new Sandbox();
    const first = await box.start(ONE);
    expect(await add(first, 'k', 'r-1')).toBe(1);
    const error = await refusal(box.start(ONE, { name: 'other' }));
    expect(error.code).toBe('ALREADY_EXISTS');
    expect(error.message).toContain(box.folder);
    expect(await add(first, 'k', 'r-2')).toBe(2);
    expect((await first.status()).cluster).toBe('test');
  });

  test('in two folders: both work, and neither sees the other', async () => {
    await using left = new Sandbox();
    await using right = new Sandbox();
    const [one, two] = await Promise.all([left.start(ONE), right.start(ONE)]);
    expect(await add(one, 'k', 'r')).toBe(1);
    expect(await add(two, 'k', 'r')).toBe(1);
    expect((await one.status()).view.nodes).toHaveLength(1);
  });
});

test('whoever started a cluster is killed: its nodes end by themselves, and a new start finds everything', async () => {
  await using box = new Sandbox();
  const starter = await launch('./starter.ts', [box.folder]);
  expect(starter.line).toBe('up');
  expect(nodeProcesses(box.folder)).toHaveLength(3);
  await starter.kill();
  // At once: the nodes of the killed one may still be closing.
  const cluster = await box.start(THREE);
  expect(nodeProcesses(box.folder)).toHaveLength(3);
  const panel = cluster.team('panel', { members: [{ kind: 'account', key: '1' }] });
  expect((await panel.decide({ id: 'kept', question: 'go?' })).result?.outcome).toBeDefined();
  expect((await cluster.status()).stats.decisions).toBe(1);
  await cluster.close();
  expect(nodeProcesses(box.folder)).toEqual([]);
});

test('whoever started a cluster is killed: no node process is left after a few seconds, not even a busy one', async () => {
  await using box = new Sandbox();
  const starter = await launch('./starter.ts', [box.folder, 'block']);
  await starter.kill();
  await eventually('all but the busy node have ended', () => nodeProcesses(box.folder).length <= 1 || undefined, 5_000);
  await eventually('all have ended', () => nodeProcesses(box.folder).length === 0 || undefined, 15_000);
});
