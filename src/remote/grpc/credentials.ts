import type { Socket } from 'node:net';
import {
  CallCredentials,
  ChannelCredentials,
  logVerbosity,
  type Server,
  ServerCredentials,
  setLogVerbosity,
} from '@grpc/grpc-js';
import { TroupeError } from '../../core/index.ts';
import { type Listener, splitAddress } from '../listen.ts';
import type { Expected, Tls } from '../tls/index.ts';

// grpc-js writes to stderr what it also throws; each error has one line, and it is ours.
if (process.env.GRPC_VERBOSITY === undefined) setLogVerbosity(logVerbosity.NONE);

type SecureConnector = ReturnType<ChannelCredentials['_createSecureConnector']>;

/**
 * Serves gRPC on a TLS port of our own: grpc-js would refuse a bad certificate without a word, and takes new files only by
 * an experimental API. It gets the connections of those who are welcome.
 */
export function listenTls(server: Server, address: string, tls: Tls, expected: Expected): Promise<Listener> {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return tls.listen(address, expected, (socket) => injector.injectConnection(socket));
}

/** Credentials for one peer, or for one kind of peer; with TLS each connection uses the certificates of its moment. */
export function channelCredentials(tls: Tls | undefined, expected: Expected): ChannelCredentials {
  return tls === undefined ? ChannelCredentials.createInsecure() : new TlsChannelCredentials(tls, expected);
}

class TlsChannelCredentials extends ChannelCredentials {
  readonly #tls: Tls;
  readonly #expected: Expected;

  constructor(tls: Tls, expected: Expected) {
    super();
    this.#tls = tls;
    this.#expected = expected;
  }

  _isSecure(): boolean {
    return true;
  }

  _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  _createSecureConnector(_target: unknown, _options: unknown, callCredentials?: CallCredentials): SecureConnector {
    return {
      connect: async (socket: Socket) => ({ socket: await this.#tls.secure(socket, this.#expected), secure: true }),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => callCredentials ?? CallCredentials.createEmpty(),
      destroy: () => undefined,
    };
  }
}

/** Whether an address, `host:port`, is on this machine's loopback interface. */
export function isLoopback(address: string): boolean {
  const { host } = splitAddress(address);
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/**
 * Refuses to listen in clear beyond loopback, unless the configuration allows it in so many words.
 *
 * @throws TroupeError INVALID_CONFIGURATION
 */
export function checkExposure(address: string, tls: Tls | undefined, allowInsecure: boolean): void {
  if (tls !== undefined || allowInsecure || isLoopback(address)) return;
  const message = `${address} is beyond loopback and would listen without TLS; run troupe certs, and set tls`;
  throw new TroupeError('INVALID_CONFIGURATION', message, { address });
}
