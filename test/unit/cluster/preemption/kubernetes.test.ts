import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchMetadata, kubernetesSources, type PreemptionSource } from '../../../../src/cluster/index.ts';
import { parseTaints } from '../../../../src/cluster/preemption/kubernetes.ts';
import { systemClock } from '../../../../src/core/index.ts';
import { initCertificates, issueCertificates } from '../../../../src/node/index.ts';
import { Cloud, Station, until } from './cloud.ts';
import { bearsTrouble } from './troubles.ts';

const POLL_MS = 5_000;
const ITN = 'aws-node-termination-handler/spot-itn';
let account: string;

beforeAll(() => {
  account = mkdtempSync(join(tmpdir(), 'troupe-account-'));
  writeFileSync(join(account, 'token'), 'first-token\n');
});
afterAll(() => rmSync(account, { recursive: true, force: true }));

/** What the API server says of a node, as far as it matters here. */
const node = (...keys: readonly string[]): string =>
  JSON.stringify({
    kind: 'Node',
    apiVersion: 'v1',
    metadata: { name: 'ip-10-0-0-1' },
    spec: {
      providerID: 'aws:///eu-central-1a/i-0123',
      ...(keys.length === 0 ? {} : { taints: keys.map((key) => ({ key, effect: 'NoSchedule' })) }),
    },
    status: {},
  });

function sources(address: string, { clock, random }: Station): PreemptionSource[] {
  return kubernetesSources(
    { graceMs: 30_000, nodeName: 'ip-10-0-0-1', address, account },
    clock,
    random,
    fetchMetadata,
  );
}
const taintsOnly = (address: string, station: Station): PreemptionSource[] => sources(address, station).slice(1);

describe('Kubernetes', () => {
  test('takes SIGTERM for a final notice with the grace of the pod; without a node’s name that is all', () => {
    const { clock, random } = new Station();
    const options = { graceMs: 15_000, address: 'http://127.0.0.1:1', account };
    const [source, ...more] = kubernetesSources(options, clock, random, fetchMetadata);
    expect(more).toEqual([]);
    const said: unknown[] = [];
    const watch = source?.start({ standing: (notices) => said.push(notices), trouble: () => undefined });
    process.emit('SIGTERM');
    watch?.stop();
    expect(said).toEqual([[{ id: 'SIGTERM', kind: 'final', reason: 'SIGTERM', leftMs: 15_000 }]]);
  });

  test('takes taints that say the node will go for advice, with the token of the account as it is now', async () => {
    await using cloud = await Cloud.start();
    using station = new Station();
    const keys = ['node.kubernetes.io/not-ready'];
    cloud.answer = () => ({ status: 200, body: node(...keys) });
    station.listen(...taintsOnly(cloud.address, station));
    const ear = station.ear('kubernetes taints');
    await until('the first look', () => ear.looks > 0);
    expect(ear.notices).toEqual([]);
    keys.push(ITN, 'karpenter.sh/disrupted');
    writeFileSync(join(account, 'token'), 'second-token');
    await station.step(POLL_MS);
    expect(ear.notices).toEqual([
      { id: ITN, kind: 'advisory', reason: `taint: ${ITN}` },
      { id: 'karpenter.sh/disrupted', kind: 'advisory', reason: 'taint: karpenter.sh/disrupted' },
    ]);
    keys.splice(0);
    await station.step(POLL_MS);
    expect(ear.notices).toEqual([]);
    const asked = cloud.asked('/api/v1/nodes/ip-10-0-0-1').map(({ headers }) => headers.authorization);
    expect(asked).toEqual(['Bearer first-token', 'Bearer second-token', 'Bearer second-token']);
  });

  test('believes only a server whose certificate comes from the account’s authority', async () => {
    const folders = ['own', 'foreign'].map((name) => join(account, name));
    for (const folder of folders) {
      mkdirSync(folder);
      await initCertificates(folder, 'c', 1, systemClock);
      writeFileSync(join(folder, 'token'), 'token');
    }
    const [own = ''] = folders;
    await issueCertificates(own, 'node', ['api'], [], 1, systemClock);
    const pem = (name: string): string => readFileSync(join(own, name), 'utf8');
    await using cloud = await Cloud.start({ cert: pem('api.crt'), key: pem('api.key') });
    cloud.answer = () => ({ status: 200, body: node(ITN) });
    using station = new Station();
    const { clock, random } = station;
    for (const folder of folders) {
      const options = { graceMs: 30_000, nodeName: 'n', address: cloud.address, account: folder };
      station.listen(...kubernetesSources(options, clock, random, fetchMetadata).slice(1));
    }
    await until('both have looked', () => station.ears.every(({ looks }) => looks > 0));
    expect(station.ears.map(({ code, notices }) => [code, notices?.length])).toEqual([
      [undefined, 1],
      ['NODE_UNAVAILABLE', undefined],
    ]);
    expect(cloud.requests).toHaveLength(1);
  });

  test('is in trouble, not at peace, when the account can’t be read or the node isn’t known', async () => {
    await using cloud = await Cloud.start();
    using station = new Station();
    const { clock, random } = station;
    const options = { graceMs: 30_000, nodeName: 'n', address: cloud.address, account: join(account, 'gone') };
    station.listen(...kubernetesSources(options, clock, random, fetchMetadata).slice(1));
    station.listen(...taintsOnly(cloud.address, station));
    await until('both have looked', () => station.ears.every(({ looks }) => looks > 0));
    expect(station.ears.map(({ code, notices }) => [code, notices])).toEqual([
      ['NODE_UNAVAILABLE', undefined],
      ['PROTOCOL_VIOLATION', undefined],
    ]);
  });

  test.each(['{}', '{"spec":[]}', '{"spec":{"taints":{}}}', '{"spec":{"taints":[{}]}}'])(
    'takes %s for no node',
    (body) => {
      expect(() => parseTaints(body)).toThrow(expect.objectContaining({ code: 'PROTOCOL_VIOLATION' }));
    },
  );

  describe('in trouble', () => {
    bearsTrouble({ sources: taintsOnly, well: () => ({ status: 200, body: node(ITN) }), pauseMs: 5_600 });
  });
});
