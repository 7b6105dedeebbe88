import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { initCertificates, issueCertificates } from '../../../src/node/certificate-folder.ts';
import { ManualClock } from '../../../src/testkit/index.ts';

const DAY_MS = 86_400_000;
const now = Date.parse('2026-01-02T03:04:05Z');
const clock = new ManualClock(now);
let dir: string;
const certificate = (name: string): X509Certificate => new X509Certificate(readFileSync(join(dir, `${name}.crt`)));
const mode = (file: string): number => statSync(join(dir, file)).mode & 0o777;

beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'troupe-certs-')), 'certs');
});
afterEach(() => rmSync(join(dir, '..'), { recursive: true, force: true }));

test('an authority signs for its cluster, for as long as it was told, and its key is for its owner only', async () => {
  await initCertificates(dir, 'demo', 10, clock);
  const ca = certificate('ca');
  expect(ca.ca).toBe(true);
  expect(ca.subjectAltName).toBe('URI:spiffe://demo');
  expect(ca.validToDate.getTime()).toBe(now + 10 * DAY_MS);
  expect(ca.validFromDate.getTime()).toBe(now - 300_000);
  expect([mode('ca.key'), mode('ca.crt')]).toEqual([0o600, 0o644]);
});

test('a second authority is refused, and the first is as it was', async () => {
  await initCertificates(dir, 'demo', 10, clock);
  const { fingerprint256 } = certificate('ca');
  await expect(initCertificates(dir, 'demo', 10, clock)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  rmSync(join(dir, 'ca.crt'));
  await expect(initCertificates(dir, 'demo', 10, clock)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  expect(readdirSync(dir)).toEqual(['ca.key']);
  expect(fingerprint256).not.toBe('');
});

test('a node has its identity first, then the names of its hosts; a client its identity only', async () => {
  await initCertificates(dir, 'demo', 10, clock);
  expect(await issueCertificates(dir, 'node', ['n1', 'n2'], ['db.example.org', '10.0.0.7'], 5, clock)).toBe('demo');
  await issueCertificates(dir, 'client', ['alice'], [], 5, clock);
  expect(certificate('n1').subjectAltName).toBe(
    'URI:spiffe://demo/node/n1, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:db.example.org, IP Address:10.0.0.7',
  );
  expect(certificate('alice').subjectAltName).toBe('URI:spiffe://demo/client/alice');
  const usage = { client: '1.3.6.1.5.5.7.3.2', server: '1.3.6.1.5.5.7.3.1' };
  expect(certificate('n1').keyUsage).toEqual([usage.client, usage.server]);
  expect(certificate('alice').keyUsage).toEqual([usage.client]);
  for (const name of ['n1', 'n2', 'alice']) {
    const issued = certificate(name);
    expect(issued.verify(certificate('ca').publicKey)).toBe(true);
    expect(issued.ca).toBe(false);
    expect(issued.validToDate.getTime()).toBe(now + 5 * DAY_MS);
    expect(mode(`${name}.key`)).toBe(0o600);
  }
  expect(certificate('n1').serialNumber).not.toBe(certificate('n2').serialNumber);
});

test('issuing again renews', async () => {
  await initCertificates(dir, 'demo', 10, clock);
  await issueCertificates(dir, 'node', ['n1'], [], 5, clock);
  const { fingerprint256 } = certificate('n1');
  await issueCertificates(dir, 'node', ['n1'], [], 5, clock);
  expect(certificate('n1').fingerprint256).not.toBe(fingerprint256);
  expect(readdirSync(dir).toSorted()).toEqual(['ca.crt', 'ca.key', 'n1.crt', 'n1.key']);
});

test('names that mean something else, and folders without an authority, are refused before anything is written', async () => {
  await expect(issueCertificates(dir, 'node', ['n1'], [], 5, clock)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(initCertificates(dir, 'De mo', 10, clock)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await initCertificates(dir, 'demo', 10, clock);
  for (const [name, host] of [
    ['ca', 'h'],
    ['../n1', 'h'],
    ['n1', 'a, URI:spiffe://demo/node/n2'],
  ] as const) {
    const issuing = issueCertificates(dir, 'node', ['n0', name], [host], 5, clock);
    await expect(issuing).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
  expect(readdirSync(dir).toSorted()).toEqual(['ca.crt', 'ca.key']);
});
