import type { NodeId } from '../../core/index.ts';

/** Whom a certificate names. */
export interface Identity {
  readonly cluster: string;
  readonly kind: 'node' | 'client';
  readonly name: NodeId;
}

const SPIFFE = /^URI:spiffe:\/\/([a-z][a-z0-9-]{0,31})\/(node|client)\/([a-z][a-z0-9.-]{0,62})$/;

/** The URI that a certificate carries for this identity; its form is SPIFFE's, with the cluster as the trust domain. */
export function identityUri({ cluster, kind, name }: Identity): string {
  return `spiffe://${cluster}/${kind}/${name}`;
}

/**
 * Whom a certificate names: exactly one URI, and of our form. That it may be believed is for others to check.
 *
 * @param subjectAltName as Node gives it, e.g. `URI:spiffe://demo/node/n1, DNS:localhost`. Node quotes a name that could be read
 * as two, and we write none such: with a quote in it nothing is believed.
 */
export function identityOf(subjectAltName: string | undefined): Identity | undefined {
  if (subjectAltName === undefined || subjectAltName.includes('"')) return undefined;
  const [uri, second] = subjectAltName.split(', ').filter((name) => name.startsWith('URI:'));
  const [, cluster, kind, name] = SPIFFE.exec(uri ?? '') ?? [];
  if (second !== undefined || cluster === undefined || name === undefined) return undefined;
  return { cluster, kind: kind as Identity['kind'], name };
}
