import { connectApi } from '../api/index.ts';
import { nullLogger, nullTracer, systemClock } from '../core/index.ts';
import { type Cluster as ClusterHandle, clusterOver } from './cluster.ts';
import { ClusterFolder } from './directory.ts';
import { startInProcess } from './in-process.ts';
import { startCluster } from './local-cluster.ts';
import { remoteNode } from './remote-node.ts';

/** A running cluster, seen from a program. */
export type Cluster = ClusterHandle;

/** Where a running cluster is: its folder on this machine, or API addresses of any of its nodes. */
export type ClusterPlace = { readonly folder: string } | { readonly addresses: readonly string[] };

/** Starts clusters and reaches running ones. */
export const Cluster: {
  /** Every node a process of this machine; see `startCluster`. */
  readonly start: typeof startCluster;
  /** Every node in this process, without sockets and files; see `startInProcess`. */
  readonly startInProcess: typeof startInProcess;
  /** A client of a running cluster; connects when first used. @throws TroupeError NODE_UNAVAILABLE from its calls */
  connect(place: ClusterPlace): ClusterHandle;
} = {
  start: startCluster,
  startInProcess,
  connect(place) {
    const addresses =
      'folder' in place
        ? (): string[] => new ClusterFolder(place.folder).cards().map((card) => card.addresses.api)
        : (): readonly string[] => place.addresses;
    const client = connectApi({ addresses, clock: systemClock, logger: nullLogger, tracer: nullTracer });
    return clusterOver({ name: '', client, node: (id) => remoteNode(id, client), close: () => client.close() });
  },
};
