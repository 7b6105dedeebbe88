import type { AnyAgent } from '../agent/index.ts';
import {
  type Clock,
  type Logger,
  nullLogger,
  type Random,
  SeededRandom,
  systemClock,
  TroupeError,
} from '../core/index.ts';
import { MemoryLog } from '../raft/index.ts';
import { MemoryNetwork } from '../remote/index.ts';
import { nullTelemetry } from '../telemetry/index.ts';
import { type ClusterConfigInput, checkConfig, type NodeConfig } from './config.ts';
import { startControlPlane } from './control/plane.ts';
import { TroupeNode } from './node.ts';

/** How a cluster inside one process is started. */
export interface InProcessOptions {
  readonly agents: readonly AnyAgent[];
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

/** A cluster inside one process: for tests of agents and teams. */
export interface InProcessCluster extends AsyncDisposable {
  readonly network: MemoryNetwork;
  readonly nodes: ReadonlyMap<string, TroupeNode>;
  /** @throws TroupeError NOT_FOUND */
  node(id: string): TroupeNode;
  close(): Promise<void>;
}

/**
 * Starts all nodes of a configuration in this process: logs in memory, a network in memory that runs the real codecs, control
 * planes in line. No sockets, no files.
 *
 * @example
 * await using cluster = await startInProcess(config, { agents: [reviewer] });
 * const ref = agentRef(cluster.node('node-1').life.host, reviewer, 'left-pad');
 */
export async function startInProcess(config: ClusterConfigInput, options: InProcessOptions): Promise<InProcessCluster> {
  const { agents, clock = systemClock, random = new SeededRandom(1), logger = nullLogger } = options;
  const checked = checkConfig(config, process.cwd());
  const network = new MemoryNetwork({ clock, random });
  const addresses = new Map<string, string>();
  const start = async (node: NodeConfig): Promise<TroupeNode> => {
    const own = logger.child({ node: node.id });
    const plane = await startControlPlane({
      config: checked,
      node: node.id,
      transport: network.control({
        self: node.id,
        cluster: checked.name,
        random,
        logger: own,
        resolve: async (peer) => addresses.get(peer),
      }),
      openLog: async () => new MemoryLog(),
      ledgerPath: ':memory:',
      clock,
      random,
      logger: own,
      tracer: nullTelemetry.tracer,
      onListen: (address) => addresses.set(node.id, address),
    });
    const transport = network.transport(node.id);
    return TroupeNode.start({
      config: checked,
      node,
      agents,
      folder: undefined,
      plane,
      transport,
      clock,
      random,
      logger: own,
      telemetry: nullTelemetry,
      api: false,
    });
  };
  const nodes = new Map((await Promise.all(checked.nodes.map(start))).map((node) => [node.id, node]));
  const close = async (): Promise<void> => {
    await Promise.all([...nodes.values()].map((node) => node.stop()));
  };
  return {
    network,
    nodes,
    node: (id) => {
      const node = nodes.get(id);
      if (node === undefined) throw new TroupeError('NOT_FOUND', `the cluster has no node "${id}"`, { address: id });
      return node;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
