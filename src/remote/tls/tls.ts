import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { connect, createServer, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { type Clock, errorMessage, type Logger, type NodeId, TroupeError } from '../../core/index.ts';
import { type Listener, listenAt } from '../listen.ts';
import { CertificateFiles, type Certificates, type TlsFiles } from './certificate-files.ts';
import { Refusals } from './refusals.ts';
import { type Expected, expectedText, type Refusal, refusalOf } from './verdict.ts';

/** A caller that hasn't shaken hands after this long is given up, ms. */
const HANDSHAKE_MS = 5_000;
const ALPN = ['h2'];

/** What TLS is made of. */
export interface TlsOptions {
  readonly files: TlsFiles;
  /** The cluster that peers must belong to. A client that was only told an address may not know it. */
  readonly cluster?: string | undefined;
  /** This node, which our certificate must name; undefined for clients. */
  readonly node?: NodeId;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * How a process proves who it is and checks whom it talks to, on all its ports. Certificates are looked at when a connection is
 * made: new files count from the next one on, and connections that are there stay.
 */
export class Tls {
  readonly cluster: string | undefined;
  readonly #files: CertificateFiles;
  readonly #refusals: Refusals;

  /** @throws TroupeError INVALID_CONFIGURATION, IDENTITY_MISMATCH when our certificate names another node */
  constructor({ files, cluster, node, clock, logger }: TlsOptions) {
    this.cluster = cluster;
    const self =
      node === undefined || cluster === undefined ? undefined : ({ cluster, kind: 'node', name: node } as const);
    this.#files = new CertificateFiles({ files, self, clock, logger });
    this.#refusals = new Refusals(clock, logger);
  }

  /**
   * Listens, and hands over the connections of those who are welcome.
   *
   * @throws TroupeError PORT_IN_USE, or INVALID_CONFIGURATION when the address can't be bound at all
   */
  listen(address: string, expected: Expected, onConnection: (socket: TLSSocket) => void): Promise<Listener> {
    let used = this.#files.current();
    const listener = createServer({
      ...serverContext(used),
      ALPNProtocols: ALPN,
      requestCert: true,
      // We turn away ourselves, before a byte is read: here the certificate can still be told of.
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_MS,
      noDelay: true,
    });
    listener.prependListener('connection', () => {
      const current = this.#files.current();
      if (current === used) return;
      used = current;
      listener.setSecureContext(serverContext(current));
    });
    listener.on('secureConnection', (socket) => {
      socket.on('error', () => socket.destroy());
      if (this.#refuse('from', remoteOf(socket), socket, expected) === undefined) onConnection(socket);
    });
    listener.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      // Who hangs up was not refused by us: health checks do so.
      if (error.code === 'ECONNRESET') return;
      const reason = `no TLS handshake (${error.code ?? error.message})`;
      this.#refusals.tell('from', remoteOf(socket), { reason, certificate: 'none', expected: expectedText(expected) });
    });
    return listenAt(listener, address);
  }

  /**
   * Makes a connection a TLS one, with us as its client.
   *
   * @throws TroupeError IDENTITY_MISMATCH when the server isn't who it must be, NODE_UNAVAILABLE when there is no handshake
   */
  secure(socket: Socket, expected: Expected): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const peer = remoteOf(socket);
      const secured = connect({
        socket,
        secureContext: this.#files.current().context,
        ALPNProtocols: ALPN,
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
      });
      secured.once('secureConnect', () => {
        const refusal = this.#refuse('to', peer, secured, expected);
        if (refusal === undefined) resolve(secured);
        else reject(new TroupeError('IDENTITY_MISMATCH', sentence(peer, refusal), { address: peer }));
      });
      secured.once('error', (error) => {
        reject(new TroupeError('NODE_UNAVAILABLE', `no TLS with ${peer}: ${errorMessage(error)}`, { address: peer }));
      });
    });
  }

  #refuse(direction: 'from' | 'to', peer: string, socket: TLSSocket, expected: Expected): Refusal | undefined {
    const refusal = refusalOf(socket, expected);
    if (refusal === undefined) return undefined;
    this.#refusals.tell(direction, peer, refusal);
    socket.destroy();
    return refusal;
  }
}

/** A session that is resumed skips the look at the certificate, so there are no tickets. */
function serverContext({ ca, cert, key }: Certificates): SecureContextOptions {
  return { ca, cert, key, secureOptions: constants.SSL_OP_NO_TICKET };
}

function sentence(peer: string, { reason, certificate, expected }: Refusal): string {
  return `${peer} is refused: ${reason}; its certificate says ${certificate}, expected was ${expected}`;
}

function remoteOf(socket: Socket): string {
  return `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
}
