import { accessSync, constants } from 'node:fs';
import type { Clock, Logger, NodeId } from '../core/index.ts';
import { Tls, type TlsFiles } from '../remote/index.ts';
import { type ClusterConfig, nodeOf } from './config.ts';

/**
 * TLS of a node's ports; undefined where the configuration has none.
 *
 * @throws TroupeError INVALID_CONFIGURATION, IDENTITY_MISMATCH when the certificate names another node
 */
export function tlsOf(
  config: ClusterConfig,
  node: NodeId,
  parts: { readonly clock: Clock; readonly logger: Logger },
): Tls | undefined {
  const { tls: files } = nodeOf(config, node);
  return files === undefined ? undefined : new Tls({ files, cluster: config.name, node, ...parts });
}

/**
 * TLS of a client.
 *
 * @param files of the client, or of a node of this machine: where the key is another user's the client goes without
 * @param cluster name that the nodes must be of, where it is known
 */
export function clientTls(
  files: TlsFiles | undefined,
  cluster: string | undefined,
  parts: { readonly clock: Clock; readonly logger: Logger },
): Tls | undefined {
  if (files === undefined) return undefined;
  const { ca, ...own } = files;
  return new Tls({ files: isReadable(own.key) ? files : { ca }, cluster, ...parts });
}

function isReadable(file: string | undefined): boolean {
  if (file === undefined) return true;
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
