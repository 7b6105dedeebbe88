import {
  Autoscaler,
  ClusterMap,
  KeepAlive,
  LeaderDuties,
  type PoolStatus,
  readLoad,
  ToldLoad,
} from '../../cluster/index.ts';
import { type Carrier, CoordinatorClient, type Voters, type VotersChanged } from '../../coordinator/index.ts';
import {
  type Clock,
  type Logger,
  type NodeId,
  type NodeRef,
  type Random,
  type Tracer,
  TroupeError,
} from '../../core/index.ts';
import type { ControlHandlers, ControlTransport } from '../../remote/index.ts';
import { decodePayload, encodePayload } from '../../wire/index.ts';
import { poolsOf } from '../autoscale-config.ts';
import type { ClusterConfig } from '../config.ts';
import { listening } from '../listening.ts';
import { askLeader, routeChanges } from './change-route.ts';
import { startEtcdVoting } from './etcd-voter.ts';
import { type Known, KnownVoters } from './known-voters.ts';
import type { MemberStore } from './member-store.ts';
import type { ControlPlane, DrainOrder } from './port.ts';
import { RaftVoting } from './raft-voting.ts';
import type { Voter, Voting } from './voter.ts';

/** What a control plane runs on. */
export interface ControlPlaneParts {
  readonly config: ClusterConfig;
  readonly node: NodeId;
  readonly transport: ControlTransport;
  /** Where nodes listen that the configuration doesn't know; the plane fills it, the transport asks it. */
  readonly learned: LearnedAddresses;
  /** Who this node is in Raft, and its log. */
  readonly store: MemberStore;
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

/** Where nodes listen, as the ledger says. */
export interface LearnedAddresses {
  addressOf: (node: NodeId) => string | undefined;
}

/** Time for a node to say which voters it knows, or to hear that it is to drain, ms. */
const KNOWN_TIMEOUT_MS = 1_000;

/**
 * The control plane of a node: Raft, the ledger and its server on voters; keep-alives and the coordinator's client on every node.
 * It shares nothing with the data plane, so whatever agents do, elections and failure detection go on.
 */
export async function startControlPlane(
  parts: ControlPlaneParts,
): Promise<ControlPlane & { readonly coordinator: Carrier }> {
  const { config, node, transport, learned, clock, random, logger } = parts;
  const founders = config.nodes.filter((candidate) => candidate.voter).map((candidate) => candidate.id);
  const map = new ClusterMap();
  const self = config.nodes.find((candidate) => candidate.id === node);
  const control = self?.listen.control ?? '127.0.0.1:0';
  let voting: Voting | undefined;
  /** The coordinator of this node while it votes, and what it owes the cluster while it leads. */
  let local: { readonly voter: Voter; readonly duties: LeaderDuties; readonly scaler: Autoscaler } | undefined;
  const load = new ToldLoad(clock);
  let drain: (order: DrainOrder) => void = () => undefined;
  const known = new KnownVoters({
    self: node,
    configured: { nodes: config.nodes.map(({ id }) => id), voters: founders },
    map,
    ask: async (to) =>
      decodePayload(
        await transport.request(to, { kind: 'membership', body: encodePayload(KNOWN), timeoutMs: KNOWN_TIMEOUT_MS }),
      ) as Known,
    changed: (voters) => {
      client.voters = voters;
    },
    logger,
  });
  learned.addressOf = (peer) => known.addressOf(peer);
  const client = new CoordinatorClient({
    self: node,
    voters: founders,
    transport: votersOver(transport),
    onLost: () => void known.search(),
    clock,
    random,
    logger,
  });
  const heard = (life: NodeRef & { readonly load?: unknown }): void => {
    local?.duties.heard(life);
    const told = readLoad(life.load);
    if (told !== undefined) local?.scaler.heard(life, told);
  };
  /** @throws TroupeError NOT_LEADER */
  const scaleHere = (): PoolStatus[] => {
    if (local?.voter.leading) return local.scaler.status();
    throw new TroupeError('NOT_LEADER', 'this node does not lead');
  };
  const served = handlers({
    voting: () => voting,
    known,
    heard,
    scale: scaleHere,
    drain: (order) => drain(order),
    lost: (peer) => {
      local?.duties.suspect(peer);
      voting?.voter?.lost?.(peer);
    },
  });
  const address = await listening('control', control, () => transport.listen(control, served));
  parts.onListen?.(address);
  const { keepAliveMs, downAfterMs } = config.timing;
  const limits = { timeoutMs: downAfterMs, suspectMs: keepAliveMs * 3, ownPauseMs: downAfterMs / 2 };
  const tellMembers = (): void => {
    if (known.members !== undefined) voting?.viewed(known.members, known.index);
  };
  /** This node votes now, or no longer. */
  const settle = (): void => {
    const voter = voting?.votes ? voting.voter : undefined;
    if (voter === local?.voter) return;
    local?.duties.close();
    local?.scaler.close();
    const leading = (): boolean => voter?.leading ?? false;
    local = voter && {
      voter,
      duties: new LeaderDuties({ map, coordinator: client, leading, limits, clock, logger }),
      scaler: new Autoscaler({
        pools: poolsOf(config.autoscale?.pools ?? [], clock),
        map,
        leading,
        drain: async (life, options) => {
          const { node: to, incarnation } = life;
          const body = encodePayload({ life: { node: to, incarnation }, options } satisfies DrainOrder);
          await transport.request(to, { kind: 'drain', body, timeoutMs: KNOWN_TIMEOUT_MS });
        },
        clock,
        random,
        logger,
      }),
    };
    client.local = voter?.server;
  };
  const stopWatch = client.watch((delivery) => {
    map.accept(delivery);
    if (known.accept(delivery)) tellMembers();
  });
  const { coordinator } = config;
  voting =
    coordinator.kind === 'etcd'
      ? await startEtcdVoting(parts, coordinator, founders)
      : await RaftVoting.start(parts, {
          founders,
          leader: () => client.leader?.node,
          changed: settle,
          told: known.told,
        });
  settle();
  tellMembers();
  const keepAlive = new KeepAlive({
    voters: () => known.everyone,
    periodMs: keepAliveMs,
    clock,
    logger,
    send: async (to, life, timeoutMs) => {
      const told = load.now;
      const word = told === undefined ? life : { ...life, load: told };
      if (to === node) heard(word);
      else await transport.request(to, { kind: 'keepalive', body: encodePayload(word), timeoutMs });
    },
  });
  const route = { leader: () => client.leader?.node, clock, random };
  return {
    coordinator: client,
    address,
    keepAlive: (life) => {
      keepAlive.life = life;
    },
    load: (told) => load.tell(told),
    scale: (timeoutMs) =>
      askLeader(route, timeoutMs, async (leader, leftMs) => {
        if (leader === node) return scaleHere();
        const answer = transport.request(leader, { kind: 'scale', body: encodePayload(undefined), timeoutMs: leftMs });
        return decodePayload(await answer) as PoolStatus[];
      }),
    onDrain: (listener) => {
      drain = listener;
    },
    transferLeadership: async () => voting.voter?.transferLeadership(),
    changeVoters: routeChanges({
      ...route,
      ask: async (leader, change, target, timeoutMs) => {
        const body = encodePayload(['change', change, target]);
        const answer =
          leader === node
            ? voting.serve(node, body, timeoutMs)
            : transport.request(leader, { kind: 'membership', body, timeoutMs });
        return decodePayload(await answer) as VotersChanged;
      },
    }),
    failed: voting.failed,
    close: async () => {
      keepAlive.close();
      local?.duties.close();
      local?.scaler.close();
      stopWatch();
      client.close();
      voting.voter?.server.close();
      await transport.close();
      await voting.close();
      await parts.onClose?.();
    },
  };
}

/** What a node is asked by one that finds no voter any more. */
const KNOWN = ['known'] as const;

interface Served {
  readonly voting: () => Voting | undefined;
  readonly known: KnownVoters;
  readonly heard: (life: NodeRef) => void;
  readonly scale: () => readonly PoolStatus[];
  readonly drain: (order: DrainOrder) => void;
  readonly lost: (peer: NodeId) => void;
}

/** What peers may ask of the control port. */
function handlers({ voting, known, heard, scale, drain, lost }: Served): ControlHandlers {
  const voter = (): Voter => {
    const here = voting()?.voter;
    if (here === undefined) throw new TroupeError('NODE_UNAVAILABLE', 'this node does not vote, or not yet');
    return here;
  };
  return {
    raft: (from, messages) => voting()?.voter?.receive(from, messages),
    request: async (from, { kind, body, timeoutMs, traceparent }) => {
      if (kind === 'keepalive') {
        heard(decodePayload(body) as NodeRef);
        return encodePayload(undefined);
      }
      if (kind === 'scale') return encodePayload(scale());
      if (kind === 'drain') {
        drain(decodePayload(body) as DrainOrder);
        return encodePayload(undefined);
      }
      if (kind !== 'membership') return voter().server.call(kind, body, traceparent);
      if ((decodePayload(body) as readonly unknown[])[0] === KNOWN[0]) return encodePayload(known.known());
      const here = voting();
      if (here === undefined) throw new TroupeError('NODE_UNAVAILABLE', 'this node is starting');
      return here.serve(from, body, timeoutMs);
    },
    lost,
    watch: (_from, signal) => voter().server.watch(signal),
    snapshot: (_from, index) => voter().snapshot(index),
  };
}

function votersOver(transport: ControlTransport): Voters {
  return {
    call: (to, kind, body, timeoutMs, traceparent) => transport.request(to, { kind, body, timeoutMs, traceparent }),
    watch: (to, signal) => transport.watch(to, signal),
  };
}
