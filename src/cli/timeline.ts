import type { ApiStatus, LedgerEvent, NodeRecord } from '../api/index.ts';
import type { Clock } from '../core/index.ts';
import type { Timeline, TimelineEntry } from '../node/index.ts';
import type { Fault } from './chaos.ts';

/** At most one progress entry in this time, ms; more would draw no better curve. */
const PROGRESS_EVERY_MS = 200;
/** Entries of a timeline; past it every second progress entry goes, and the rest are taken half as often. */
const ENTRIES_MAX = 5_000;

type FaultEntry = Extract<TimelineEntry, { type: 'fault' }>;
type Account = NonNullable<NodeRecord['account']>;

interface Open {
  readonly at: number;
  readonly entry: FaultEntry;
  /** For a killed leader: decisions of a later term were committed after it. */
  readonly term: number;
}

/** Records what happens during a job, from the ledger's events and from what the run does itself. */
export class TimelineRecorder implements Timeline {
  readonly #clock: Clock;
  readonly #start: number;
  readonly #nodes: Map<string, NodeRecord> = new Map();
  readonly #accounts: Map<string, Account> = new Map();
  #entries: TimelineEntry[] = [];
  #open: Open[] = [];
  #leader: { readonly node: string | undefined; readonly term: number } = { node: undefined, term: -1 };
  #progressEveryMs: number = PROGRESS_EVERY_MS;
  #lastProgressMs: number = Number.NEGATIVE_INFINITY;
  #failoverMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#start = clock.monotonic();
  }

  get entries(): readonly TimelineEntry[] {
    return this.#entries;
  }

  get migratedAgents(): number {
    let sum = 0;
    for (const account of this.#accounts.values()) sum += account.agents;
    return sum;
  }

  get migrationPauseMsP99(): number | undefined {
    const moved = [...this.#accounts.values()].filter((account) => account.agents > 0);
    return moved.length === 0 ? undefined : Math.max(...moved.map((account) => account.pauseMsP99));
  }

  get drainMs(): number | undefined {
    const drains = [...this.#accounts.values()].map((account) => account.drainMs);
    return drains.length === 0 ? undefined : Math.max(...drains);
  }

  get failoverMs(): number | undefined {
    return this.#failoverMs;
  }

  /** Time since the job began, ms. */
  get elapsedMs(): number {
    return Math.round(this.#clock.monotonic() - this.#start);
  }

  /** What is there at the beginning, or after a change of leader. */
  status({ leader, view }: Pick<ApiStatus, 'leader' | 'view'>): void {
    for (const node of view.nodes) this.#node(node);
    this.leader(leader);
  }

  /** Who leads now, as far as is known. */
  leader(leader: { readonly node: string; readonly term: number } | undefined): void {
    const term = leader?.term ?? this.#leader.term;
    if (term < this.#leader.term || (term === this.#leader.term && leader?.node === this.#leader.node)) return;
    this.#leader = { node: leader?.node, term };
    this.#push({ atMs: this.elapsedMs, type: 'leader', ...this.#leader });
  }

  event(event: LedgerEvent): void {
    if (event.type === 'node') this.#node(event.node);
    if (event.type === 'decision' && event.decision.result !== undefined) {
      this.#settle((open) => open.entry.fault === 'kill-leader' && event.term > open.term);
    }
  }

  progress(done: number, total: number): void {
    const atMs = this.elapsedMs;
    if (done < total && atMs - this.#lastProgressMs < this.#progressEveryMs) return;
    this.#lastProgressMs = atMs;
    this.#push({ atMs, type: 'progress', done, total });
  }

  /**
   * A fault strikes. Its cost is known later: a preempted node's when it has left, a killed leader's at the next decision.
   *
   * @param term the term in which the node led
   */
  fault(fault: Fault, node: string, term: number): void {
    const entry: FaultEntry = { atMs: this.elapsedMs, type: 'fault', fault, node, hurtMs: undefined };
    this.#open.push({ at: this.#clock.monotonic(), entry, term });
    this.#push(entry);
  }

  #node(record: NodeRecord): void {
    const known = this.#nodes.get(record.node);
    if (known !== undefined && known.incarnation > record.incarnation) return;
    if (record.account !== undefined) this.#accounts.set(`${record.node}#${record.incarnation}`, record.account);
    if (known?.incarnation === record.incarnation && known.state === record.state) return;
    this.#nodes.set(record.node, record);
    const { node, state, reason } = record;
    this.#push({ atMs: this.elapsedMs, type: 'node', node, state, ...(reason === undefined ? {} : { reason }) });
    if (state !== 'left' && state !== 'down') return;
    this.#settle((open) => open.entry.fault === 'preempt' && open.entry.node === node, record.account?.drainMs);
  }

  #settle(isOver: (open: Open) => boolean, knownMs?: number): void {
    for (const open of this.#open.filter(isOver)) {
      const hurtMs = Math.round(knownMs ?? this.#clock.monotonic() - open.at);
      this.#entries[this.#entries.indexOf(open.entry)] = { ...open.entry, hurtMs };
      this.#open = this.#open.filter((other) => other !== open);
      if (open.entry.fault === 'kill-leader') this.#failoverMs = Math.max(this.#failoverMs ?? 0, hurtMs);
    }
  }

  #push(entry: TimelineEntry): void {
    this.#entries.push(entry);
    if (this.#entries.length <= ENTRIES_MAX) return;
    let nth = 0;
    this.#entries = this.#entries.filter((old) => old.type !== 'progress' || nth++ % 2 === 0);
    this.#progressEveryMs *= 2;
  }
}
