import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Worker } from '../../../src/cluster/index.ts';
import type { NodeRecord } from '../../../src/coordinator/index.ts';
import { systemClock } from '../../../src/core/index.ts';
import { initCertificates, issueCertificates } from '../../../src/node/index.ts';
import { type KubernetesScale, kubernetesExecutor, RECOUNT_MS } from '../../../src/node/kubernetes-executor.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';
import { Cloud, type Reply, until } from '../cluster/preemption/cloud.ts';
import { ApiServer, status, TOKEN } from './api-server.ts';

const NOW = new AbortController().signal;
const PATH = '/apis/apps/v1/namespaces/work/statefulsets/spot/scale';

let cloud: Cloud;
let server: ApiServer;
let clock: ManualClock;
let account: string;
beforeEach(async () => {
  account = mkdtempSync(join(tmpdir(), 'troupe-account-'));
  mkdirSync(account, { recursive: true });
  writeFileSync(join(account, 'token'), `${TOKEN}\n`);
  writeFileSync(join(account, 'namespace'), 'work');
  cloud = await Cloud.start();
  server = new ApiServer();
  cloud.answer = server.answer;
  clock = new ManualClock();
});
afterEach(async () => {
  await cloud[Symbol.asyncDispose]();
  rmSync(account, { recursive: true });
});

function executor(more: Partial<KubernetesScale> = {}) {
  const options = { resource: 'statefulset', name: 'spot', firstOrdinal: 0, address: cloud.address, account } as const;
  return kubernetesExecutor({ ...options, ...more }, clock);
}

const workers = (...ids: string[]): Worker[] => ids.map((node, i) => ({ node: { node } as NodeRecord, open: i }));

describe('a StatefulSet', () => {
  test('is counted seldom, and scaled by its scale subresource with all of what was read', async () => {
    const scale = executor();
    expect(await scale.count(NOW)).toBe(3);
    expect(await scale.count(NOW)).toBe(3);
    expect(cloud.requests).toHaveLength(1);
    expect(cloud.requests[0]).toMatchObject({ method: 'GET', path: PATH });
    await scale.resize(5, NOW);
    expect(server.replicas).toBe(5);
    const [put] = cloud.asked(PATH, 'PUT');
    expect(put?.headers['content-type']).toBe('application/json');
    expect(JSON.parse(put?.body ?? '')).toMatchObject({
      metadata: { namespace: 'work', uid: '5e1c7a6e-0c3b-4f7e-9a44-3a8f6f0d9c11', resourceVersion: '100' },
      spec: { replicas: 5 },
    });
    expect(await scale.count(NOW)).toBe(5);
    server.replicas = 0;
    await clock.advance(RECOUNT_MS);
    expect(await scale.count(NOW)).toBe(0);
  });

  test('that has the size already is not written to', async () => {
    await executor().resize(3, NOW);
    expect(cloud.asked(PATH, 'PUT')).toEqual([]);
  });

  test('loses its highest ordinal, wherever its ordinals begin; a pod that is no worker needs no drain', () => {
    const all = workers('spot-0', 'spot-1', 'spot-10', 'spot-2');
    expect(executor().leaver(all, 11)?.node).toBe('spot-10');
    expect(executor().leaver(all, 3)?.node).toBe('spot-2');
    expect(executor({ firstOrdinal: 8 }).leaver(all, 3)?.node).toBe('spot-10');
    expect(executor().leaver(all, 5)).toBeUndefined();
    expect(executor().choose).toBeUndefined();
  });

  test('that somebody else scales is not overruled unheard: before the write, nor in the moment of it', async () => {
    const scale = executor();
    await scale.count(NOW);
    server.replicas = 9;
    await expect(scale.resize(4, NOW)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await scale.count(NOW)).toBe(9);
    server.beforePut = () => {
      server.replicas = 7;
      server.version++;
    };
    await expect(scale.resize(4, NOW)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('the object has been modified'),
    });
    server.beforePut = () => undefined;
    expect(await scale.count(NOW)).toBe(7);
    await scale.resize(4, NOW);
    expect(server.replicas).toBe(4);
  });

  test('is asked with the token as it is now', async () => {
    const scale = executor();
    await scale.count(NOW);
    server.token = 'second-token';
    await clock.advance(RECOUNT_MS);
    await expect(scale.count(NOW)).rejects.toMatchObject({ message: expect.stringContaining('token') });
    writeFileSync(join(account, 'token'), 'second-token');
    expect(await scale.count(NOW)).toBe(3);
  });
});

describe('a Deployment', () => {
  test('has the pod of the least loaded worker marked, so that it goes first', async () => {
    const scale = executor({ resource: 'deployment', namespace: 'work' });
    const leaver = scale.leaver(workers('spot-7c9-abcde', 'spot-7c9-fghij'), 2);
    expect(leaver?.node).toBe('spot-7c9-abcde');
    expect(scale.leaver(workers('spot-7c9-abcde'), 2), 'a pod that is not up goes first').toBeUndefined();
    await scale.choose?.(leaver as NodeRecord, NOW);
    const mark = (): { readonly pod: string | undefined; readonly cost: number } => {
      const [pod, cost] = server.annotated.at(-1)?.split(' ') ?? [];
      return { pod, cost: Number(cost) };
    };
    const first = mark();
    expect(first.pod).toBe('spot-7c9-abcde');
    expect(first.cost).toBeLessThan(0);
    // Wanted after all, it keeps its mark; the next one that is to go must go before it.
    await clock.advance(1_000);
    await scale.choose?.({ node: 'spot-7c9-fghij' } as NodeRecord, NOW);
    expect(mark().pod).toBe('spot-7c9-fghij');
    expect(mark().cost).toBeLessThan(first.cost);
    expect(mark().cost).toBeGreaterThan(-(2 ** 31));
    await scale.count(NOW);
    expect(cloud.requests.at(-1)?.path).toBe('/apis/apps/v1/namespaces/work/deployments/spot/scale');
  });
});

test('an API server is believed when its certificate comes from the authority of the account, and only then', async () => {
  const files = join(account, 'certificates');
  mkdirSync(files);
  await initCertificates(files, 'c', 1, systemClock);
  await issueCertificates(files, 'node', ['api'], [], 1, systemClock);
  const pem = (name: string): string => readFileSync(join(files, name), 'utf8');
  await using secure = await Cloud.start({ cert: pem('api.crt'), key: pem('api.key') });
  secure.answer = server.answer;
  const scale = executor({ address: secure.address });
  await expect(scale.count(NOW)).rejects.toMatchObject({ message: expect.stringContaining('ca.crt') });
  writeFileSync(join(account, 'ca.crt'), pem('ca.crt'));
  expect(await scale.count(NOW)).toBe(3);
  await initCertificates(join(account, 'foreign'), 'c', 1, systemClock);
  writeFileSync(join(account, 'ca.crt'), readFileSync(join(account, 'foreign', 'ca.crt')));
  await expect(scale.resize(4, NOW)).rejects.toMatchObject({ code: 'NODE_UNAVAILABLE' });
  expect(server.replicas).toBe(3);
});

const BAD: readonly (readonly [string, Reply, string, string])[] = [
  ['401', status(401, 'Unauthorized', 'Unauthorized'), 'PROTOCOL_VIOLATION', 'token'],
  ['403', status(403, 'Forbidden', 'statefulsets.apps "spot" is forbidden'), 'PROTOCOL_VIOLATION', 'is forbidden'],
  ['404', status(404, 'NotFound', 'statefulsets.apps "spot" not found'), 'PROTOCOL_VIOLATION', 'not found'],
  ['429', { status: 429, headers: { 'retry-after': '7' } }, 'OVERLOADED', '429'],
  ['500', status(500, 'InternalError', 'etcdserver: request timed out'), 'NODE_UNAVAILABLE', '500'],
  ['503', { status: 503, body: 'no endpoints' }, 'NODE_UNAVAILABLE', '503'],
  ['garbage', { status: 200, body: '<html>' }, 'PROTOCOL_VIOLATION', 'no Scale'],
  ['another kind', { status: 200, body: '{"kind":"Status","status":"Success"}' }, 'PROTOCOL_VIOLATION', 'no Scale'],
  ['a redirect', { status: 302, headers: { location: '/elsewhere' } }, 'PROTOCOL_VIOLATION', '302'],
  ['a broken connection', 'cut', 'NODE_UNAVAILABLE', ''],
  ['half an answer', 'cut in the middle', 'NODE_UNAVAILABLE', ''],
  ['far too much', { status: 200, body: ' '.repeat(70_000) }, 'MESSAGE_TOO_LARGE', ''],
];

test.each(BAD)('an API server that answers with %s is in trouble, and gets well', async (_what, reply, code, says) => {
  const scale = executor();
  server.misdeed = reply;
  for (const asked of [scale.count(NOW), scale.resize(4, NOW)]) {
    await expect(asked).rejects.toMatchObject({ code, message: expect.stringContaining(says) });
  }
  if (code === 'OVERLOADED') await expect(scale.count(NOW)).rejects.toMatchObject({ data: { retryAfterMs: 7_000 } });
  server.misdeed = undefined;
  expect(await scale.count(NOW)).toBe(3);
});

test('an API server that hangs is given up, and so is one that is not there, and an account that is not', async () => {
  const scale = executor();
  server.misdeed = 'hang';
  const asked = scale.count(NOW);
  const gaveUp = expect(asked).rejects.toMatchObject({ code: 'TIMEOUT' });
  await until('it was asked', () => cloud.requests.length > 0);
  await clock.advance(2_000);
  await gaveUp;
  await expect(executor({ address: 'http://127.0.0.1:1' }).count(NOW)).rejects.toMatchObject({
    code: 'NODE_UNAVAILABLE',
  });
  await expect(executor({ account: '/nowhere' }).count(NOW)).rejects.toMatchObject({ code: 'NODE_UNAVAILABLE' });
});
