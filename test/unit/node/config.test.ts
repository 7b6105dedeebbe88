import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isTroupeError, type TroupeError } from '../../../src/core/index.ts';
import { checkConfig, defineCluster, loadConfig, nodeOf, withNode } from '../../../src/node/config.ts';
import { coordinatorOfRun } from '../../../src/node/coordinator-config.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-config-'));
  writeFileSync(join(folder, 'agents.ts'), 'export {};');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const voter = { id: 'a', voter: true };
const good = { name: 'c', nodes: [voter] };
/** The lines of the error, without the first: `path: message`. */
function problems(input: unknown): string[] {
  try {
    checkConfig(input, folder);
  } catch (error) {
    expect(isTroupeError(error, 'INVALID_CONFIGURATION')).toBe(true);
    return (error as TroupeError).message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}
const paths = (input: unknown): string[] => problems(input).map((line) => line.slice(0, line.indexOf(': ')));

describe('a configuration', () => {
  test('needs only names; everything else has a default, and paths become absolute', () => {
    const config = checkConfig(defineCluster({ ...good, agents: ['agents.ts', new URL('npm:x')] }), folder);
    expect(config).toMatchObject({
      name: 'c',
      dataDir: join(folder, '.troupe'),
      agents: [pathToFileURL(join(folder, 'agents.ts')).href, 'npm:x'],
      nodes: [
        {
          id: 'a',
          voter: true,
          labels: {},
          listen: { control: '127.0.0.1:0', data: '127.0.0.1:0', api: '127.0.0.1:0' },
          insecure: false,
        },
      ],
      timing: { keepAliveMs: 150, downAfterMs: 1_200 },
    });
    expect(checkConfig({ ...good, dataDir: '/var/lib/x' }, folder).dataDir).toBe('/var/lib/x');
  });

  test('that was checked passes again as it is, and so does one that was written as JSON and read', () => {
    const config = checkConfig({ ...good, agents: ['agents.ts'] }, folder);
    expect(checkConfig(config, '/elsewhere')).toEqual(config);
    expect(checkConfig(JSON.parse(JSON.stringify(config)), '/elsewhere')).toEqual(config);
  });

  test('with five mistakes reports all five in one error, each with its path and how to mend it', () => {
    const broken = {
      name: 'Bad Name',
      agents: ['no-such-module.ts'],
      nodes: [
        { id: 'a', voter: true, labels: { capacity: 'spot' } },
        { id: 'a', listen: { data: '0.0.0.0:7000' } },
      ],
      timing: { keepAliveMs: 1_000 },
    };
    expect(paths(broken).toSorted()).toEqual([
      'agents[0]',
      'name',
      'nodes[0].voter',
      'nodes[1].id',
      'nodes[1].listen.data',
      'timing.downAfterMs',
    ]);
    for (const line of problems(broken)) expect(line).toMatch(/must|make|give|listen on/);
    expect(() => checkConfig(broken, folder)).toThrow('the configuration has 6 problems');
  });

  test.each([
    ['a name', { ...good, name: 'Über' }, 'name'],
    ['no name', { nodes: [voter] }, 'name'],
    ['an empty list of nodes', { ...good, nodes: [] }, 'nodes'],
    ['no list of nodes', { name: 'c' }, 'nodes'],
    ['an id', { ...good, nodes: [voter, { id: '-x' }] }, 'nodes[1].id'],
    ['an id that is taken', { ...good, nodes: [voter, { id: 'b' }, { id: 'b' }] }, 'nodes[2].id'],
    ['no voter', { ...good, nodes: [{ id: 'b' }] }, 'nodes'],
    ['a voter on spot capacity', { ...good, nodes: [{ ...voter, labels: { capacity: 'spot' } }] }, 'nodes[0].voter'],
    ['a label', { ...good, nodes: [{ ...voter, labels: { zone: 1 } }] }, 'nodes[0].labels.zone'],
    ['an address', { ...good, nodes: [{ ...voter, listen: { api: 'nowhere' } }] }, 'nodes[0].listen.api'],
    ['a port', { ...good, nodes: [{ ...voter, listen: { api: '127.0.0.1:70000' } }] }, 'nodes[0].listen.api'],
    [
      'an address beyond loopback',
      { ...good, nodes: [{ ...voter, listen: { control: '10.0.0.1:7000' } }] },
      'nodes[0].listen.control',
    ],
    ['an unknown setting', { ...good, colour: 'red' }, 'configuration'],
    ['an unknown setting of a node', { ...good, nodes: [{ ...voter, lables: {} }] }, 'nodes[0]'],
    ['a listen that is no object', { ...good, nodes: [{ ...voter, listen: 'x:1' }] }, 'nodes[0].listen'],
    [
      'a source of notices',
      { ...good, nodes: [{ ...voter, preemption: [{ kind: 'carrier-pigeon' }] }] },
      'nodes[0].preemption[0].kind',
    ],
    [
      'a metadata address with a path',
      { ...good, nodes: [{ ...voter, preemption: [{ kind: 'aws', address: 'http://169.254.169.254/latest' }] }] },
      'nodes[0].preemption[0].address',
    ],
    [
      'a notice',
      { ...good, nodes: [{ ...voter, preemption: [{ kind: 'google', noticeMs: 0 }] }] },
      'nodes[0].preemption[0].noticeMs',
    ],
    [
      'an unknown setting of a source',
      { ...good, nodes: [{ ...voter, preemption: [{ kind: 'azure', resorce: 'vm' }] }] },
      'nodes[0].preemption[0]',
    ],
    [
      'a grace',
      { ...good, nodes: [{ ...voter, preemption: [{ kind: 'signal', graceMs: 1 }] }] },
      'nodes[0].preemption[0].graceMs',
    ],
    ['a time', { ...good, timing: { raftTickMs: 0 } }, 'timing.raftTickMs'],
    [
      'a silence shorter than three keep-alives',
      { ...good, timing: { keepAliveMs: 500, downAfterMs: 1_000 } },
      'timing.downAfterMs',
    ],
    ['a module that isn’t there', { ...good, agents: ['gone.ts'] }, 'agents[0]'],
    ['a module that is no name', { ...good, agents: [7] }, 'agents[0]'],
  ])('may not have %s that is wrong, and says where', (_what, input, path) => {
    expect(paths(input)).toEqual([path]);
  });

  test.each([undefined, null, 7, 'c', []])('is not %j', (input) => {
    expect(paths(input)).toEqual(['configuration']);
  });

  test('may listen beyond loopback when it says so in so many words', () => {
    const open = { ...voter, insecure: true, listen: { control: '10.0.0.1:7000' } };
    expect(problems({ ...good, nodes: [open] })).toEqual([]);
    for (const host of ['127.0.0.1:1', '127.8.9.1:1', 'localhost:1', '[::1]:1']) {
      expect(problems({ ...good, nodes: [{ ...voter, listen: { api: host } }] })).toEqual([]);
    }
  });

  test('names the sources of notices there are when one isn’t among them, and completes those it knows', () => {
    const [line] = problems({ ...good, nodes: [{ ...voter, preemption: [{ kind: 'pigeon' }] }] });
    expect(line).toContain('must be one of file, signal, kubernetes, aws, google, azure');
    const kinds = ['file', 'signal', 'kubernetes', 'aws', 'google', 'azure'] as const;
    const { nodes } = checkConfig(
      { ...good, nodes: [{ ...voter, preemption: kinds.map((kind) => ({ kind })) }] },
      folder,
    );
    const address = 'http://169.254.169.254';
    expect(nodes[0]?.preemption).toEqual([
      { kind: 'file' },
      { kind: 'signal', graceMs: 30_000 },
      {
        kind: 'kubernetes',
        graceMs: 30_000,
        address: 'https://kubernetes.default.svc',
        account: '/var/run/secrets/kubernetes.io/serviceaccount',
      },
      { kind: 'aws', address },
      { kind: 'google', address, noticeMs: 30_000 },
      { kind: 'azure', address, acknowledge: true },
    ]);
  });

  test('has its nodes by id, and names those it has when asked for another', () => {
    const config = checkConfig({ ...good, nodes: [voter, { id: 'b' }] }, folder);
    expect(nodeOf(config, 'b').id).toBe('b');
    expect(() => nodeOf(config, 'z')).toThrow(
      expect.objectContaining({ code: 'NOT_FOUND', message: expect.stringContaining('a, b') }),
    );
  });
});

describe('a configuration file', () => {
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };

  test('is a module with a default export; its paths are relative to it', async () => {
    const path = file('good.config.mjs', `export default ${JSON.stringify({ ...good, agents: ['agents.ts'] })}`);
    const config = await loadConfig(path);
    expect(config.dataDir).toBe(join(folder, '.troupe'));
    expect(config.agents).toEqual([pathToFileURL(join(folder, 'agents.ts')).href]);
  });

  test.each([
    ['isn’t there', 'gone.config.mjs', undefined, 'NOT_FOUND'],
    ['has no default export', 'empty.config.mjs', 'export const x = 1;', 'INVALID_CONFIGURATION'],
    ['throws', 'throws.config.mjs', 'throw new RangeError("boom")', 'INVALID_CONFIGURATION'],
    ['is wrong', 'wrong.config.mjs', 'export default {}', 'INVALID_CONFIGURATION'],
  ])('that %s is one clear error', async (_what, name, text, code) => {
    const path = text === undefined ? join(folder, name) : file(name, text);
    await expect(loadConfig(path)).rejects.toMatchObject({ code });
  });
});

describe('the coordinator', () => {
  const etcd = { kind: 'etcd', endpoints: ['http://127.0.0.1:2379'] };
  const coordinator = (given: object): string[] => problems({ ...good, coordinator: given });

  test('is embedded Raft unless told otherwise', () => {
    expect(checkConfig(good, folder).coordinator).toEqual({ kind: 'raft', leaseReads: false });
  });

  test('at etcd has keys of its own for each cluster, and a log of its own for each run', () => {
    const config = checkConfig({ ...good, coordinator: etcd }, folder);
    expect(config.coordinator).toMatchObject({ ...etcd, leaseMs: 3_000, prefix: '/troupe/c/', compactHistory: true });
    expect(coordinatorOfRun(config.coordinator, 'audit-x')).toMatchObject({ prefix: '/troupe/c/runs/audit-x/' });
    expect(checkConfig(config, '/elsewhere')).toEqual(config);
  });

  test('finds its certificates beside the configuration', () => {
    const tls = { ca: 'ca.pem', cert: '/etc/c.pem', key: 'c.key' };
    const secure = { ...etcd, endpoints: ['https://etcd-1:2379'], tls };
    const config = checkConfig({ ...good, coordinator: secure }, folder);
    expect(config.coordinator).toMatchObject({
      tls: { ca: join(folder, 'ca.pem'), cert: '/etc/c.pem', key: join(folder, 'c.key') },
    });
  });

  test.each([
    ['no scheme: would it be in clear?', { endpoints: ['127.0.0.1:2379'] }, 'coordinator.endpoints[0]'],
    ['no endpoint', { endpoints: [] }, 'coordinator.endpoints'],
    ['a prefix that runs into its neighbours', { prefix: '/troupe/a' }, 'coordinator.prefix'],
    ['a certificate without its key', { endpoints: ['https://e:2379'], tls: { cert: 'c.pem' } }, 'coordinator.tls'],
    ['certificates for a way in clear', { tls: {} }, 'coordinator.endpoints'],
    ['a lease that no heartbeat can keep', { leaseMs: 100 }, 'coordinator.leaseMs'],
    ['an unknown kind', { kind: 'zookeeper' }, 'coordinator.kind'],
  ])('is refused with %s', (_, given, path) => {
    const lines = coordinator({ ...etcd, ...given });
    expect(lines.map((line) => line.slice(0, line.indexOf(': ')))).toEqual([path]);
  });
});

describe('TLS', () => {
  const files = { ca: 'ca.pem', cert: '/etc/a.pem', key: 'a.key' };
  const reachable = { control: '10.0.0.1:7000' };

  test('gives each node its files in the folder, and a node with its own the ones it names', () => {
    const nodes = [voter, { id: 'b', listen: reachable, tls: files }];
    const config = checkConfig({ ...good, tls: { dir: 'certs' }, nodes }, folder);
    expect(config.tls).toEqual({ dir: join(folder, 'certs'), clientCertificates: 'optional' });
    expect(config.nodes.map(({ tls }) => tls)).toEqual([
      { ca: join(folder, 'certs/ca.crt'), cert: join(folder, 'certs/a.crt'), key: join(folder, 'certs/a.key') },
      { ca: join(folder, 'ca.pem'), cert: '/etc/a.pem', key: join(folder, 'a.key') },
    ]);
    expect(checkConfig(config, '/elsewhere')).toEqual(config);
  });

  test('lets ports listen beyond loopback; without it the error says how to get it', () => {
    expect(problems({ ...good, tls: { dir: 'certs' }, nodes: [{ ...voter, listen: reachable }] })).toEqual([]);
    expect(problems({ ...good, nodes: [{ ...voter, listen: reachable, tls: files }] })).toEqual([]);
    const [line] = problems({ ...good, nodes: [{ ...voter, listen: reachable }] });
    expect(line).toContain("run troupe certs and set tls: { dir: 'certs' }");
    expect(problems({ ...good, tls: {}, nodes: [{ ...voter, listen: reachable }] })).toHaveLength(1);
  });

  test('is for all nodes or for none', () => {
    expect(
      paths({
        ...good,
        nodes: [
          { ...voter, tls: files },
          { id: 'b', insecure: true },
        ],
      }),
    ).toEqual(['nodes[1].tls']);
  });

  test.each([
    ['a certificate without its key', { nodes: [{ ...voter, tls: { ca: 'ca', cert: 'c' } }] }, 'nodes[0].tls.key'],
    ['another word for clients', { tls: { clientCertificates: 'never' } }, 'tls.clientCertificates'],
  ])('is refused with %s', (_what, given, path) => {
    expect(paths({ ...good, ...given })).toEqual([path]);
  });

  test('without it a configuration is as it was', () => {
    const config = checkConfig(good, folder);
    expect('tls' in config || config.nodes.some((node) => 'tls' in node)).toBe(false);
  });
});

describe('pools of workers', () => {
  const pool = { name: 'spot', min: 1, max: 4 };
  const scaled = (...pools: unknown[]): unknown => ({ ...good, autoscale: { pools } });

  test('need a name, min and max; a worker is a node of its own with its pool as a label, and files of its own', () => {
    const config = checkConfig(
      { ...(scaled({ ...pool, worker: { labels: { capacity: 'spot' } } }) as typeof good), tls: { dir: 'certs' } },
      folder,
    );
    expect(config.autoscale?.pools[0]).toMatchObject({
      executor: { kind: 'local' },
      slack: 0.2,
      target: { open: 100 },
    });
    const again = checkConfig(JSON.parse(JSON.stringify(config)), '/elsewhere');
    const worker = withNode(again, 'spot-3').nodes.at(-1);
    expect(worker).toMatchObject({ id: 'spot-3', voter: false, labels: { capacity: 'spot', pool: 'spot' }, weight: 1 });
    expect(worker?.tls?.cert).toBe(join(folder, 'certs', 'spot-3.crt'));
    expect(withNode(config, 'a')).toBe(config);
    expect(() => withNode(config, 'other-1')).toThrow('no node "other-1"');
  });

  test.each([
    ['a pool twice', [pool, pool], 'autoscale.pools[1].name: "spot" is the name of another pool too'],
    ['max below min', [{ ...pool, min: 5 }], 'autoscale.pools[0].max: must be at least min (5)'],
    ['none', [], 'autoscale.pools: needs at least one pool'],
    ['an id of its own', [{ ...pool, worker: { id: 'x' } }], 'autoscale.pools[0].worker: "id" is not known here'],
    [
      'its own label',
      [{ ...pool, worker: { labels: { pool: 'x' } } }],
      'autoscale.pools[0].worker.labels.pool: is set',
    ],
    [
      'one port for many',
      [{ ...pool, worker: { listen: { api: '127.0.0.1:7000' } } }],
      'autoscale.pools[0].worker.listen.api: must have port 0',
    ],
    ['names that are beginnings', [pool, { ...pool, name: 'spot-big' }], '"spot-big" begins like the workers'],
    ['a name that no pod can have', [{ ...pool, name: 'spot-' }], 'autoscale.pools[0].name: must match'],
    [
      'a namespace that is a path',
      [{ ...pool, executor: { kind: 'kubernetes', namespace: 'a/b' } }],
      'autoscale.pools[0].executor.namespace: must match',
    ],
    [
      'an address that is none',
      [{ ...pool, executor: { kind: 'kubernetes', address: 'https://[x' } }],
      'autoscale.pools[0].executor.address: must be an address that can be parsed',
    ],
    ['an unknown executor', [{ ...pool, executor: { kind: 'nomad' } }], 'must be one of local, kubernetes'],
    ['a window without end', [{ ...pool, in: { windowMs: 1e9 } }], 'autoscale.pools[0].in.windowMs: '],
  ])('are refused with %s, in one line', (_what, pools, line) => {
    expect(problems(scaled(...pools))).toEqual([expect.stringContaining(line)]);
  });
});
