import { connectApi } from '../api/index.ts';
import { nullLogger, nullTracer, systemClock } from '../core/index.ts';
import type { TlsFiles } from '../remote/index.ts';
import { type Cluster as ClusterHandle, clusterOver } from './cluster.ts';
import { ClusterFolder, type NodeCard } from './directory.ts';
import { startInProcess } from './in-process.ts';
import { startCluster } from './local-cluster.ts';
import { clientTls } from './node-tls.ts';
import { remoteNode } from './remote-node.ts';

/** A running cluster, seen from a program. */
export type Cluster = ClusterHandle;

/** Where a running cluster is: its folder on this machine, or API addresses of any of its nodes. */
export type ClusterPlace = ({ readonly folder: string } | { readonly addresses: readonly string[] }) & {
  /**
   * PEM files: whom to believe, and a certificate of ours where the cluster asks clients for one. In a folder of this machine
   * they are found.
   */
  readonly tls?: TlsFiles;
};

/** Starts clusters and reaches running ones. */
export const Cluster: {
  /** Every node a process of this machine; see `startCluster`. */
  readonly start: typeof startCluster;
  /** Every node in this process, without sockets and files; see `startInProcess`. */
  readonly startInProcess: typeof startInProcess;
  /**
   * A client of a running cluster; connects when first used.
   *
   * @throws TroupeError INVALID_CONFIGURATION when the files of `tls` can't be used; NODE_UNAVAILABLE from its calls
   */
  connect(place: ClusterPlace): ClusterHandle;
} = {
  start: startCluster,
  startInProcess,
  connect(place) {
    const cards = (): NodeCard[] => ('folder' in place ? new ClusterFolder(place.folder).cards() : []);
    const client = connectApi({
      addresses: 'folder' in place ? () => cards().map((card) => card.addresses.api) : () => place.addresses,
      tls: clientTls(place.tls ?? cards()[0]?.tls, undefined, { clock: systemClock, logger: nullLogger }),
      clock: systemClock,
      logger: nullLogger,
      tracer: nullTracer,
    });
    return clusterOver({ name: '', client, node: (id) => remoteNode(id, client), close: () => client.close() });
  },
};
