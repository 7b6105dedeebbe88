import type { TLSSocket } from 'node:tls';
import { type Identity, identityOf, identityUri } from './identity.ts';

/** Who the other side of a connection must be. */
export interface Expected {
  /** Undefined: whatever our authority vouches for. */
  readonly cluster: string | undefined;
  readonly kinds: readonly Identity['kind'][];
  /** The one that it must be; undefined allows anyone of these kinds. */
  readonly name?: string | undefined;
  /** Whether it may come without a certificate. A bad one is refused all the same. */
  readonly anonymous?: boolean;
}

/** Why a peer is turned away. */
export interface Refusal {
  readonly reason: string;
  /** What its certificate says, whether or not that can be believed. */
  readonly certificate: string;
  readonly expected: string;
}

/** How much of a certificate that isn't ours is worth telling, characters. */
const SUBJECT_MAX = 200;

/**
 * Judges what the other side of a TLS connection has proved, the same way for those who call us and those we call. Host
 * names don't matter: the identity does.
 *
 * @returns undefined when it is who it must be
 */
export function refusalOf(socket: TLSSocket, expected: Expected): Refusal | undefined {
  const certificate = socket.getPeerX509Certificate();
  const { cluster, kinds, name } = expected;
  if (certificate === undefined && expected.anonymous) return undefined;
  const named = identityOf(certificate?.subjectAltName);
  const refusal = (reason: string): Refusal => ({
    reason,
    certificate: named === undefined ? (certificate?.subject ?? 'none').slice(0, SUBJECT_MAX) : identityUri(named),
    expected: expectedText(expected),
  });
  if (certificate === undefined) return refusal('no certificate');
  if (!socket.authorized) return refusal(reasonOf(String(socket.authorizationError), certificate.validTo));
  const fits =
    named !== undefined &&
    (cluster ?? named.cluster) === named.cluster &&
    (name ?? named.name) === named.name &&
    kinds.includes(named.kind);
  return fits ? undefined : refusal('another identity');
}

/** Who is expected, for a log line. */
export function expectedText({ cluster = '*', kinds, name = '*' }: Expected): string {
  return `spiffe://${cluster}/${kinds.join('|')}/${name}`;
}

function reasonOf(code: string, validTo: string): string {
  if (code.includes('CERT_HAS_EXPIRED')) return `expired at ${validTo}`;
  if (/SELF_SIGNED|UNABLE_TO_(VERIFY|GET)/.test(code)) return `from a foreign authority (${code})`;
  return code;
}
