import { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';
import { TroupeError } from '../../core/index.ts';

/** How one port proves who it is and checks who calls. Asked anew for each listener and each dial. */
export interface PeerCredentials {
  /** False when nothing is encrypted: such a port stays on loopback. */
  readonly secure: boolean;
  server(): ServerCredentials;
  client(): ChannelCredentials;
}

/** No encryption and no identity; for loopback. */
export const insecureCredentials: PeerCredentials = {
  secure: false,
  server: () => ServerCredentials.createInsecure(),
  client: () => ChannelCredentials.createInsecure(),
};

/** Whether an address, `host:port`, is on this machine's loopback interface. */
export function isLoopback(address: string): boolean {
  const host = address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/**
 * Refuses to listen in clear beyond loopback, unless the configuration allows it in so many words.
 *
 * @throws TroupeError INVALID_CONFIGURATION
 */
export function checkExposure(address: string, credentials: PeerCredentials, allowInsecure: boolean): void {
  if (credentials.secure || allowInsecure || isLoopback(address)) return;
  throw new TroupeError('INVALID_CONFIGURATION', `${address} is beyond loopback and would listen without TLS`, {
    address,
  });
}
