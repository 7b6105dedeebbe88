import { describe, expect, test } from 'vitest';
import { identityOf, identityUri } from '../../../../src/remote/tls/index.ts';

describe('the identity in a certificate', () => {
  test.each(['node', 'client'] as const)('is what was put into it: %s', (kind) => {
    const identity = { cluster: 'demo-1', kind, name: 'spot-1.zone-a' };
    expect(identityUri(identity)).toBe(`spiffe://demo-1/${kind}/spot-1.zone-a`);
    expect(identityOf(`DNS:localhost, URI:${identityUri(identity)}, IP Address:127.0.0.1`)).toEqual(identity);
  });

  test.each([
    ['no names', undefined],
    ['no URI', 'DNS:spiffe, IP Address:127.0.0.1'],
    ['two URIs', 'URI:spiffe://demo/node/n1, URI:spiffe://demo/node/n2'],
    ['a URI of ours and another', 'URI:https://example.org/, URI:spiffe://demo/node/n1'],
    ['another scheme', 'URI:https://demo/node/n1'],
    ['another kind', 'URI:spiffe://demo/ca/n1'],
    ['more behind it', 'URI:spiffe://demo/node/n1/n2'],
    ['a name that is none', 'URI:spiffe://demo/node/N1'],
    // What Node makes of one DNS name with commas in it.
    ['a name that reads like several', 'DNS:"x, URI:spiffe://demo/node/n1, y"'],
  ])('is nobody with %s', (_what, names) => {
    expect(identityOf(names)).toBeUndefined();
  });
});
