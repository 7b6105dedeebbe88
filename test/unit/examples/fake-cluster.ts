import type {
  AgentContext,
  AgentDefinition,
  Cluster,
  DecisionRecord,
  Host,
  LedgerStats,
  Protocol,
  Team,
  VoteRequest,
} from 'troupe';
import { isAgent } from 'troupe';
import { closeTally } from '../../../src/coordinator/ledger/tally.ts';

type Agent = AgentDefinition<unknown, Protocol>;
type Handler = (ctx: AgentContext<unknown>, input: unknown) => Promise<unknown>;

/** Agents, ballots and decisions in one process without time or failures: what an agent's own code needs, and no more. */
export class FakeCluster {
  readonly decisions: Map<string, DecisionRecord> = new Map();
  readonly states: Map<string, unknown> = new Map();
  readonly #agents: Map<string, Agent>;
  #index = 100;
  #ballots = 0;

  readonly #closed: Map<string, PromiseWithResolvers<DecisionRecord>> = new Map();

  constructor(agents: Readonly<Record<string, unknown>>) {
    const known = Object.values(agents).filter(isAgent) as Agent[];
    this.#agents = new Map(known.map((agent) => [agent.kind, agent]));
  }

  get stats(): LedgerStats {
    const decisions = [...this.decisions.values()].filter((record) => record.result !== undefined).length;
    return {
      index: this.#index,
      ballots: this.#ballots,
      decisions,
      tasksCompleted: 0,
      journalRecords: 0,
      puts: 0,
      values: 0,
      valueBytes: 0,
    };
  }

  /** Delivers one message. */
  async ask(kind: string, key: string, method: string, input: unknown): Promise<unknown> {
    const agent = this.#agents.get(kind) as Agent;
    const ctx = this.#context(agent, key);
    if (method !== '$vote') return (agent.spec.handlers[method] as Handler)(ctx, input);
    const request = input as VoteRequest;
    const vote = await agent.spec.vote?.(ctx, request);
    const record = this.decisions.get(request.decision) as DecisionRecord;
    this.#ballots++;
    this.decisions.set(record.id, { ...record, ballots: [...record.ballots, { member: `${kind}/${key}`, ...vote }] });
    if (record.ballots.length + 1 === record.electors.length) this.#close(record.id);
    return undefined;
  }

  /** As much of a cluster as a job sees. */
  get cluster(): Cluster {
    const fake = this;
    const team: Pick<Team, 'map'> = {
      async *map(items, options) {
        for (const [position, item] of items.entries()) {
          const work = options.perItem(item, position);
          try {
            const value = (await fake.ask(work.kind, work.key, work.method, work.input)) as never;
            yield { item, position, ok: true, value };
          } catch (error) {
            yield { item, position, ok: false, error: error as Error };
          }
        }
      },
    };
    return { name: 'fake', team: () => team, status: async () => ({ stats: this.stats }) } as unknown as Cluster;
  }

  #close(id: string): DecisionRecord {
    const record = this.decisions.get(id) as DecisionRecord;
    if (record.result !== undefined) return record;
    const poll = { rule: record.rule, electors: record.electors.length, quorum: record.quorum };
    const closed = {
      ...record,
      result: { ...closeTally(poll, record.ballots), index: ++this.#index, term: 1, epoch: 0 },
    };
    this.decisions.set(id, closed);
    this.#closing(id).resolve(closed);
    return closed;
  }

  #closing(id: string): PromiseWithResolvers<DecisionRecord> {
    const known = this.#closed.get(id) ?? Promise.withResolvers<DecisionRecord>();
    this.#closed.set(id, known);
    return known;
  }

  #context(agent: Agent, key: string): AgentContext<unknown> {
    const at = `${agent.kind}/${key}`;
    const host: Partial<Host> = {
      ask: (address, method, input) => this.ask(address.kind, address.key, method, input),
      openDecision: async (request) => {
        const known = this.decisions.get(request.id);
        const record = known ?? { ...request, closesAt: 0, ballots: [] };
        this.decisions.set(request.id, record);
        return record;
      },
      closeDecision: async (id) => this.#close(id),
      decisionClosed: (id) => this.#closing(id).promise,
    };
    const ctx: Partial<AgentContext<unknown>> = {
      state: this.states.get(at) ?? agent.spec.state(),
      setState: (next) => this.states.set(at, next),
      step: async (_name: string, given: unknown, fn = given) => (fn as (run: unknown) => never)({}),
      host: host as Host,
    };
    return ctx as AgentContext<unknown>;
  }
}
