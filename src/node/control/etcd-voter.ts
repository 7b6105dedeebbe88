import { readFileSync } from 'node:fs';
import {
  CoordinatorServer,
  connectEtcd,
  type Etcd,
  type EtcdLog,
  type EtcdTls,
  eraseEtcdLog,
  foundEtcdLog,
  Ledger,
  openEtcdLog,
  type VotersChanged,
} from '../../coordinator/index.ts';
import {
  type Clock,
  errorMessage,
  isTroupeError,
  type NodeId,
  type Random,
  systemClock,
  systemRandom,
  TroupeError,
} from '../../core/index.ts';
import type { ControlTransport } from '../../remote/index.ts';
import { decodePayload, encodePayload } from '../../wire/index.ts';
import type { ClusterConfig } from '../config.ts';
import type { EtcdConfig } from '../coordinator-config.ts';
import type { ControlPlaneParts } from './plane.ts';
import type { MembershipRequest } from './raft-voting.ts';
import type { Voter, Voting } from './voter.ts';

/** Time for the leader to prove that it lives when its connection broke, ms. */
const GONE_MS = 500;

interface EtcdVoter extends Voter {
  readonly log: EtcdLog;
}

/**
 * A node's part in a cluster whose log is at etcd. Its voters run the ledger and its server; elections and durability are etcd's.
 *
 * @param voters ids of the configured voters
 * @throws TroupeError TIMEOUT when etcd doesn't answer, INVALID_CONFIGURATION when it won't have us, LOG_CORRUPT when it has lost
 *   entries that this voter has seen
 */
export async function startEtcdVoting(
  parts: ControlPlaneParts,
  settings: EtcdConfig,
  voters: readonly NodeId[],
): Promise<Voting> {
  const voter = voters.includes(parts.node) ? await startEtcdVoter(parts, settings, voters) : undefined;
  return {
    voter,
    votes: voter !== undefined,
    failed: voter?.failed ?? new Promise(() => undefined),
    serve: async (_from, body) => {
      const [, change, node] = decodePayload(body) as Extract<MembershipRequest, readonly ['change', ...unknown[]]>;
      if (change !== 'lead') {
        const said =
          'voters are those of the configuration, and etcd decides who leads; set voter there and start anew';
        throw new TroupeError('INVALID_ARGUMENT', said, { address: node });
      }
      if (!voter?.leading) throw new TroupeError('NOT_LEADER', 'this voter does not lead');
      const changed = node !== parts.node;
      if (changed) await voter.log.transferLeadership(node);
      const members = { voters: voters.map((id) => ({ node: id, member: id })), learners: [] };
      return encodePayload({ changed, members } satisfies VotersChanged);
    },
    viewed: () => undefined,
    close: async () => voter?.close(),
  };
}

async function startEtcdVoter(
  parts: ControlPlaneParts,
  settings: EtcdConfig,
  voters: readonly NodeId[],
): Promise<EtcdVoter> {
  const { node, clock, random, logger, tracer } = parts;
  const { prefix } = settings;
  const etcd = connect(settings, clock, random);
  const identity = await foundEtcdLog(etcd, prefix, random).catch((error) => {
    etcd.close();
    throw error;
  });
  const ledger = new Ledger({ path: ledgerOf(parts.ledgerPath, identity), logger });
  const log = await openEtcdLog({
    node,
    etcd,
    prefix,
    consumer: ledger,
    clock,
    random,
    logger,
    limits: { leaseMs: settings.leaseMs },
    compactHistory: settings.compactHistory,
  });
  const server = new CoordinatorServer({ log, ledger, clock, tracer, logger });
  return {
    log,
    server,
    get leading() {
      return log.role.leading;
    },
    failed: log.failed,
    receive: () => undefined,
    lost: (peer) => {
      if (log.role.leader !== peer) return;
      const failed = (error: unknown): void => logger.debug('leader not deposed', { peer, error: errorMessage(error) });
      isGone(parts.transport, peer)
        .then((gone) => (gone ? log.depose(peer) : undefined))
        .catch(failed);
    },
    snapshot: () => {
      throw new TroupeError('NOT_FOUND', 'snapshots of this log are at etcd');
    },
    transferLeadership: async () => {
      if (log.role.leading && voters.length > 1) await log.transferLeadership();
    },
    close: async () => {
      server.close();
      await log.close();
      ledger.close();
    },
  };
}

/** Whether nobody listens any more where a node did. A machine that is merely silent is left to its lease. */
async function isGone(transport: ControlTransport, peer: NodeId): Promise<boolean> {
  try {
    await transport.request(peer, { kind: 'membership', body: encodePayload(['known']), timeoutMs: GONE_MS });
    return false;
  } catch (error) {
    return isTroupeError(error, 'NODE_UNAVAILABLE');
  }
}

/** Deletes the cluster's log where it is at etcd. All its nodes must be gone. @throws TroupeError TIMEOUT */
export async function eraseLog({ coordinator }: ClusterConfig): Promise<void> {
  if (coordinator.kind !== 'etcd') return;
  const etcd = connect(coordinator, systemClock, systemRandom);
  try {
    await eraseEtcdLog(etcd, coordinator.prefix);
  } finally {
    etcd.close();
  }
}

function connect({ endpoints, tls }: EtcdConfig, clock: Clock, random: Random): Etcd {
  const files = Object.entries(tls ?? {}).map(([name, path]) => [name, readPem(path)]);
  return connectEtcd({
    endpoints,
    ...(tls === undefined ? {} : { tls: Object.fromEntries(files) as EtcdTls }),
    clock,
    random,
  });
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new TroupeError('INVALID_CONFIGURATION', `coordinator.tls: ${path} can't be read: ${errorMessage(error)}`);
  }
}

/** The ledger's file is a cache of one log: beside another log it is worth nothing, and one of that log is made. */
function ledgerOf(path: string, identity: string): string {
  return path === ':memory:' ? path : path.replace(/(\.\w+)?$/, `-${identity}$1`);
}
