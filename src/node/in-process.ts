import type { ActorSetup, AnyAgent } from '../agent/index.ts';
import { heldOver, publishTo, readTopic, topicOver, VOTERS_MS, valuesOver } from '../api/index.ts';
import { ManualSource } from '../cluster/index.ts';
import type { Coordinator, LedgerEvent } from '../coordinator/index.ts';
import {
  type Clock,
  type Logger,
  nullLogger,
  type Random,
  SeededRandom,
  systemClock,
  TroupeError,
} from '../core/index.ts';
import { MemoryNetwork } from '../remote/index.ts';
import { nullTelemetry } from '../telemetry/index.ts';
import { type Cluster, type ClusterClient, clusterOver, type NodeHandle } from './cluster.ts';
import { type ClusterConfigInput, checkConfig, type NodeConfig } from './config.ts';
import { memoryMemberStore } from './control/member-store.ts';
import { startControlPlane } from './control/plane.ts';
import type { ControlPlane } from './control/port.ts';
import { openJournals } from './journal-config.ts';
import { TroupeNode } from './node.ts';

/** Time for the leader to say how pools are scaled, ms. */
const SCALE_MS = 10_000;

/** How a cluster inside one process is started. */
export interface InProcessOptions {
  readonly agents: readonly AnyAgent[];
  /** How each node starts its own actors. */
  readonly setups?: readonly ActorSetup[];
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

/** A cluster inside one process: for tests of agents and teams. */
export interface InProcessCluster extends Cluster {
  readonly network: MemoryNetwork;
  /** The nodes themselves, by id. */
  readonly members: ReadonlyMap<string, TroupeNode>;
  /** What tells each node of its preemption, by id. */
  readonly notices: ReadonlyMap<string, ManualSource>;
}

/**
 * Starts all nodes of a configuration in this process: logs in memory, a network in memory that runs the real codecs, control
 * planes in line. No sockets, no files.
 *
 * @example
 * await using cluster = await startInProcess(config, { agents: [reviewer] });
 * const verdict = await cluster.agent(reviewer, 'left-pad').ask('review', pkg);
 */
export async function startInProcess(config: ClusterConfigInput, options: InProcessOptions): Promise<InProcessCluster> {
  const { agents, setups = [], clock = systemClock, random = new SeededRandom(1), logger = nullLogger } = options;
  const checked = checkConfig(config, process.cwd());
  const network = new MemoryNetwork({ clock, random });
  const addresses = new Map<string, string>();
  const planes = new Map<string, ControlPlane>();
  const notices = new Map(checked.nodes.map(({ id }) => [id, new ManualSource()]));
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
      // All nodes are in the configuration.
      learned: { addressOf: () => undefined },
      store: memoryMemberStore(),
      ledgerPath: ':memory:',
      clock,
      random,
      logger: own,
      tracer: nullTelemetry.tracer,
      onListen: (address) => addresses.set(node.id, address),
    });
    planes.set(node.id, plane);
    const transport = network.transport(node.id);
    return TroupeNode.start({
      config: checked,
      node,
      agents,
      setups,
      folder: undefined,
      plane,
      transport,
      journals: await openJournals(checked.journals, { clock, random, logger: own }),
      clock,
      random,
      logger: own,
      telemetry: nullTelemetry,
      sources: [notices.get(node.id) as ManualSource],
      api: false,
    });
  };
  const members = new Map((await Promise.all(checked.nodes.map(start))).map((node) => [node.id, node]));
  const first = members.get(checked.nodes[0]?.id ?? '') as TroupeNode;
  const { coordinator, changeVoters, scale } = planes.get(first.id) as ControlPlane;
  const closing = new AbortController();
  const topics = {
    closed: closing.signal,
    publish: async (topic: string, payload: Uint8Array) => publishTo(first.life.actors, topic, payload),
    read: (topic: string, signal: AbortSignal) => readTopic(first.life.actors, topic, signal),
  };
  const client: ClusterClient = {
    ...first.host,
    status: async () => ({
      cluster: checked.name,
      leader: coordinator.leader,
      view: await coordinator.query('cluster.view', {}),
      stats: await coordinator.query('ledger.stats', {}),
    }),
    kv: valuesOver(coordinator),
    held: heldOver(coordinator),
    topic: (name) => topicOver(topics, name),
    changeVoters: (change, node, timeoutMs = VOTERS_MS) => changeVoters(change, node, timeoutMs),
    scale: async () => [...(await scale(SCALE_MS))],
    events: (signal) => follow(coordinator, signal),
  };
  const cluster = clusterOver({
    name: checked.name,
    client,
    node: (id) => handle(members, notices, id),
    close: async () => {
      closing.abort();
      await Promise.all([...members.values()].map((node) => node.stop()));
    },
  });
  return { ...cluster, network, members, notices };
}

/** A node of this process has a drain and no process of its own. */
function handle(
  members: ReadonlyMap<string, TroupeNode>,
  notices: ReadonlyMap<string, ManualSource>,
  id: string,
): NodeHandle {
  const node = members.get(id);
  if (node === undefined) throw new TroupeError('NOT_FOUND', `the cluster has no node "${id}"`, { address: id });
  return {
    id,
    drain: (options) => node.drain(options),
    preempt: async (noticeMs) => {
      notices.get(id)?.say({ id: 'preempt', kind: 'final', reason: 'preemption', leftMs: noticeMs });
      await node.ended;
    },
    signal: () => {
      throw new TroupeError('INVALID_ARGUMENT', `node "${id}" has no process of its own`, { address: id });
    },
  };
}

async function* follow(coordinator: Coordinator, signal: AbortSignal): AsyncGenerator<LedgerEvent> {
  const waiting: LedgerEvent[] = [];
  let wake: () => void = () => undefined;
  const stop = coordinator.watch((delivery) => {
    if (delivery.type === 'events') waiting.push(...delivery.events);
    wake();
  });
  const onAbort = (): void => wake();
  signal.addEventListener('abort', onAbort);
  try {
    while (!signal.aborted) {
      yield* waiting.splice(0);
      if (waiting.length > 0) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (signal.aborted || waiting.length > 0) resolve();
      });
    }
  } finally {
    stop();
    signal.removeEventListener('abort', onAbort);
  }
}
