import { ClusterMap, KeepAlive, LeaderDuties } from '../../cluster/index.ts';
import { CoordinatorClient, type Voters } from '../../coordinator/index.ts';
import {
  type Clock,
  type Logger,
  type NodeId,
  type NodeRef,
  type Random,
  type Tracer,
  TroupeError,
} from '../../core/index.ts';
import type { RaftLog } from '../../raft/index.ts';
import type { ControlHandlers, ControlTransport } from '../../remote/index.ts';
import { decodePayload, encodePayload } from '../../wire/index.ts';
import type { ClusterConfig } from '../config.ts';
import { listening } from '../listening.ts';
import type { ControlPlane } from './port.ts';
import { startRaftVoter } from './raft-voter.ts';
import type { Voter } from './voter.ts';

/** What a control plane runs on. */
export interface ControlPlaneParts {
  readonly config: ClusterConfig;
  readonly node: NodeId;
  readonly transport: ControlTransport;
  /** Opens the durable log; only voters have one. */
  readonly openLog: () => Promise<RaftLog>;
  /** SQLite file of the ledger, or `:memory:`. */
  readonly ledgerPath: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly tracer: Tracer;
  /** Told where the control port listens before anyone else is spoken to, so that peers can find it. */
  readonly onListen?: (address: string) => void;
  /** Called last when it closes, e.g. to send spans. */
  readonly onClose?: () => Promise<unknown>;
}

/**
 * The control plane of a node: Raft, the ledger and its server on voters; keep-alives and the coordinator's client on every node.
 * It shares nothing with the data plane, so whatever agents do, elections and failure detection go on.
 */
export async function startControlPlane(parts: ControlPlaneParts): Promise<ControlPlane> {
  const { config, node, transport, clock, random, logger } = parts;
  const voters = config.nodes.filter((candidate) => candidate.voter).map((candidate) => candidate.id);
  const failed = Promise.withResolvers<unknown>();
  let voter: Voter | undefined;
  const map = new ClusterMap();
  const self = config.nodes.find((candidate) => candidate.id === node);
  const control = self?.listen.control ?? '127.0.0.1:0';
  const served = handlers(() => voter, { heard: (life) => duties?.heard(life), lost: (peer) => duties?.suspect(peer) });
  const address = await listening('control', control, () => transport.listen(control, served));
  parts.onListen?.(address);
  if (voters.includes(node)) voter = await startRaftVoter(parts, voters);
  const client = new CoordinatorClient({
    self: node,
    voters,
    transport: votersOver(transport),
    ...(voter === undefined ? {} : { local: voter.server }),
    clock,
    random,
    logger,
  });
  const { keepAliveMs, downAfterMs } = config.timing;
  const limits = { timeoutMs: downAfterMs, suspectMs: keepAliveMs * 3, ownPauseMs: downAfterMs / 2 };
  const duties =
    voter === undefined
      ? undefined
      : new LeaderDuties({
          map,
          coordinator: client,
          leading: () => voter?.leading ?? false,
          limits,
          clock,
          logger,
        });
  const stopWatch = voter === undefined ? undefined : client.watch((delivery) => map.accept(delivery));
  const keepAlive = new KeepAlive({
    voters,
    periodMs: keepAliveMs,
    clock,
    logger,
    send: async (to, life, timeoutMs) => {
      if (to === node) duties?.heard(life);
      else await transport.request(to, { kind: 'keepalive', body: encodePayload(life), timeoutMs });
    },
  });
  void voter?.failed.then((error) => failed.resolve(error));
  return {
    coordinator: client,
    address,
    keepAlive: (life) => {
      keepAlive.life = life;
    },
    transferLeadership: async () => voter?.transferLeadership(),
    failed: failed.promise,
    close: async () => {
      keepAlive.close();
      duties?.close();
      stopWatch?.();
      client.close();
      voter?.server.close();
      await transport.close();
      await voter?.close();
      await parts.onClose?.();
    },
  };
}

/** What peers may ask of the control port. */
function handlers(
  voter: () => Voter | undefined,
  keepAlives: { heard(life: NodeRef): void; lost(peer: NodeId): void },
): ControlHandlers {
  const voting = (): Voter => {
    const here = voter();
    if (here === undefined) throw new TroupeError('NODE_UNAVAILABLE', 'this node does not vote, or not yet');
    return here;
  };
  return {
    raft: (from, messages) => voter()?.receive(from, messages),
    request: async (_from, request) => {
      if (request.kind !== 'keepalive') return voting().server.call(request.kind, request.body, request.traceparent);
      keepAlives.heard(decodePayload(request.body) as NodeRef);
      return encodePayload(undefined);
    },
    lost: (from) => keepAlives.lost(from),
    watch: (_from, signal) => voting().server.watch(signal),
    snapshot: (_from, index) => voting().snapshot(index),
  };
}

function votersOver(transport: ControlTransport): Voters {
  return {
    call: (to, kind, body, timeoutMs, traceparent) => transport.request(to, { kind, body, timeoutMs, traceparent }),
    watch: (to, signal) => transport.watch(to, signal),
  };
}
