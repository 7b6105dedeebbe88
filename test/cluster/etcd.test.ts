import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectEtcd, foundEtcdLog, openEtcdLog } from '../../src/coordinator/index.ts';
import { systemClock, systemRandom } from '../../src/core/index.ts';
import { EtcdServers, NO_ETCD } from '../conformance/etcd-servers.ts';
import { RecordingConsumer } from '../conformance/replicated-log.ts';
import { account } from './agents.ts';
import { eventually, FIVE, leaderOf, Sandbox, THREE } from './harness.ts';
import { CLI, nodeCommand } from './processes.ts';

const AUDIT = 'examples/licence-audit/job.ts';

interface Audit {
  readonly packages: number;
  readonly lost: number;
  readonly repeated: number;
  readonly outcomeDigest: string;
}

/** Runs the licence audit as a user does, with all its chaos; `struck` is called when the leader is killed. */
async function audit(
  folder: string,
  coordinator: unknown,
  struck: () => Promise<void> = async () => {},
): Promise<Audit> {
  const config = join(folder, 'cluster.config.ts');
  writeFileSync(config, `export default ${JSON.stringify({ name: 'audit', nodes: FIVE, coordinator })}`);
  const args = ['run', AUDIT, '--config', config, '--chaos', 'preempt,kill-leader', '--json'];
  const [program = '', ...rest] = nodeCommand(CLI, args);
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  let strikes: Promise<void> | undefined;
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
    if (/leader, is killed/.test(stderr)) strikes ??= struck();
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  await strikes;
  expect(code, stderr).toBe(0);
  expect(strikes, stderr).toBeDefined();
  return JSON.parse(stdout) as Audit;
}

describe.skipIf(NO_ETCD !== undefined)('a cluster whose log is at etcd', () => {
  let servers: EtcdServers;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'troupe-test-'));
    servers = await EtcdServers.start(3);
  });
  afterAll(async () => {
    await servers[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test('the licence audit comes out as on Raft, though spot node, leader and a server of etcd are taken away', async () => {
    const raft = await audit(folder, { kind: 'raft' });
    let killed: number | undefined;
    const etcd = await audit(folder, { kind: 'etcd', endpoints: servers.endpoints }, async () => {
      killed = await servers.leader();
      await servers.kill(killed);
    });
    expect(etcd).toMatchObject({ packages: raft.packages, lost: 0, repeated: 0, outcomeDigest: raft.outcomeDigest });
    servers.restart(killed as number);
  });

  test('whichever member of etcd hangs, the log is written on, each entry once', async () => {
    const consumer = new RecordingConsumer();
    const clocks = { clock: systemClock, random: systemRandom };
    const etcd = connectEtcd({ endpoints: servers.endpoints, ...clocks });
    await foundEtcdLog(etcd, '/hangs/', systemRandom);
    const log = await openEtcdLog({ node: 'a', etcd, prefix: '/hangs/', consumer, ...clocks });
    const texts: string[] = [];
    /** The lease may have ended while etcd itself had no leader: then the entry is refused, and given again. */
    const append = (text: string): Promise<true> =>
      eventually(`${text} is written`, async () => {
        // A leader has read everything: what is not there by now was not written.
        if (!log.role.leading) return undefined;
        if (consumer.texts.includes(text)) return true;
        return log.append(new TextEncoder().encode(text)).then(
          () => true as const,
          () => undefined,
        );
      });
    for (const member of servers.endpoints.keys()) {
      servers.signal(member, 'SIGSTOP');
      for (let i = 0; i < 5; i++) {
        texts.push(`${member}-${i}`);
        await append(`${member}-${i}`);
      }
      servers.signal(member, 'SIGCONT');
    }
    expect(await log.barrier()).toBe(texts.length);
    expect(consumer.texts).toEqual(texts);
    await log.close();
  });

  test('nodes that lose their disks lose nothing: the log is at etcd, and leadership moves when asked', async () => {
    await using box = new Sandbox();
    const coordinator = { kind: 'etcd', endpoints: servers.endpoints, prefix: '/disks/' } as const;
    const first = await box.start(THREE, { coordinator });
    expect(await first.agent(account, 'k').ask('add', 1, { requestId: 'one' })).toBe(1);
    const leader = await leaderOf(first);
    const other = THREE.map(({ id }) => id).find((id) => id !== leader) as string;
    await first.voters.lead(other, { timeoutMs: 5_000 });
    await eventually('the other leads', async () => (await leaderOf(first)) === other || undefined);
    const refused = first.voters.remove(leader, { timeoutMs: 5_000 });
    await expect(refused).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/configuration.*etcd decides/),
    });
    expect(await first.agent(account, 'k').ask('add', 1, { requestId: 'two' })).toBe(2);
    for (const { id } of THREE) first.node(id).signal('SIGKILL');
    await first.close();
    rmSync(join(box.folder, 'data'), { recursive: true, force: true });
    const second = await box.start(THREE, { coordinator });
    expect(await second.agent(account, 'k').ask('add', 1, { requestId: 'two' })).toBe(2);
    expect(await second.agent(account, 'k').ask('read', null)).toEqual({ total: 2, requests: ['one', 'two'] });
  });
});
