import type { PreemptionSource } from '../cluster/index.ts';
import type { Coordinator } from '../coordinator/index.ts';
import { type Clock, type Random, systemClock, systemRandom } from '../core/index.ts';
import type { JournalStore } from '../journal/index.ts';
import { openGrpcTransport } from '../remote/index.ts';
import { createLogger, startTelemetry } from '../telemetry/index.ts';
import { loadAgents } from './agents.ts';
import { type ClusterConfig, nodeOf, withNode } from './config.ts';
import { startControlThread } from './control/threaded.ts';
import { ClusterFolder, inFolder } from './directory.ts';
import { openJournals } from './journal-config.ts';
import { lockNode } from './lock.ts';
import { makeFolder } from './make-folder.ts';
import { TroupeNode } from './node.ts';
import { tlsOf } from './node-tls.ts';

/** What a node is given besides its configuration. */
export interface CreateNodeOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  /** File for log lines; default standard error. */
  readonly logFile?: string;
  /** Sources of notices of preemption besides those of the configuration. */
  readonly sources?: readonly PreemptionSource[];
  /** Makes the store of agents' journals, in place of the configuration's. All nodes must keep them at the same place. */
  readonly journals?: (coordinator: Coordinator) => JournalStore;
  /** The parent process, when this one is to end with it, even while agents block the main thread. */
  readonly parentPid?: number;
}

/**
 * Starts one node of a cluster in this process: its control plane in a thread of its own, its ports on the addresses of the
 * configuration.
 *
 * @param cluster as `loadConfig` or `checkConfig` gives it
 * @param id which of its nodes this is, or of the workers of its pools
 * @throws TroupeError INVALID_CONFIGURATION, ALREADY_EXISTS (it runs already), PORT_IN_USE, LOG_CORRUPT, DISK_FULL, IDENTITY_MISMATCH, TIMEOUT without a majority
 *
 * @example
 * const node = await createNode(await loadConfig('cluster.config.ts'), 'node-1');
 * await node.ended;
 */
export async function createNode(
  cluster: ClusterConfig,
  id: string,
  options: CreateNodeOptions = {},
): Promise<TroupeNode> {
  const { clock = systemClock, random = systemRandom, sources = [] } = options;
  const config = withNode(cluster, id);
  const node = nodeOf(config, id);
  const folder = new ClusterFolder(config.dataDir);
  const logger = createLogger({
    fields: { node: id },
    ...(options.logFile === undefined ? {} : { file: options.logFile }),
  });
  const { agents, setups } = await loadAgents(config.agents);
  inFolder(folder.path, () => makeFolder(folder.dataDir(id)));
  const unlock = await lockNode(id, folder.dataDir(id), clock);
  const telemetry = await startTelemetry({
    service: `troupe-${id}`,
    instance: `${id}/${process.pid}`,
    attributes: { 'troupe.cluster': config.name },
    spoolDirectory: folder.spoolDir(id),
    logger,
  });
  try {
    const tls = tlsOf(config, id, { clock, logger });
    if (tls === undefined)
      logger.info('ports are in clear', { why: node.insecure ? 'insecure: true' : 'loopback only' });
    const plane = await startControlThread(
      { config, node: id, folder: folder.path, logFile: options.logFile, parentPid: options.parentPid },
      { clock, logger },
    );
    const journals =
      options.journals?.(plane.coordinator) ?? (await openJournals(config.journals, { clock, random, logger }));
    const transport = openGrpcTransport({ allowInsecureBeyondLoopback: node.insecure, tls });
    const started = await TroupeNode.start({
      config,
      node,
      agents,
      setups,
      sources,
      folder,
      plane,
      transport,
      journals,
      tls,
      clock,
      random,
      logger,
      telemetry,
    });
    void started.ended.then(unlock);
    return started;
  } catch (error) {
    unlock();
    throw error;
  }
}
