import type { ApiClient } from '../api/index.ts';
import { TroupeError } from '../core/index.ts';
import type { NodeHandle } from './cluster.ts';

/** A node that somebody else started: it can be drained; its process and its machine are out of reach. */
export function remoteNode(id: string, client: Pick<ApiClient, 'drain'>): NodeHandle {
  const outOfReach = (): never => {
    throw new TroupeError('INVALID_ARGUMENT', `node "${id}" was not started by this program`, { address: id });
  };
  return {
    id,
    drain: async (options) => {
      await client.drain(id, options);
    },
    preempt: async () => outOfReach(),
    signal: outOfReach,
  };
}
