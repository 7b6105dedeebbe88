import { type Host, type JobSpec, RUNTIME_MAIL, type WorkItem } from '../agent/index.ts';
import type { NodeActors, PoolStatus } from '../cluster/index.ts';
import type { ChangeVoters, Coordinator, DecisionRecord, NodeRecord, Relay } from '../coordinator/index.ts';
import { TroupeError } from '../core/index.ts';
import { Budget } from '../model/index.ts';
import type { ClusterUpdate } from '../wire/generated/troupe/v1/ClusterUpdate.ts';
import type { Decision } from '../wire/generated/troupe/v1/Decision.ts';
import type { JobProgress } from '../wire/generated/troupe/v1/JobProgress.ts';
import type { Spending__Output } from '../wire/generated/troupe/v1/Spending.ts';
import type { SubmitJobRequest__Output } from '../wire/generated/troupe/v1/SubmitJobRequest.ts';
import type { TaskOutcome as OutcomeMessage } from '../wire/generated/troupe/v1/TaskOutcome.ts';
import type { TroupeHandlers } from '../wire/generated/troupe/v1/Troupe.ts';
import type { CallContext, Calls } from './calls.ts';
import { fromBallot, fromOpenDecision, toDecision } from './decision-message.ts';
import { HELD_PER_PAGE, toHeldTurn, toLedgerRuling } from './held.ts';
import { fromHeldPlace, fromRulingMessage, toHeldMessage } from './held-message.ts';
import { fromJobHeader, fromWorkItem, toJob, toOutcome } from './job-message.ts';
import { fromJsonBytes, toJsonBytes } from './json.ts';
import type { LedgerFeed } from './ledger-feed.ts';
import { CALL_TIMEOUT_MS, DRAIN_MS, VOTERS_SHARE } from './limits.ts';
import { toMembers, toNode, toView } from './node-message.ts';
import { planOn } from './plan-message.ts';
import { PositionSet } from './position-set.ts';
import { topicHandlers } from './topic-handlers.ts';
import { toEvents } from './update-message.ts';
import { valueHandlers } from './value-handlers.ts';
import { fromVoterChange } from './voters-message.ts';

/** The version of the API that this code serves. */
export const API_VERSION = 1;

/** Outcomes in one message of WatchJob: few enough to stay far below the message limit. */
const OUTCOMES_PER_MESSAGE_MAX = 500;
const OUTCOME_BYTES_PER_MESSAGE_MAX = 1_048_576;

/** Empties a node; resolves when it has left. Draining twice is draining once. */
export type Drain = (node: string, options: { readonly reason: string; readonly deadlineMs: number }) => Promise<void>;

/** What the service stands on. */
export interface ServiceParts {
  readonly cluster: string;
  readonly host: Host;
  /** Of this node's present life. @throws TroupeError SHUTTING_DOWN when there is none */
  readonly actors: () => NodeActors;
  /** This node's id. */
  readonly node: string;
  readonly coordinator: Coordinator & Relay;
  readonly drain: Drain;
  readonly changeVoters: ChangeVoters;
  /** Asks the leader how pools are scaled. */
  readonly scale: (timeoutMs: number) => Promise<readonly PoolStatus[]>;
  readonly feed: LedgerFeed;
}

/** The methods of `troupe.v1.Troupe` on a node's host and coordinator. */
export function troupeHandlers(parts: ServiceParts, calls: Calls): TroupeHandlers {
  const { cluster, host, coordinator, drain, changeVoters, scale, feed } = parts;

  const nodes = async (
    stale: boolean,
    context: Partial<CallContext>,
  ): Promise<{ index: number; nodes: NodeRecord[] }> => {
    const view = await coordinator.query('cluster.view', {}, { ...context, stale });
    const newest = new Map<string, NodeRecord>();
    for (const node of view.nodes) {
      if (node.incarnation >= (newest.get(node.node)?.incarnation ?? 0)) newest.set(node.node, node);
    }
    return { index: view.index, nodes: [...newest.values()].sort((a, b) => (a.node < b.node ? -1 : 1)) };
  };

  return {
    ...valueHandlers(parts, calls),
    ...topicHandlers(parts.actors, calls),

    GetStatus: calls.unary(async (request, context) => {
      const stale = request.stale ?? false;
      const [view, stats] = await Promise.all([
        coordinator.query('cluster.view', {}, { ...context, stale }),
        coordinator.query('ledger.stats', {}, { ...context, stale }),
      ]);
      const { leader } = coordinator;
      return {
        cluster,
        view: toView(view),
        stats: { ...stats },
        apiVersion: API_VERSION,
        ...(leader === undefined ? {} : { leader }),
      };
    }),

    ListNodes: calls.unary(async (request, context) => {
      const { index, nodes: list } = await nodes(request.stale ?? false, context);
      return { index, nodes: list.map(toNode) };
    }),

    Ask: calls.unary(async (request, context) => {
      const { kind, key, method, input } = target(request);
      const { requestId } = request;
      const budget = request.budget ? budgetOf(request.budget) : undefined;
      const options = { ...context, budget, ...(requestId ? { requestId } : {}) };
      const reply = await host.ask({ kind, key }, method, input, options);
      const payload = toJsonBytes(reply, `the reply of ${kind}/${key} to "${method}"`);
      return { payload, ...(budget && { spent: budget.spent }) };
    }),

    Tell: calls.unary(async (request) => {
      const { kind, key, method, input } = target(request);
      await host.tell({ kind, key }, method, input);
      return {};
    }),

    Send: calls.unary(async (request) => {
      const { kind, key, method, input } = target(request);
      await host.send({ kind, key }, method, input, request.requestId || undefined);
      return {};
    }),

    SubmitJob: calls.clientStream(async (requests, context) => {
      const stream = requests[Symbol.asyncIterator]();
      const { id, spec } = await readHeader(stream, context.traceparent);
      const job = await host.submitJob(id, spec, readItems(stream));
      return toJob(job);
    }),

    WatchJob: calls.serverStream(async function* (request, context) {
      const seen = new PositionSet((request.seen ?? []).map(({ first = 0, last = 0 }) => ({ first, last })));
      for await (const { job, settled } of host.watchJob(required(request.id, 'id'), context.signal)) {
        const fresh = settled.filter((outcome) => !seen.has(outcome.position)).map(toOutcome);
        for (const batch of batches(fresh)) yield { job: toJob(job), settled: batch } satisfies JobProgress;
      }
    }),

    OpenDecision: calls.unary(async (request, context) => {
      required(request.id, 'id');
      if ((request.electors ?? []).length === 0)
        throw new TroupeError('INVALID_ARGUMENT', 'electors must name someone');
      return toDecision(await coordinator.execute('decision.open', fromOpenDecision(request), context));
    }),

    CastBallot: calls.unary(async (request, context) => {
      const id = required(request.id, 'id');
      required(request.ballot?.member, 'ballot.member');
      return toDecision(
        await coordinator.execute('decision.cast', { id, ballot: fromBallot(request.ballot) }, context),
      );
    }),

    CancelJob: calls.unary(async (request, context) =>
      toJob(await coordinator.execute('job.close', { id: required(request.id, 'id'), cancelled: true }, context)),
    ),

    CloseDecision: calls.unary(async (request, context) =>
      toDecision(await coordinator.execute('decision.close', { id: required(request.id, 'id') }, context)),
    ),

    GetDecision: calls.unary(async (request, context) =>
      toDecision(await coordinator.query('decision.get', { id: required(request.id, 'id') }, context)),
    ),

    WatchDecision: calls.serverStream((request, context) =>
      watchDecision(coordinator, feed, required(request.id, 'id'), context),
    ),

    ListHeld: calls.unary(async ({ after, limit }, context) => {
      const { kind, key, hold } = fromHeldPlace(after);
      const page = { limit: limit || HELD_PER_PAGE, ...(after != null && { after: { group: kind, key, hold } }) };
      const { held } = await coordinator.query('held.list', page, context);
      return { held: held.map((each) => toHeldMessage(toHeldTurn(each))) };
    }),

    ResolveHeld: calls.unary(async ({ place, ruling }, context) => {
      const { kind, key, hold } = fromHeldPlace(place);
      const request = {
        group: required(kind, 'place.kind'),
        key: required(key, 'place.key'),
        hold,
        ruling: toLedgerRuling(fromRulingMessage(ruling)),
      };
      return toHeldMessage(toHeldTurn(await coordinator.execute('held.rule', request, context)));
    }),

    DrainNode: calls.unary(async (request, { traceparent }) => {
      const id = required(request.node, 'node');
      const find = async (): Promise<NodeRecord | undefined> =>
        (await nodes(false, { traceparent })).nodes.find((node) => node.node === id);
      const before = await find();
      if (before === undefined) throw new TroupeError('NOT_FOUND', `there is no node "${id}"`, { address: id });
      if (before.state === 'down') throw new TroupeError('NODE_FENCED', `node "${id}" is down`, { address: id });
      if (before.state === 'left') return toNode(before);
      const deadlineMs = request.deadlineMs || DRAIN_MS;
      await drain(id, { reason: request.reason || 'asked by a client', deadlineMs });
      return toNode((await find()) ?? before);
    }),

    PlanPlacement: calls.unary(async ({ stale = false, without = [], with: added = [] }, context) => {
      const view = await coordinator.query('cluster.view', {}, { ...context, stale });
      return planOn(view, { without, with: added.map(({ id = '', ...rest }) => ({ id, ...rest })) });
    }),

    ChangeVoters: calls.unary(async (request, { timeoutMs }) => {
      const change = fromVoterChange(request.change);
      const { changed, members } = await changeVoters(change, required(request.node, 'node'), timeoutMs * VOTERS_SHARE);
      return { changed, members: toMembers(members) };
    }),

    GetScale: calls.unary(async (_request, { timeoutMs }) => ({ pools: [...(await scale(timeoutMs))] })),

    StreamEvents: calls.serverStream((request, context) =>
      clusterUpdates(coordinator, feed, request.afterIndex ?? 0, context.signal),
    ),
  };
}

function required(value: string | undefined, name: string): string {
  if (value === undefined || value === '') throw new TroupeError('INVALID_ARGUMENT', `${name} is missing`);
  return value;
}

interface Target {
  readonly kind?: string;
  readonly key?: string;
  readonly method?: string;
  readonly payload?: Uint8Array;
}

function target(request: Target): { kind: string; key: string; method: string; input: unknown } {
  const kind = required(request.kind, 'kind');
  const key = required(request.key, 'key');
  const method = required(request.method, 'method');
  if (RUNTIME_MAIL.has(method)) throw new TroupeError('INVALID_ARGUMENT', `"${method}" is the runtime's own`);
  return {
    kind,
    key,
    method,
    input: fromJsonBytes(request.payload, 'the payload'),
  };
}

async function readHeader(
  stream: AsyncIterator<SubmitJobRequest__Output>,
  traceparent: string | undefined,
): Promise<{ id: string; spec: JobSpec }> {
  const first = await stream.next();
  const header = first.done ? undefined : first.value.header;
  if (header == null) throw new TroupeError('INVALID_ARGUMENT', 'the first message must be the header');
  return { id: required(header.id, 'header.id'), spec: fromJobHeader(header, traceparent) };
}

/** A cancelled stream may look like one that ended, so only the end message ends the list: half a job is never sealed. */
async function* readItems(stream: AsyncIterator<SubmitJobRequest__Output>): AsyncGenerator<WorkItem> {
  let count = 0;
  for (let next = await stream.next(); !next.done; next = await stream.next()) {
    const { items, end } = next.value;
    if (end != null) {
      if (end.items === count) return;
      throw new TroupeError('INVALID_ARGUMENT', `${count} items arrived, the end says ${end.items ?? 0}`);
    }
    if (items == null) throw new TroupeError('INVALID_ARGUMENT', 'after the header come items, then the end');
    for (const item of items.items ?? []) {
      target(item);
      count++;
      yield fromWorkItem(item);
    }
  }
  throw new TroupeError('CANCELLED', `the submission broke off after ${count} items, without its end message`);
}

/** Splits outcomes by count and size; without any there is still one message, for the job's counts. */
function* batches(outcomes: readonly OutcomeMessage[]): Generator<OutcomeMessage[]> {
  let batch: OutcomeMessage[] = [];
  let bytes = 0;
  for (const outcome of outcomes) {
    const size = outcome.payload?.length ?? 0;
    if (
      batch.length === OUTCOMES_PER_MESSAGE_MAX ||
      (batch.length > 0 && bytes + size > OUTCOME_BYTES_PER_MESSAGE_MAX)
    ) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(outcome);
    bytes += size;
  }
  yield batch;
}

async function* watchDecision(
  coordinator: Coordinator,
  feed: LedgerFeed,
  id: string,
  { signal, traceparent }: CallContext,
): AsyncGenerator<Decision> {
  let heard: DecisionRecord | undefined;
  let stale = true;
  let wake = Promise.withResolvers<void>();
  const notify = (): void => wake.resolve();
  const stop = feed.onDecision(id, (decision) => {
    if (decision === undefined) stale = true;
    else heard = decision;
    notify();
  });
  signal.addEventListener('abort', notify, { once: true });
  try {
    let sent = -1;
    while (!signal.aborted) {
      wake = Promise.withResolvers();
      if (stale) {
        stale = false;
        const read = await coordinator.query(
          'decision.get',
          { id },
          { timeoutMs: CALL_TIMEOUT_MS, signal, traceparent },
        );
        if (heard === undefined || progress(read) > progress(heard)) heard = read;
      }
      if (heard !== undefined && progress(heard) > sent) {
        sent = progress(heard);
        yield toDecision(heard);
        if (heard.result !== undefined) return;
        continue;
      }
      await wake.promise;
    }
  } finally {
    stop();
    signal.removeEventListener('abort', notify);
  }
}

/** A decision only gains ballots, then its result: a number that grows with both. */
function progress(decision: DecisionRecord): number {
  return decision.ballots.length + (decision.result === undefined ? 0 : decision.electors.length + 1);
}

async function* clusterUpdates(
  coordinator: Coordinator,
  feed: LedgerFeed,
  afterIndex: number,
  signal: AbortSignal,
): AsyncGenerator<ClusterUpdate> {
  let wake = Promise.withResolvers<void>();
  const onAbort = (): void => wake.resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  let cursor = afterIndex;
  let fresh = afterIndex === 0;
  let leader: Coordinator['leader'];
  try {
    while (!signal.aborted) {
      wake = Promise.withResolvers();
      void feed.changed.then(wake.resolve);
      if (feed.ready) {
        const entries = fresh ? undefined : feed.after(cursor);
        if (entries === undefined) {
          fresh = false;
          cursor = feed.view.index;
          yield { view: toView(feed.view) };
          continue;
        }
        if (coordinator.leader?.node !== leader?.node || coordinator.leader?.term !== leader?.term) {
          leader = coordinator.leader;
          yield { leader: leader === undefined ? {} : { leader } };
        }
        for (const { index, events } of entries) {
          cursor = index;
          yield toEvents(index, events);
        }
        if (entries.length > 0) continue;
      }
      await wake.promise;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function budgetOf({ tokens, costMicroUsd }: Spending__Output): Budget {
  return new Budget({
    ...(tokens === undefined ? {} : { tokens }),
    ...(costMicroUsd === undefined ? {} : { costMicroUsd }),
  });
}
