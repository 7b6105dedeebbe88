export type { TlsFiles } from './certificate-files.ts';
export { type Identity, identityOf, identityUri } from './identity.ts';
export { Tls, type TlsOptions } from './tls.ts';
export type { Expected } from './verdict.ts';
