import type { AskOptions, Host, JobProgress, JobSpec, TaskOutcome, WorkItem } from '../../../src/agent/index.ts';
import { type ApiServer, type ServeApiOptions, serveApi } from '../../../src/api/index.ts';
import type { PoolStatus } from '../../../src/cluster/index.ts';
import type {
  Coordinator,
  DecisionRecord,
  JobRecord,
  LedgerEvent,
  NodeRecord,
  Relay,
  WatchDelivery,
} from '../../../src/coordinator/index.ts';
import { type AgentAddress, nullLogger, systemClock, TroupeError, toWireError } from '../../../src/core/index.ts';

type Handler = (input: never, options: AskOptions, address: AgentAddress) => unknown;
type Change = LedgerEvent extends infer E
  ? E extends LedgerEvent
    ? Omit<E, 'index' | 'term' | 'time'>
    : never
  : never;

/** A cluster in memory, as far as the API can see: one ledger for all its nodes, agents as functions. */
export class FakeCluster {
  readonly agents: Record<string, Handler> = {};
  readonly told: string[] = [];
  readonly sent: string[] = [];
  readonly drained: string[] = [];
  /** Changes of the voters that were asked for. */
  readonly voterChanges: [change: string, node: string][] = [];
  readonly nodes: Map<string, NodeRecord> = new Map();
  readonly decisions: Map<string, DecisionRecord> = new Map();
  readonly jobs: Map<string, { job: JobRecord; spec: JobSpec; items: WorkItem[]; settled: TaskOutcome[] }> = new Map();
  readonly replies: Map<string, Promise<unknown>> = new Map();
  index = 100;
  leader: { node: string; term: number } | undefined = { node: 'node-1', term: 3 };
  /** Called when a stream of items has begun. */
  onItem: () => void = () => undefined;
  submissionsFailed = 0;
  readonly #watchers: Set<(delivery: WatchDelivery) => void> = new Set();
  readonly #leaderListeners: Set<() => void> = new Set();
  readonly #changes: Set<() => void> = new Set();

  get watchers(): number {
    return this.#watchers.size;
  }

  addNode(id: string, state: NodeRecord['state'] = 'up', more: Partial<NodeRecord> = {}): void {
    const addresses = { control: '127.0.0.1:1', data: '127.0.0.1:2', api: '127.0.0.1:3' };
    const node = {
      node: id,
      incarnation: 7,
      state,
      addresses,
      labels: { capacity: 'spot' },
      voter: false,
      groups: ['echo'],
      ...more,
    };
    this.nodes.set(id, node);
    this.commit({ type: 'node', node });
  }

  setLeader(leader: { node: string; term: number } | undefined): void {
    this.leader = leader;
    for (const listener of this.#leaderListeners) listener();
  }

  commit(...changes: Change[]): void {
    const index = ++this.index;
    const events = changes.map((change) => ({ ...change, index, term: 3, time: 1_700_000_000_000 }) as LedgerEvent);
    for (const listener of this.#watchers) listener({ type: 'events', index, events });
    for (const listener of this.#changes) listener();
  }

  view(): WatchDelivery {
    return { type: 'view', view: { index: this.index, nodes: [...this.nodes.values()], groups: [], shards: [] } };
  }

  /** Every watcher loses its events and starts from a view. */
  gap(): void {
    for (const listener of this.#watchers) listener(this.view());
  }

  cast(id: string, member: string, choice: string): DecisionRecord {
    const decision = this.decision(id);
    if (decision.result !== undefined) throw new TroupeError('DECISION_CLOSED', 'too late', { address: id });
    const ballots = [...decision.ballots, { member, choice }];
    const votes = ballots.filter((ballot) => ballot.choice === choice).length;
    const result =
      votes * 2 > decision.electors.length
        ? { outcome: 'decided' as const, choice, tally: { [choice]: votes }, index: this.index + 1, term: 3, epoch: 1 }
        : undefined;
    const next = { ...decision, ballots, ...(result === undefined ? {} : { result }) };
    this.decisions.set(id, next);
    this.commit({ type: 'decision', decision: next });
    return next;
  }

  decision(id: string): DecisionRecord {
    const decision = this.decisions.get(id);
    if (decision === undefined) throw new TroupeError('NOT_FOUND', `no decision "${id}"`, { address: id });
    return decision;
  }

  settle(id: string, position: number, value: unknown, ok = true): void {
    const entry = this.jobs.get(id);
    if (entry === undefined) throw new TroupeError('NOT_FOUND', 'no job');
    entry.settled.push({ task: String(position), position, ok, value });
    const completed = entry.settled.length;
    const state = completed === entry.items.length ? ('closed' as const) : ('open' as const);
    entry.job = { ...entry.job, completed, state };
    this.commit({
      type: 'job',
      job: entry.job,
      settled: [{ task: String(position), position, ok, result: new Uint8Array(9) }],
    });
  }

  coordinator(): Coordinator & Relay {
    const cluster = this;
    const execute = async (name: string, request: never): Promise<unknown> => {
      const { id, ...rest } = request as { id: string; ballot: { member: string; choice: string } };
      if (name === 'decision.open') {
        const known = cluster.decisions.get(id);
        const decision =
          known ?? ({ id, closesAt: 1_700_000_010_000, ballots: [], ...rest } as unknown as DecisionRecord);
        cluster.decisions.set(id, decision);
        if (known === undefined) cluster.commit({ type: 'decision', decision });
        return decision;
      }
      if (name === 'decision.cast') return cluster.cast(id, rest.ballot.member, rest.ballot.choice);
      const decision = cluster.decision(id);
      const result = { outcome: 'expired' as const, tally: {}, index: cluster.index + 1, term: 3, epoch: 1 };
      const closed = { ...decision, result: decision.result ?? result };
      cluster.decisions.set(id, closed);
      cluster.commit({ type: 'decision', decision: closed });
      return closed;
    };
    const query = async (name: string, request: never): Promise<unknown> => {
      if (name === 'decision.get') return cluster.decision((request as { id: string }).id);
      if (name === 'ledger.stats') {
        return {
          index: cluster.index,
          ballots: 4,
          decisions: 2,
          tasksCompleted: 1,
          journalRecords: 9,
          puts: 5,
          values: 3,
          valueBytes: 40,
        };
      }
      const delivery = cluster.view();
      return delivery.type === 'view' ? delivery.view : undefined;
    };
    return {
      execute: execute as Coordinator['execute'],
      query: query as Coordinator['query'],
      relay: () => Promise.reject(new TroupeError('NOT_LEADER', 'there are no voters here')),
      watch: (listener) => {
        cluster.#watchers.add(listener);
        queueMicrotask(() => listener(cluster.view()));
        return () => cluster.#watchers.delete(listener);
      },
      get leader() {
        return cluster.leader;
      },
      onLeader: (listener) => {
        const hear = (): void => listener(cluster.leader);
        cluster.#leaderListeners.add(hear);
        return () => cluster.#leaderListeners.delete(hear);
      },
    };
  }

  host(): Host {
    return {
      freshId: () => 'fresh',
      ask: (address, method, input, options = {}) => {
        const run = async (): Promise<unknown> => {
          const handler = this.agents[method];
          if (handler === undefined) throw new TroupeError('UNKNOWN_MESSAGE', `no handler "${method}"`);
          return handler(input as never, options, address);
        };
        const id = options.requestId ?? '';
        const known = this.replies.get(id);
        if (known !== undefined) return known;
        const reply = run();
        if (id !== '') this.replies.set(id, reply);
        return reply;
      },
      tell: async (address, method, input) => {
        this.told.push(`${address.kind}/${address.key} ${method} ${JSON.stringify(input)}`);
      },
      send: async (address, method, input, requestId) => {
        this.sent.push(`${address.kind}/${address.key} ${method} ${JSON.stringify(input)} ${requestId}`);
      },
      openDecision: (request) => this.coordinator().execute('decision.open', request),
      closeDecision: (id) => this.coordinator().execute('decision.close', { id }),
      decisionClosed: () => Promise.reject(new TroupeError('INVARIANT_VIOLATED', 'the server has its own watch')),
      submitJob: async (id, spec, items) => {
        const all: WorkItem[] = [];
        try {
          for await (const item of items) {
            all.push(item);
            this.onItem();
          }
        } catch (error) {
          this.submissionsFailed++;
          throw error;
        }
        const job: JobRecord = {
          id,
          state: 'open',
          sealed: true,
          tasks: all.length,
          completed: 0,
          failed: 0,
          spec: new Uint8Array(3),
        };
        this.jobs.set(id, { job, spec, items: all, settled: [] });
        return job;
      },
      cancelJob: (id) => this.coordinator().execute('job.close', { id, cancelled: true }),
      watchJob: (id, signal) => this.#watchJob(id, signal),
    };
  }

  async *#watchJob(id: string, signal?: AbortSignal): AsyncGenerator<JobProgress> {
    let told = 0;
    let wake = Promise.withResolvers<void>();
    const notify = (): void => wake.resolve();
    this.#changes.add(notify);
    signal?.addEventListener('abort', notify);
    try {
      while (!signal?.aborted) {
        wake = Promise.withResolvers();
        const entry = this.jobs.get(id);
        if (entry === undefined) throw new TroupeError('NOT_FOUND', `no job "${id}"`);
        const settled = entry.settled.slice(told);
        told += settled.length;
        if (settled.length > 0) yield { job: entry.job, settled };
        if (entry.job.state !== 'open') return;
        await wake.promise;
      }
      throw new TroupeError('CANCELLED', 'gone');
    } finally {
      this.#changes.delete(notify);
      signal?.removeEventListener('abort', notify);
    }
  }

  /** How its pools are scaled. */
  pools: readonly PoolStatus[] = [];

  /** Serves the API of one more node of this cluster. */
  serve(more: Partial<ServeApiOptions> = {}): Promise<ApiServer> {
    return serveApi({
      address: '127.0.0.1:0',
      host: this.host(),
      actors: () => {
        throw new TroupeError('SHUTTING_DOWN', 'there are no actors here');
      },
      coordinator: this.coordinator(),
      drain: async (node) => {
        this.drained.push(node);
        const account = { agents: 5, messages: 2, drainMs: 812.5, pauseMsP50: 3, pauseMsP99: 9.25 };
        this.addNode(node, 'left', { account });
      },
      scale: async () => this.pools,
      changeVoters: async (change, node) => {
        this.voterChanges.push([change, node]);
        const member = { node, member: `${node}@a` };
        return { changed: true, members: { voters: change === 'addLearner' ? [] : [member], learners: [] } };
      },
      cluster: 'fake',
      node: 'node-1',
      clock: systemClock,
      logger: nullLogger,
      ...more,
    });
  }
}

/** The error in the form a failed task has. */
export function failed(code: 'HANDLER_FAILED' | 'TIMEOUT', message: string): unknown {
  return toWireError(new TroupeError(code, message));
}

const PATIENCE_MS = 5_000;

/** Resolves once `condition` holds, looking after each turn of the event loop; throws when it never does. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = systemClock.monotonic() + PATIENCE_MS;
  do {
    if (systemClock.monotonic() > deadline) throw new TroupeError('TIMEOUT', `never: ${condition}`);
    await new Promise<void>((resolve) => systemClock.yieldThen(resolve));
  } while (!(await condition()));
}
