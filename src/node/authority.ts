// The library's registry of parts needs this polyfill, and needs it first.
import 'reflect-metadata';
import type { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { asTroupeError, TroupeError } from '../core/index.ts';
import { type Identity, identityUri } from '../remote/index.ts';

const KEYS = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const CLUSTER_URI = /^spiffe:\/\/([a-z][a-z0-9-]{0,31})$/;

/** A certificate and its private key, PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** When a certificate counts. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/**
 * Makes a cluster's certificate authority: ECDSA on P-256, self-signed, for signing certificates and nothing else.
 *
 * @param cluster name of the cluster; the authority's certificate keeps it
 */
export async function createAuthority(cluster: string, validity: Validity): Promise<KeyPair> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${cluster} certificate authority`,
    ...validity,
    signingAlgorithm: KEYS,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      new SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://${cluster}` }]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return pairOf(certificate, keys);
}

/**
 * Issues a certificate for a node (which listens and dials) or a client (which only dials).
 *
 * @param authority as `createAuthority` made it; its cluster becomes the certificate's
 * @param hosts DNS names and IP addresses, for clients that go by them; ours go by the identity
 * @throws TroupeError INVALID_CONFIGURATION when this is no authority of a cluster
 */
export async function issueCertificate(
  authority: KeyPair,
  { kind, name }: Omit<Identity, 'cluster'>,
  hosts: readonly string[],
  validity: Validity,
): Promise<KeyPair> {
  const { issuer, signingKey } = await open(authority);
  const keys = await generateKeys();
  const usages = [ExtendedKeyUsage.clientAuth, ...(kind === 'node' ? [ExtendedKeyUsage.serverAuth] : [])];
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: issuer.subject,
    ...validity,
    signingAlgorithm: KEYS,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension(usages),
      new SubjectAlternativeNameExtension([
        { type: 'url', value: identityUri({ cluster: clusterOf(authority.cert), kind, name }) },
        ...hosts.map((host) => ({ type: isIP(host) === 0 ? ('dns' as const) : ('ip' as const), value: host })),
      ]),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return pairOf(certificate, keys);
}

/**
 * The cluster whose authority this is.
 *
 * @param cert the authority's certificate, PEM
 * @throws TroupeError INVALID_CONFIGURATION
 */
export function clusterOf(cert: string): string {
  const names = new X509Certificate(cert).getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
  const cluster = names.map(({ value }) => CLUSTER_URI.exec(value)?.[1]).find((name) => name !== undefined);
  if (cluster !== undefined) return cluster;
  throw new TroupeError('INVALID_CONFIGURATION', 'this is no authority of a cluster; make one with troupe certs init');
}

async function open({ cert, key }: KeyPair): Promise<{ issuer: X509Certificate; signingKey: webcrypto.CryptoKey }> {
  try {
    const [bytes = new ArrayBuffer(0)] = PemConverter.decode(key);
    return {
      issuer: new X509Certificate(cert),
      signingKey: await crypto.subtle.importKey('pkcs8', bytes, KEYS, false, ['sign']),
    };
  } catch (error) {
    throw asTroupeError(error, 'INVALID_CONFIGURATION');
  }
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await crypto.subtle.generateKey(KEYS, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

async function pairOf(certificate: X509Certificate, keys: webcrypto.CryptoKeyPair): Promise<KeyPair> {
  const key = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { cert: `${certificate.toString('pem')}\n`, key: `${PemConverter.encode(key, 'PRIVATE KEY')}\n` };
}
