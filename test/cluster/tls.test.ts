import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { Cluster } from 'troupe';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { account } from './agents.ts';
import { eventually, FIVE, Sandbox, THREE } from './harness.ts';
import { PlainClient } from './plain-client.ts';
import { troupe } from './processes.ts';

const box = new Sandbox();
const certs = join(box.folder, 'certs');
const at = (file: string): string => join(certs, file);
const issue = (...args: string[]) => troupe('certs', 'issue', '--dir', certs, ...args);

beforeAll(async () => {
  const made = await troupe('certs', 'init', '--dir', certs, '--cluster', 'test');
  expect(made).toMatchObject({ code: 0, stderr: '' });
  expect(await issue(...FIVE.map(({ id }) => id))).toMatchObject({ code: 0, stderr: '' });
});
afterAll(() => box[Symbol.asyncDispose]());

test('the licence audit runs with all its chaos on nodes that speak TLS only', async () => {
  const config = join(box.folder, 'cluster.config.ts');
  writeFileSync(config, `export default ${JSON.stringify({ name: 'test', nodes: FIVE, tls: { dir: 'certs' } })}`);
  const args = ['examples/licence-audit/job.ts', '--config', config, '--chaos', 'preempt,kill-leader', '--json'];
  const { code, stdout, stderr } = await troupe('run', ...args);
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ lost: 0, repeated: 0 });
});

test('clients need what the cluster asks for, and new certificates are taken up while it works', async () => {
  const cluster = await box.start(THREE, { tls: { dir: certs, clientCertificates: 'required' } });
  const [api = ''] = (await cluster.status()).view.nodes.map(({ addresses }) => addresses.api);
  const add = (by: number) => cluster.agent(account, 'a').ask('add', by);
  expect(await add(1)).toBe(1);

  // On this machine the folder says all; from elsewhere it takes the authority, and a certificate.
  const status = (...args: string[]) => troupe('status', '--json', ...args);
  const elsewhere = join(box.folder, 'elsewhere');
  await troupe('certs', 'init', '--dir', elsewhere, '--cluster', 'test');
  const [here, clear, anonymous, misled] = await Promise.all([
    status('--cluster', box.folder),
    status('--api', api),
    status('--api', api, '--tls', certs),
    status('--api', api, '--tls', elsewhere),
  ]);
  expect([here, clear, anonymous, misled].map(({ code }) => code)).toEqual([0, 1, 1, 1]);
  expect(misled.stderr.match(/peer refused, .*foreign authority.*spiffe:\/\/test\/node\/node-/g)).toHaveLength(1);
  expect(await issue('--client', 'client')).toMatchObject({ code: 0 });
  expect(await status('--api', api, '--tls', certs)).toMatchObject({ code: 0 });
  const tls = { ca: at('ca.crt'), cert: at('client.crt'), key: at('client.key') };
  for (const place of [{ folder: box.folder }, { addresses: [api], tls }]) {
    await using client = Cluster.connect(place);
    expect((await client.status()).cluster).toBe('test');
  }
  // A client in another language goes by host names.
  const [ca, key, cert] = [tls.ca, tls.key, tls.cert].map((file) => readFileSync(file));
  using plain = PlainClient.troupe(api, credentials.createSsl(ca, key, cert));
  expect(await plain.call('GetStatus', {})).toMatchObject({ cluster: 'test' });
  const refusals = readdirSync(join(box.folder, 'logs')).flatMap((file) =>
    readFileSync(join(box.folder, 'logs', file), 'utf8')
      .split('\n')
      .filter((line) => line.includes('peer refused')),
  );
  expect(refusals.every((line) => /no certificate|no TLS handshake/.test(line))).toBe(true);
  expect(refusals.length).toBeGreaterThan(0);

  // New ones for everybody. A killed node comes back and everyone dials it anew, under traffic.
  expect(await issue(...THREE.map(({ id }) => id))).toMatchObject({ code: 0 });
  let total = 1;
  let going = true;
  const traffic = (async () => {
    while (going) expect(await add(1)).toBe(++total);
  })();
  cluster.node('node-3').signal('SIGKILL');
  await eventually('both others have read their certificates again', () =>
    ['node-1', 'node-2'].every((node) => box.log(node).includes('certificates read again')) ? true : undefined,
  );
  await eventually('node-3 is back', async () =>
    (await cluster.status()).view.nodes.find(({ node, state }) => node === 'node-3' && state === 'up'),
  );
  const seen = total;
  await eventually('traffic goes on', () => (total > seen + 5 ? true : undefined));
  going = false;
  await traffic;
});
