/** Entry of a node's control thread. */
import { join } from 'node:path';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { NodeLoad, PoolStatus } from '../../cluster/index.ts';
import { serveCoordinator, type VoterChange, type VotersChanged } from '../../coordinator/index.ts';
import {
  invariant,
  type Logger,
  type NodeId,
  type NodeRef,
  systemClock,
  systemRandom,
  toWireError,
  type WireError,
} from '../../core/index.ts';
import { openGrpcControl } from '../../remote/index.ts';
import { createLogger, startTelemetry } from '../../telemetry/index.ts';
import { nodeOf } from '../config.ts';
import { ClusterFolder } from '../directory.ts';
import { tlsOf } from '../node-tls.ts';
import { fileMemberStore } from './member-store.ts';
import { type LearnedAddresses, startControlPlane } from './plane.ts';
import type { ControlPlane, ControlPlaneSettings, DrainOrder } from './port.ts';

/** How often the parent process is looked for, ms. */
const PARENT_LOOK_MS = 1_000;
/** Time that the main thread has to close the node when the parent is gone, ms. */
const ORPHAN_MS = 8_000;

/** What the thread is started with. */
export interface ControlThreadData {
  readonly settings: ControlPlaneSettings;
  /** Its end of the coordinator's channel. */
  readonly coordinator: MessagePort;
}

/** What the thread tells the main thread. */
export type ControlReport =
  | { readonly type: 'ready'; readonly address: string }
  | { readonly type: 'failed'; readonly error: WireError }
  | { readonly type: 'transferred'; readonly error: WireError | undefined }
  | { readonly type: 'answer'; readonly id: number; readonly value: VotersChanged | readonly PoolStatus[] }
  | { readonly type: 'refusal'; readonly id: number; readonly error: WireError }
  | { readonly type: 'drain'; readonly order: DrainOrder }
  | { readonly type: 'closed' };

/** What the main thread wants an answer to. */
export type ControlCall =
  | {
      readonly kind: 'changeVoters';
      readonly change: VoterChange;
      readonly node: NodeId;
      readonly timeoutMs: number;
    }
  | { readonly kind: 'scale'; readonly timeoutMs: number };

/** What the main thread tells it. */
export type ControlOrder =
  | { readonly type: 'keepAlive'; readonly life: NodeRef | undefined }
  | { readonly type: 'transferLeadership' }
  | { readonly type: 'load'; readonly load: NodeLoad }
  | { readonly type: 'call'; readonly id: number; readonly call: ControlCall }
  | { readonly type: 'close' };

function report(message: ControlReport): void {
  parentPort?.postMessage(message);
}

async function start({ settings, coordinator }: ControlThreadData): ReturnType<typeof startControlPlane> {
  const { config, node, logFile, parentPid } = settings;
  const folder = new ClusterFolder(settings.folder);
  const logger = createLogger({
    fields: { node, thread: 'control' },
    ...(logFile === undefined ? {} : { file: logFile }),
  });
  if (parentPid !== undefined) endWith(parentPid, logger);
  const telemetry = await startTelemetry({
    service: `troupe-${node}`,
    instance: `${node}/${process.pid}`,
    thread: 'control',
    attributes: { 'troupe.cluster': config.name },
    spoolDirectory: folder.spoolDir(node),
    logger,
  });
  const learned: LearnedAddresses = { addressOf: () => undefined };
  const listen = new Map(config.nodes.map((candidate) => [candidate.id, candidate.listen.control]));
  const transport = openGrpcControl({
    self: node,
    cluster: config.name,
    clock: systemClock,
    random: systemRandom,
    logger,
    allowInsecureBeyondLoopback: nodeOf(config, node).insecure,
    tls: tlsOf(config, node, { clock: systemClock, logger }),
    resolve: async (peer) => {
      const fixed = listen.get(peer);
      if (fixed !== undefined && !fixed.endsWith(':0')) return fixed;
      return folder.controlAddress(peer) ?? learned.addressOf(peer);
    },
  });
  const ledgerPath = join(folder.dataDir(node), 'ledger.sqlite');
  const plane = await startControlPlane({
    config,
    node,
    transport,
    learned,
    store: fileMemberStore({
      clusterId: config.name,
      node,
      path: join(folder.dataDir(node), 'raft'),
      root: folder.path,
      ledgerPath,
      logger,
    }),
    ledgerPath,
    clock: systemClock,
    random: systemRandom,
    logger,
    tracer: telemetry.tracer,
    onListen: (address) => folder.publishControl(node, address),
    onClose: () => telemetry.shutdown(config.timing.shutdownPhaseMs),
  });
  serveCoordinator(plane.coordinator, coordinator);
  return plane;
}

/** The main thread closes the node when the parent goes; an agent that blocks it must not keep the process alive. */
function endWith(parentPid: number, logger: Logger): void {
  let orphanedAt: number | undefined;
  systemClock.repeat(PARENT_LOOK_MS, () => {
    if (process.ppid === parentPid) return;
    orphanedAt ??= systemClock.monotonic();
    if (systemClock.monotonic() - orphanedAt < ORPHAN_MS) return;
    logger.error('the process that started this node is gone, and the main thread does not close it', { parentPid });
    process.kill(process.pid, 'SIGKILL');
  });
}

invariant(parentPort !== null, 'the control thread is a worker');
let plane: ControlPlane | undefined;
parentPort.on('message', (order: ControlOrder) => {
  if (order.type === 'keepAlive') plane?.keepAlive(order.life);
  else if (order.type === 'transferLeadership') {
    (plane?.transferLeadership() ?? Promise.resolve()).then(
      () => report({ type: 'transferred', error: undefined }),
      (error) => report({ type: 'transferred', error: toWireError(error) }),
    );
  } else if (order.type === 'load') plane?.load(order.load);
  else if (order.type === 'call') {
    const { id, call } = order;
    const answer =
      call.kind === 'scale'
        ? plane?.scale(call.timeoutMs)
        : plane?.changeVoters(call.change, call.node, call.timeoutMs);
    answer?.then(
      (value) => report({ type: 'answer', id, value }),
      (error) => report({ type: 'refusal', id, error: toWireError(error) }),
    );
  } else {
    (plane?.close() ?? Promise.resolve())
      .catch((error) => report({ type: 'failed', error: toWireError(error) }))
      .finally(() => report({ type: 'closed' }));
  }
});
start(workerData as ControlThreadData).then(
  (started) => {
    plane = started;
    started.onDrain((order) => report({ type: 'drain', order }));
    void started.failed.then((error) => report({ type: 'failed', error: toWireError(error) }));
    report({ type: 'ready', address: started.address });
  },
  (error) => report({ type: 'failed', error: toWireError(error) }),
);
