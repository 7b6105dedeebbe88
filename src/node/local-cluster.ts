import { join } from 'node:path';
import { type ApiClient, connectApi } from '../api/index.ts';
import {
  type Clock,
  type Logger,
  nullLogger,
  type Random,
  systemClock,
  systemRandom,
  TroupeError,
} from '../core/index.ts';
import { nullTelemetry, type Telemetry } from '../telemetry/index.ts';
import { NodeChild } from './child.ts';
import { type Cluster, clusterOver, type NodeHandle } from './cluster.ts';
import { type ClusterConfig, type ClusterConfigInput, checkConfig } from './config.ts';
import { ClusterFolder } from './directory.ts';
import { firstWorkers, LocalWorkers } from './local-workers.ts';
import { lockFolder } from './lock.ts';
import { clientTls } from './node-tls.ts';

/** How a cluster is started. */
export interface StartOptions {
  /** More modules with agent kinds, beside the configuration's. */
  readonly agents?: readonly URL[];
  /** Breaks the start off. */
  readonly signal?: AbortSignal;
  readonly logger?: Logger;
  /** Traces what the program asks of the cluster; at the end it sends the spans of nodes that died and stayed away. */
  readonly telemetry?: Pick<Telemetry, 'tracer' | 'recover'>;
  /** The trace that the program's requests join. */
  readonly traceparent?: string | undefined;
  /** More for the environment of the node processes, which is otherwise this process's. */
  readonly env?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * Starts every node of a configuration as a process of this machine, and keeps them: one that dies is started again, one that
 * drains stays away. They end with this process, whatever happens to it.
 *
 * @param config what `defineCluster` or `loadConfig` gives
 * @throws TroupeError INVALID_CONFIGURATION, ALREADY_EXISTS (folder in use), what a node could not do, CANCELLED
 */
export async function startCluster(
  config: ClusterConfig | ClusterConfigInput,
  options: StartOptions = {},
): Promise<Cluster> {
  const {
    clock = systemClock,
    random = systemRandom,
    logger = nullLogger,
    telemetry = nullTelemetry,
    signal,
  } = options;
  const checked = checkConfig(
    { ...config, agents: [...(config.agents ?? []), ...(options.agents ?? [])] },
    process.cwd(),
  );
  const tls = clientTls(checked.nodes[0]?.tls, checked.name, { clock, logger });
  const folder = new ClusterFolder(checked.dataDir);
  const unlock = lockFolder(folder.path);
  const configFile = join(folder.path, 'cluster.json');
  const children = new Map<string, NodeChild>();
  const childOf = (id: string): NodeChild => {
    folder.forgetNotice(id);
    return new NodeChild({
      id,
      configFile,
      logFile: folder.logFile(id),
      env: options.env ?? {},
      clock,
      random,
      logger,
    });
  };
  const pools = checked.autoscale?.pools ?? [];
  let workers: LocalWorkers<NodeChild> | undefined;
  let api: ApiClient | undefined;
  const stop = async (): Promise<void> => {
    const closed = workers?.close();
    await api?.close();
    const limitMs = checked.timing.shutdownPhaseMs * 2;
    await Promise.all([...children.values()].map((child) => child.stop(limitMs)));
    await closed;
    for (const id of children.keys()) telemetry.recover(folder.spoolDir(id));
    unlock();
  };
  // Whatever ends this process ends the nodes: they see their parent go.
  try {
    folder.clearRun();
    folder.write(configFile, JSON.stringify(checked));
    for (const id of [...checked.nodes.map((node) => node.id), ...firstWorkers(pools)]) children.set(id, childOf(id));
    const starting = Promise.all([...children.values()].map((child) => child.start()));
    await (signal === undefined ? starting : Promise.race([starting, aborted(signal)]));
  } catch (error) {
    for (const child of children.values()) child.kill();
    await stop();
    throw error;
  }
  api = connectApi({
    addresses: () => folder.cards().map((card) => card.addresses.api),
    cluster: checked.name,
    tls,
    clock,
    random,
    logger,
    tracer: telemetry.tracer,
    traceparent: options.traceparent,
  });
  const client = api;
  workers = new LocalWorkers({ pools, api, processes: children, process: childOf, clock, logger });
  return clusterOver({
    name: checked.name,
    client,
    node: (id) => handle(id, children, folder, client, clock),
    close: stop,
  });
}

function handle(
  id: string,
  children: ReadonlyMap<string, NodeChild>,
  folder: ClusterFolder,
  api: ApiClient,
  clock: Clock,
): NodeHandle {
  // A worker's process may be another one each time.
  const child = (): NodeChild => {
    const found = children.get(id);
    if (found !== undefined) return found;
    const known = [...children.keys()].join(', ');
    throw new TroupeError('NOT_FOUND', `the cluster has no node "${id}"; it has ${known}`, { address: id });
  };
  child();
  return {
    id,
    drain: async (options) => {
      await api.drain(id, options);
    },
    preempt: async (noticeMs) => {
      const time = new Date(clock.now() + noticeMs).toISOString();
      folder.write(folder.noticeFile(id), JSON.stringify({ action: 'terminate', time }));
    },
    signal: (signal) => child().signal(signal),
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = (): void => reject(new TroupeError('CANCELLED', 'the cluster was stopped while it started'));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
