import type { Behavior, RestartLimit, SpawnOptions } from '../actor/index.ts';
import type { GroupSpec } from '../coordinator/index.ts';
import { type AgentAddress, TroupeError } from '../core/index.ts';
import { resolveLimits, type Threads } from '../thread/index.ts';
import { activate } from './activation.ts';
import type { AgentSpec, AnyAgent, MailboxSpec, Protocol } from './define.ts';
import type { Delivery } from './delivery.ts';
import type { IdleList } from './idle-list.ts';
import type { Household } from './serving.ts';
import { type Isolation, seated } from './thread/seat.ts';

/** Shards of a kind that names no number. */
const SHARDS_DEFAULT = 32;
/** Idle time of an agent that names none, ms. */
const PASSIVATE_MS_DEFAULT = 60_000;
/** Crashes of an agent within a period before it rests, and that period, ms, unless its kind says otherwise. */
const INTENSITY_DEFAULT = 5;
const PERIOD_MS_DEFAULT = 10_000;
/** Messages that may wait for an agent whose kind names no number, and what they carry, bytes. */
const CAPACITY_DEFAULT = 1_000;
const MAILBOX_BYTES_DEFAULT = 32 * 1024 * 1024;

/** An agent kind on this node. */
export interface Kind {
  readonly spec: AgentSpec<unknown, Protocol>;
  /** Where its handlers run, when not here. */
  readonly isolation: Isolation | undefined;
  readonly idle: IdleList;
  /** How its actors are kept; one object for all, which their system fills in once. */
  readonly keeping: SpawnOptions<Delivery> & {
    readonly restartLimit: RestartLimit;
    readonly mailbox: MailboxSpec & { readonly sizeOf: (delivery: Delivery) => number };
  };
}

function sizeOf({ bytes }: Delivery): number {
  return bytes;
}

/** What comes with a shard for one agent. */
export interface Shipped {
  readonly messages: number;
  readonly bytes: number;
}
export const NOTHING_SHIPPED: Shipped = { messages: 0, bytes: 0 };

/**
 * What its definition says, with all defaults.
 * @param idleOf makes the list of its agents that have nothing to do
 * @throws TroupeError as `isolationOf`
 */
export function kindOf(agent: AnyAgent, threads: Threads, idleOf: (idleMs: number) => IdleList): Kind {
  const spec = specOf(agent);
  const { restart = 'permanent', intensity = INTENSITY_DEFAULT, periodMs = PERIOD_MS_DEFAULT } = spec.supervision ?? {};
  const { capacity = CAPACITY_DEFAULT, bytes = MAILBOX_BYTES_DEFAULT, overflow = 'reject' } = spec.mailbox ?? {};
  return {
    spec,
    isolation: isolationOf(agent, spec, threads),
    idle: idleOf(spec.passivateAfterMs ?? PASSIVATE_MS_DEFAULT),
    keeping: { restart, restartLimit: { intensity, periodMs }, mailbox: { capacity, bytes, overflow, sizeOf } },
  };
}

/** How an actor is kept to whom that is shipped. */
export function withRoomFor({ messages, bytes }: Shipped, keeping: Kind['keeping']): Kind['keeping'] {
  const { mailbox } = keeping;
  if (messages <= mailbox.capacity && bytes <= mailbox.bytes) return keeping;
  const roomy = { capacity: Math.max(messages, mailbox.capacity), bytes: Math.max(bytes, mailbox.bytes) };
  return { ...keeping, mailbox: { ...mailbox, ...roomy } };
}

/** The shard groups that agent kinds make, one per kind. */
export function groupsOf(agents: readonly AnyAgent[]): GroupSpec[] {
  return agents.map((agent) => {
    const spec = specOf(agent);
    const shards = spec.singleton ? 1 : (spec.shards ?? SHARDS_DEFAULT);
    return { group: agent.kind, shards, placement: spec.placement ?? {} };
  });
}

function specOf(agent: AnyAgent): AgentSpec<unknown, Protocol> {
  return (agent as unknown as { readonly spec: AgentSpec<unknown, Protocol> }).spec;
}

/** @throws TroupeError INVALID_ARGUMENT for a limit, INVALID_CONFIGURATION when nobody has said which module a thread is to load */
function isolationOf(agent: AnyAgent, spec: AgentSpec<unknown, Protocol>, threads: Threads): Isolation | undefined {
  if (spec.isolation !== 'thread') return undefined;
  const { module = agent.module, ...limits } = spec.thread ?? {};
  if (module === undefined) {
    const message = `agent kind "${agent.kind}" runs in a thread, which must load its module: name its URL in the cluster's \`agents\`, or set thread: { module: import.meta.url }`;
    throw new TroupeError('INVALID_CONFIGURATION', message, { address: agent.kind });
  }
  return { threads, module, limits: resolveLimits(limits) };
}

/** Makes the behaviour of an agent's actor. */
export function behaviorOf({ isolation }: Kind, house: Household, address: AgentAddress): Behavior<Delivery> {
  return isolation === undefined ? activate(house, address) : seated(house, address, isolation);
}
