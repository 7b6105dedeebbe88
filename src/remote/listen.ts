import type { Server } from 'node:net';
import { TroupeError } from '../core/index.ts';

/** A port while it listens. */
export interface Listener {
  readonly port: number;
  /** Takes no more connections; those there are stay. */
  close(): void;
}

/** The parts of `host:port`; an IPv6 host stands in brackets. */
export function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) };
}

/**
 * Has a server listen.
 *
 * @param address port 0 means any
 * @throws TroupeError PORT_IN_USE, or INVALID_CONFIGURATION when the address can't be bound at all
 */
export function listenAt(server: Server, address: string): Promise<Listener> {
  return new Promise((resolve, reject) => {
    server.on('error', (error) => reject(bindError(error, address)));
    server.listen(splitAddress(address), () => {
      const bound = server.address();
      resolve({ port: typeof bound === 'object' ? (bound?.port ?? 0) : 0, close: () => void server.close() });
    });
  });
}

function bindError(error: NodeJS.ErrnoException, address: string): TroupeError {
  if (error.code === 'EADDRINUSE') {
    return new TroupeError('PORT_IN_USE', `another program listens on ${address}`, { address });
  }
  return new TroupeError('INVALID_CONFIGURATION', `can't listen on ${address}: ${error.message}`, { address });
}
