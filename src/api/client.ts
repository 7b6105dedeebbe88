import type { Host } from '../agent/index.ts';
import type { PoolStatus } from '../cluster/index.ts';
import type {
  Ballot,
  ClusterView,
  DecisionRecord,
  LedgerEvent,
  LedgerStats,
  NodeRecord,
  VoterChange,
  VotersChanged,
} from '../coordinator/index.ts';
import { type Clock, type Logger, type Random, systemRandom, type Tracer, TroupeError, traced } from '../core/index.ts';
import type { Amount } from '../model/index.ts';
import type { Tls } from '../remote/index.ts';
import { ATTRIBUTES, SPANS } from '../telemetry/index.ts';
import { fromDecision, toOpenDecision } from './decision-message.ts';
import { type CallLimits, Failover, isRepeatable } from './failover.ts';
import { type HeldTurns, heldBy } from './held.ts';
import { fromHeldMessage, toRulingMessage } from './held-message.ts';
import { fromJob, fromOutcome } from './job-message.ts';
import { JobUpload } from './job-upload.ts';
import { fromJsonBytes, toJsonBytes } from './json.ts';
import { CALL_TIMEOUT_MS, DRAIN_GRACE_MS, VOTERS_MS, VOTERS_SHARE } from './limits.ts';
import { NodeChannel } from './node-channel.ts';
import { fromMembers, fromNode, fromStats, fromView } from './node-message.ts';
import { fromPlan, type PlacementPlan, type PlanQuestion } from './plan-message.ts';
import { PositionSet } from './position-set.ts';
import { RelayClient } from './relay-client.ts';
import { fromScaledPool } from './scale-message.ts';
import { type ClientTopic, type TopicAccess, topicOver } from './topics.ts';
import { fromEvents } from './update-message.ts';
import { type Values, valuesOver } from './values.ts';
import { toVoterChange } from './voters-message.ts';

/** How long no node at all may be reachable before calls and streams give up, ms. */
const UNAVAILABLE_MS = 30_000;
/** Storing the list of a job, all tries together, ms. */
const SUBMIT_MS = 600_000;

/** What a client of a cluster takes. */
export interface ConnectApiOptions {
  /** API addresses of nodes, `host:port`; asked again at each reconnect, since a restarted node has new ports. */
  readonly addresses: () => Promise<readonly string[]> | readonly string[];
  /** When given, `status` refuses a cluster of another name. */
  readonly cluster?: string;
  /** TLS; the servers must be nodes of its cluster. Default none. */
  readonly tls?: Tls | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tracer: Tracer;
  readonly random?: Random;
  /** The trace that requests join which name none. */
  readonly traceparent?: string | undefined;
  /** Default 30,000 ms. */
  readonly unavailableMs?: number;
}

/** What the cluster looks like now, as a node of it says. */
export interface ApiStatus {
  readonly cluster: string;
  readonly leader: { readonly node: string; readonly term: number } | undefined;
  readonly view: ClusterView;
  readonly stats: LedgerStats;
}

/** A cluster, seen from outside: a host for teams, and what operators need. */
export interface ApiClient extends Host {
  /** Small values under names. */
  readonly kv: Values;
  /** Turns that wait for a person. */
  readonly held: HeldTurns;
  /** A topic of the whole cluster. What is published on it is the caller's word. */
  topic<M>(name: string): ClientTopic<M>;
  /** @param options.stale answer from one node's knowledge, also without a majority of voters */
  status(options?: { readonly stale?: boolean; readonly timeoutMs?: number }): Promise<ApiStatus>;
  /** The newest life of each node, sorted by id. */
  nodes(): Promise<readonly NodeRecord[]>;
  /** Empties a node inside the deadline. Resolves with its last record when it has left. */
  drain(node: string, options: { readonly reason: string; readonly deadlineMs: number }): Promise<NodeRecord>;
  /**
   * What the leader would move now, all of it together, or if nodes left or came. Nothing is changed.
   * @param question.stale as for `status`
   */
  plan(question?: Partial<PlanQuestion> & { readonly stale?: boolean | undefined }): Promise<PlacementPlan>;
  /** Changes who votes. @param timeoutMs default 60,000 */
  changeVoters(change: VoterChange, node: string, timeoutMs?: number): Promise<VotersChanged>;
  /** How pools of workers are scaled, as the leader knows. @throws TroupeError NO_QUORUM, TIMEOUT */
  scale(): Promise<PoolStatus[]>;
  decision(id: string): Promise<DecisionRecord>;
  castBallot(id: string, ballot: Ballot): Promise<DecisionRecord>;
  /**
   * What the ledger commits from the first `next()` on, each index once and in order, whichever node tells it; ends when the
   * signal fires or the client is closed. After an interruption that the new node doesn't remember (thousands of entries), the nodes that differ are
   * told as events, and what happened to decisions and jobs meanwhile isn't. Results of tasks are empty.
   */
  events(signal: AbortSignal): AsyncIterable<LedgerEvent>;
  close(): Promise<void>;
}

/**
 * Connects to a cluster's API, lazily. Every request goes on with another node when its node is lost, within its time.
 * Values cross as JSON.
 */
export function connectApi(options: ConnectApiOptions): ApiClient {
  const { clock, tracer, random = systemRandom, unavailableMs = UNAVAILABLE_MS } = options;
  const channel = new NodeChannel({ ...options, random, logger: options.logger.child({ part: 'api-client' }) });
  const failover = new Failover(channel, clock, random, unavailableMs);
  const relay = new RelayClient(new NodeChannel({ ...options, random, logger: options.logger }), clock, random);
  const traceparent = options.traceparent;
  const limits = { timeoutMs: CALL_TIMEOUT_MS, traceparent };
  // At most once: only a node that refused it at the door lets us try another.
  const once: CallLimits = {
    ...limits,
    again: ({ error, answered }) => answered && error.code === 'SHUTTING_DOWN',
  };
  const topics: TopicAccess = {
    closed: channel.closed,
    publish: async (topic, payload) =>
      (await failover.call('PublishTopic', { topic, payload }, once)).sentToAll ?? false,
    read: (topic, signal) => failover.follow('SubscribeTopic', () => ({ topic }), { signal, traceparent }),
  };

  return {
    kv: valuesOver(relay),

    held: heldBy(
      async (after) => {
        const page = after && { after: { kind: after.kind, key: after.key, hold: after.hold } };
        return ((await failover.call('ListHeld', { ...page }, limits)).held ?? []).map(fromHeldMessage);
      },
      async ({ kind, key, hold }, ruling) => {
        const request = { place: { kind, key, hold }, ruling: toRulingMessage(ruling) };
        return fromHeldMessage(await failover.call('ResolveHeld', request, limits));
      },
    ),

    freshId: () => random.id(16),

    async ask({ kind, key }, method, input, ask = {}) {
      const payload = toJsonBytes(input, `the input of "${method}" for ${kind}/${key}`);
      const requestId = ask.requestId ?? random.id(16);
      const attributes = { [ATTRIBUTES.messagingDestination]: kind, [ATTRIBUTES.messagingMessageId]: requestId };
      const parent = ask.traceparent ?? traceparent;
      return traced(tracer, SPANS.send, { parent, kind: 'client', attributes }, async (span) => {
        const loan = ask.budget?.lend();
        let spent: Amount | undefined;
        try {
          const reply = await failover.call(
            'Ask',
            { kind, key, method, payload, requestId, ...(loan && { budget: loan.limit }) },
            {
              timeoutMs: ask.timeoutMs ?? CALL_TIMEOUT_MS,
              signal: ask.signal,
              traceparent: span.traceparent ?? parent,
            },
          );
          spent = { tokens: reply.spent?.tokens ?? 0, costMicroUsd: reply.spent?.costMicroUsd ?? 0 };
          return fromJsonBytes(reply.payload, `the reply of ${kind}/${key}`);
        } finally {
          loan?.settle(spent);
        }
      });
    },

    async tell({ kind, key }, method, input) {
      const payload = toJsonBytes(input, `the input of "${method}" for ${kind}/${key}`);
      await failover.call('Tell', { kind, key, method, payload }, once);
    },

    async send({ kind, key }, method, input, id) {
      const payload = toJsonBytes(input, `the input of "${method}" for ${kind}/${key}`);
      const requestId = id ?? random.id(16);
      await failover.call('Send', { kind, key, method, payload, requestId }, limits);
    },

    async openDecision(request) {
      return fromDecision(await failover.call('OpenDecision', toOpenDecision(request), limits));
    },

    async closeDecision(id) {
      return fromDecision(await failover.call('CloseDecision', { id }, limits));
    },

    async decision(id) {
      return fromDecision(await failover.call('GetDecision', { id }, limits));
    },

    async castBallot(id, ballot) {
      return fromDecision(await failover.call('CastBallot', { id, ballot }, limits));
    },

    async decisionClosed(id, signal) {
      for await (const message of failover.follow('WatchDecision', () => ({ id }), { signal, traceparent })) {
        if (message.result != null) return fromDecision(message);
      }
      throw new TroupeError('PROTOCOL_VIOLATION', 'the node ended the watch of an open decision', { address: id });
    },

    async submitJob(id, spec, items) {
      const parent = spec.traceparent ?? traceparent;
      const upload = new JobUpload(id, { ...spec, traceparent: parent }, items);
      const job = await failover.attempt((connected, remainingMs) => upload.send(connected, remainingMs, clock.now()), {
        timeoutMs: SUBMIT_MS,
      });
      return fromJob(job);
    },

    async cancelJob(id) {
      return fromJob(await failover.call('CancelJob', { id }, limits));
    },

    async *watchJob(id, signal) {
      const seen = new PositionSet();
      const request = () => ({ id, seen: [...seen.ranges] });
      for await (const { job, settled } of failover.follow('WatchJob', request, { signal, traceparent })) {
        const fresh = (settled ?? []).filter((outcome) => seen.add(outcome.position ?? 0));
        yield { job: fromJob(job), settled: fresh.map(fromOutcome) };
      }
    },

    async status({ stale = false, timeoutMs = CALL_TIMEOUT_MS } = {}) {
      const reply = await failover.call('GetStatus', { stale }, { ...limits, timeoutMs });
      const { cluster = '', leader } = reply;
      if (options.cluster !== undefined && cluster !== options.cluster) {
        throw new TroupeError('IDENTITY_MISMATCH', `this is cluster "${cluster}", not "${options.cluster}"`);
      }
      return {
        cluster,
        leader: leader == null ? undefined : { node: leader.node ?? '', term: leader.term ?? 0 },
        view: fromView(reply.view),
        stats: fromStats(reply.stats),
      };
    },

    async nodes() {
      return ((await failover.call('ListNodes', {}, limits)).nodes ?? []).map(fromNode);
    },

    async drain(node, { reason, deadlineMs }) {
      const reply = await failover.call(
        'DrainNode',
        { node, reason, deadlineMs },
        {
          timeoutMs: deadlineMs + DRAIN_GRACE_MS,
          traceparent,
          again: (failure) => isRepeatable(failure) && failure.error.address !== node,
        },
      );
      return fromNode(reply);
    },

    async plan({ stale = false, without = [], with: added = [] } = {}) {
      return fromPlan(await failover.call('PlanPlacement', { stale, without: [...without], with: [...added] }, limits));
    },

    async changeVoters(change, node, timeoutMs = VOTERS_MS) {
      const request = { change: toVoterChange(change), node };
      const { changed = false, members } = await failover.call('ChangeVoters', request, {
        timeoutMs: timeoutMs / VOTERS_SHARE,
        traceparent,
      });
      return { changed, members: fromMembers(members) };
    },

    async scale() {
      const { pools = [] } = await failover.call('GetScale', {}, limits);
      return pools.map(fromScaledPool);
    },

    events: (signal) => clusterEvents(failover, AbortSignal.any([signal, channel.closed])),

    topic: (name) => topicOver(topics, name),

    async close() {
      relay.close();
      channel.close();
    },
  };
}

async function* clusterEvents(failover: Failover, signal: AbortSignal): AsyncGenerator<LedgerEvent> {
  let cursor = 0;
  let known: Map<string, NodeRecord> | undefined;
  try {
    for await (const update of failover.follow('StreamEvents', () => ({ afterIndex: cursor }), { signal })) {
      if (update.view != null) {
        const view = fromView(update.view);
        if (known !== undefined) yield* missed(view, known);
        known = new Map(view.nodes.map((node) => [node.node, node]));
        cursor = view.index;
      } else if (update.events != null) {
        for (const event of fromEvents(update.events)) {
          if (event.type === 'node') known?.set(event.node.node, event.node);
          yield event;
        }
        cursor = update.events.index ?? 0;
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** The nodes that changed while nobody listened, as events of the view's index. Term and time aren't known: 0. */
function* missed(view: ClusterView, known: ReadonlyMap<string, NodeRecord>): Generator<LedgerEvent> {
  for (const node of view.nodes) {
    const before = known.get(node.node);
    if (before?.incarnation === node.incarnation && before.state === node.state) continue;
    yield { type: 'node', node, index: view.index, term: 0, time: 0 };
  }
}
