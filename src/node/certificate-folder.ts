import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { type Clock, errorMessage, TroupeError } from '../core/index.ts';
import type { Identity } from '../remote/index.ts';
import type { KeyPair, Validity } from './authority.ts';
import { CLUSTER_NAME, NODE_ID } from './config.ts';
import { makeFolder } from './make-folder.ts';
import { filesIn } from './tls-config.ts';

const DAY_MS = 86_400_000;
/** A certificate counts from a little before it was made: machines' clocks differ, ms. */
const SKEW_MS = 300_000;
const HOST = /^[A-Za-z0-9*][A-Za-z0-9.-]{0,252}$/;
/** Names that say this machine, whatever else it is called. */
const LOCAL = ['localhost', '127.0.0.1', '::1'];

/**
 * Makes the certificate authority of a cluster: `ca.crt` for every machine, `ca.key` for nobody but who issues.
 *
 * @param days how long it counts
 * @throws TroupeError ALREADY_EXISTS, INVALID_ARGUMENT (no name of a cluster), INVALID_CONFIGURATION (the folder can't be used)
 */
export async function initCertificates(dir: string, cluster: string, days: number, clock: Clock): Promise<void> {
  checkName(cluster, CLUSTER_NAME);
  const { cert, key } = filesIn(dir, 'ca');
  const taken = [cert, key].find((file) => existsSync(file));
  if (taken !== undefined) {
    const message = `${taken} is there already; whoever has its certificates would no longer be believed`;
    throw new TroupeError('ALREADY_EXISTS', message, { address: taken });
  }
  const { createAuthority } = await library();
  write(dir, 'ca', await createAuthority(cluster, validity(days, clock)));
}

/**
 * Issues certificates, `NAME.crt` and `NAME.key`, or renews them: nodes that run take them up by themselves.
 *
 * @param hosts DNS names and addresses beside this machine's own
 * @returns the cluster they are for
 * @throws TroupeError NOT_FOUND (no authority here), INVALID_ARGUMENT (no name of a node), INVALID_CONFIGURATION
 */
export async function issueCertificates(
  dir: string,
  kind: Identity['kind'],
  names: readonly string[],
  hosts: readonly string[],
  days: number,
  clock: Clock,
): Promise<string> {
  for (const name of names) {
    checkName(name, NODE_ID);
    if (name === 'ca') throw new TroupeError('INVALID_ARGUMENT', '"ca" is the name of the authority\'s files');
  }
  for (const host of hosts) if (isIP(host) === 0) checkName(host, HOST);
  const authority = readAuthority(dir);
  const { clusterOf, issueCertificate } = await library();
  const all = kind === 'node' ? [...new Set([...LOCAL, ...hosts])] : hosts;
  for (const name of names) {
    write(dir, name, await issueCertificate(authority, { kind, name }, all, validity(days, clock)));
  }
  return clusterOf(authority.cert);
}

/** Only these commands need it, and it is large. */
function library(): Promise<typeof import('./authority.ts')> {
  return import('./authority.ts');
}

function readAuthority(dir: string): KeyPair {
  const { cert, key } = filesIn(dir, 'ca');
  try {
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  } catch (error) {
    const message = `there is no authority in ${dir} (${errorMessage(error)}); make one with troupe certs init`;
    throw new TroupeError('NOT_FOUND', message, { address: dir, cause: error });
  }
}

function validity(days: number, clock: Clock): Validity {
  const now = clock.now();
  return { notBefore: new Date(now - SKEW_MS), notAfter: new Date(now + days * DAY_MS) };
}

function checkName(name: string, form: RegExp): void {
  if (!form.test(name)) throw new TroupeError('INVALID_ARGUMENT', `"${name}" must match ${form}`, { address: name });
}

/** Each file whole or not at all; only its owner reads a key. */
function write(dir: string, name: string, pair: KeyPair): void {
  const { cert, key } = filesIn(dir, name);
  try {
    makeFolder(dir);
    for (const [file, text, mode] of [
      [key, pair.key, 0o600],
      [cert, pair.cert, 0o644],
    ] as const) {
      writeFileSync(`${file}.new`, text, { mode, flush: true });
      renameSync(`${file}.new`, file);
    }
  } catch (error) {
    const message = `${dir} can't be written (${errorMessage(error)})`;
    throw new TroupeError('INVALID_CONFIGURATION', message, { address: dir, cause: error });
  }
}
