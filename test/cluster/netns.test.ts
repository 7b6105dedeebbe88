import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { Network, noDelay, noNetwork } from './netns.ts';

const namespaces = (): string => execFileSync('ip', ['netns', 'list']).toString();

test.skipIf(noNetwork !== undefined)('a network is removed with what runs on it', async () => {
  const network = new Network(['a']);
  const child = network.spawn('a', '-e', ['console.log("runs"); setInterval(() => {}, 1000)'], {});
  await once(child.stdout as Readable, 'data');
  expect(namespaces()).toContain(`troupe-${process.pid}-`);
  network[Symbol.dispose]();
  expect((await once(child, 'exit'))[1]).toBe('SIGKILL');
  expect(namespaces()).not.toContain(`troupe-${process.pid}-`);
});

test.skipIf(noNetwork !== undefined)('what a run left that was killed is removed by the next', async () => {
  const left = `troupe-${spawnSync('true').pid}-abc123-a`;
  const others = `troupe-${process.ppid}-abc123-a`;
  for (const name of [left, others]) execFileSync('ip', ['netns', 'add', name]);
  try {
    const child = spawn('ip', ['netns', 'exec', left, 'sleep', '60']);
    await once(child, 'spawn');
    // It is there when `ip` says so: the program moves into the namespace only after it has started.
    while (!execFileSync('ip', ['netns', 'pids', left]).toString().includes(`${child.pid}`));
    new Network([])[Symbol.dispose]();
    expect((await once(child, 'exit'))[1]).toBe('SIGKILL');
    expect(namespaces()).not.toContain(left);
    expect(namespaces(), 'of a run that goes on').toContain(others);
  } finally {
    execFileSync('ip', ['netns', 'del', others]);
  }
});

test.skipIf(noDelay !== undefined)('packets on slow cables take the time they are told', async () => {
  using network = new Network(['a', 'b'], true);
  const server = network.spawn('b', '-e', [LISTEN], {});
  const [port] = await once(server.stdout as Readable, 'data');
  const dial = async (): Promise<number> => {
    const client = network.spawn('a', '-e', [DIAL, `${network.address('b')}`, `${port}`.trim()], {});
    const [line] = await once(client.stdout as Readable, 'data');
    return Number(line);
  };
  const before = await dial();
  network.delay(300);
  // One packet there, one back.
  expect(await dial()).toBeGreaterThan(600);
  expect(before).toBeLessThan(600);
});

const LISTEN = 'const s = require("net").createServer(() => {}); s.listen(0, () => console.log(s.address().port))';
const DIAL =
  'const [host, port] = process.argv.slice(1), at = performance.now();' +
  'require("net").connect(port, host, () => { console.log(performance.now() - at); process.exit() })';
