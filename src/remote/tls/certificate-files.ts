import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import { asTroupeError, type Clock, errorMessage, type Logger, TroupeError } from '../../core/index.ts';
import { type Identity, identityOf, identityUri } from './identity.ts';

/** The files are looked at when a connection is made, but not more often than this, ms. */
const LOOK_MS = 1_000;
/** From when on a certificate is said to end, ms. */
const SOON_MS = 14 * 86_400_000;

/** Paths of PEM files. Only a client may be without certificate and key. */
export interface TlsFiles {
  /** Certificates of the authorities that are believed. */
  readonly ca: string;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** What was in the files. */
export interface Certificates {
  readonly ca: Buffer;
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
  readonly context: SecureContext;
  /** When ours ends, ms since 1970. */
  readonly endsAt: number;
}

/** What reading certificates takes. */
export interface CertificateFilesOptions {
  readonly files: TlsFiles;
  /** Whom our own certificate must name; undefined leaves that to those we call. */
  readonly self: Identity | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Our certificate, its key and whom we believe, as the files have them now. There is no timer and nothing to close: whoever
 * makes a connection asks, and a change is found then. While the files don't fit together (one is replaced before the
 * other) or hold what nobody would accept, the last good ones stay.
 */
export class CertificateFiles {
  readonly #options: CertificateFilesOptions;
  #current: Certificates;
  #stamp: string;
  #lookedAt: number;
  #complaint = '';
  /** The certificate whose end has been told of. */
  #ending: Certificates | undefined;

  /** @throws TroupeError INVALID_CONFIGURATION (not readable, no pair, expired), IDENTITY_MISMATCH (it names another) */
  constructor(options: CertificateFilesOptions) {
    this.#options = options;
    this.#lookedAt = options.clock.monotonic();
    this.#stamp = this.#stampNow();
    this.#current = this.#read();
  }

  current(): Certificates {
    const { clock, logger, files } = this.#options;
    if (clock.monotonic() - this.#lookedAt < LOOK_MS) return this.#current;
    this.#lookedAt = clock.monotonic();
    this.#renew();
    const { endsAt } = this.#current;
    if (endsAt - clock.now() < SOON_MS && this.#ending !== this.#current) {
      this.#ending = this.#current;
      logger.warn('certificate ends soon; run troupe certs issue', {
        file: files.cert,
        at: new Date(endsAt).toISOString(),
      });
    }
    return this.#current;
  }

  #renew(): void {
    const { logger, files } = this.#options;
    try {
      const stamp = this.#stampNow();
      if (stamp === this.#stamp) return;
      this.#current = this.#read();
      this.#stamp = stamp;
      this.#complaint = '';
      logger.info('certificates read again', { file: files.cert ?? files.ca });
    } catch (error) {
      // Said once: the next look may find the other file replaced too.
      if (this.#complaint !== errorMessage(error)) logger.warn('new certificates are not used', { error });
      this.#complaint = errorMessage(error);
    }
  }

  /** Changes whenever a file does. */
  #stampNow(): string {
    const { ca, cert, key } = this.#options.files;
    return [ca, cert, key]
      .filter((file) => file !== undefined)
      .map((file) => {
        try {
          const { mtimeNs, ino, size } = statSync(file, { bigint: true });
          return `${ino} ${size} ${mtimeNs}`;
        } catch (error) {
          throw unreadable(file, error);
        }
      })
      .join('|');
  }

  #read(): Certificates {
    const { files, self, clock } = this.#options;
    const [ca, cert, key] = [read(files.ca), read(files.cert), read(files.key)];
    const address = files.cert ?? files.ca;
    try {
      const context = createSecureContext({ ca, cert, key });
      if (cert === undefined) return { ca, cert, key, context, endsAt: Number.POSITIVE_INFINITY };
      const own = new X509Certificate(cert);
      checkOwn(own, self, clock.now(), address);
      return { ca, cert, key, context, endsAt: own.validToDate.getTime() };
    } catch (error) {
      throw asTroupeError(error, 'INVALID_CONFIGURATION', { address });
    }
  }
}

/** A node that nobody would believe had better not start. */
function checkOwn(own: X509Certificate, self: Identity | undefined, nowMs: number, address: string): void {
  if (own.validToDate.getTime() <= nowMs) {
    const message = `${address} expired at ${own.validToDate.toISOString()}; run troupe certs issue`;
    throw new TroupeError('INVALID_CONFIGURATION', message, { address });
  }
  if (self === undefined) return;
  const named = identityOf(own.subjectAltName);
  if (named !== undefined && identityUri(named) === identityUri(self)) return;
  const said = named === undefined ? 'names no node' : `is for ${identityUri(named)}`;
  throw new TroupeError('IDENTITY_MISMATCH', `${address} ${said}, not for ${identityUri(self)}`, { address });
}

function read(file: string): Buffer;
function read(file: string | undefined): Buffer | undefined;
function read(file: string | undefined): Buffer | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file);
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, cause: unknown): TroupeError {
  const message = `${file} can't be read (${errorMessage(cause)}); run troupe certs init and troupe certs issue`;
  return new TroupeError('INVALID_CONFIGURATION', message, { address: file, cause });
}
