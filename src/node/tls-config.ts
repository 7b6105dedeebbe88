import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { NodeId } from '../core/index.ts';

const file = z.string().min(1);

/** PEM files of one node, relative to the configuration file: whom to believe, and who we are. */
export const nodeTls = z.strictObject({ ca: file, cert: file, key: file });

/** TLS of all nodes. */
export const clusterTls = z.strictObject({
  /**
   * Folder with `ca.crt`, and `NODE.crt` and `NODE.key` of the nodes that run on this machine, as `troupe certs` writes
   * them. A node's own `tls` goes before it.
   */
  dir: z.string().min(1).optional(),
  /** Whether clients of the API must show a certificate too. Nodes always must. */
  clientCertificates: z.enum(['optional', 'required']).default('optional'),
});

/** Files of a node. */
export type NodeTls = z.output<typeof nodeTls>;
/** The cluster's checked `tls` setting. */
export type ClusterTls = z.output<typeof clusterTls>;

/** The cluster's setting with an absolute folder: nodes of pools get their files later. */
export function completeClusterTls(tls: ClusterTls, baseDir: string): ClusterTls {
  return tls.dir === undefined ? tls : { ...tls, dir: resolve(baseDir, tls.dir) };
}

/** The files of a node with absolute paths; undefined without TLS. */
export function completeNodeTls(
  own: NodeTls | undefined,
  cluster: ClusterTls | undefined,
  node: NodeId,
  baseDir: string,
): NodeTls | undefined {
  const { dir } = cluster ?? {};
  if (own === undefined && dir === undefined) return undefined;
  const { ca, cert, key } = own ?? filesIn(dir as string, node);
  return { ca: resolve(baseDir, ca), cert: resolve(baseDir, cert), key: resolve(baseDir, key) };
}

/** The files of one name in a folder of `troupe certs`. */
export function filesIn(dir: string, name: string): NodeTls {
  return { ca: join(dir, 'ca.crt'), cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) };
}
