import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { PlacementRule } from '../coordinator/index.ts';
import { type AgentAddress, agentAddressKey, TroupeError } from '../core/index.ts';
import type { ThreadLimits } from '../thread/index.ts';
import type { AgentContext } from './context.ts';

/** A schema of the Standard Schema kind (zod, valibot, arktype and others), or undefined for "anything". */
export type Schema = StandardSchemaV1;

/** One message an agent understands. Without `output` the reply is not checked. */
export interface MessageSpec {
  readonly input: Schema;
  readonly output?: Schema;
}

/** The messages of an agent kind by name. */
export type Protocol = Readonly<Record<string, MessageSpec>>;

/** What a sender passes for a message. */
export type InputOf<M extends MessageSpec> = StandardSchemaV1.InferInput<M['input']>;
/** What a handler receives: the input after its schema. */
export type ParsedOf<M extends MessageSpec> = StandardSchemaV1.InferOutput<M['input']>;
/** What a handler returns and an asker gets. */
export type OutputOf<M extends MessageSpec> = M['output'] extends Schema
  ? StandardSchemaV1.InferOutput<M['output']>
  : unknown;

/** Name of the message by which a team asks a member for its vote. */
export const VOTE_METHOD = '$vote';

/** A question put to the members of a team. */
export interface VoteRequest {
  /** Id of the decision in the ledger. */
  readonly decision: string;
  readonly question: string;
  /** Allowed choices; undefined allows any. */
  readonly options?: readonly string[];
  /** What the question is about; whatever the asker gave. */
  readonly subject: unknown;
}

/** A member's answer. Without a `choice` it abstains. */
export interface Vote {
  readonly choice?: string;
  readonly reason?: string;
}

/** The key of the one agent of a kind with `singleton`. */
export const SINGLETON_KEY = 'only';

/** How an agent that crashes is treated. */
export interface SupervisionSpec {
  /** `permanent` restarts at once, `transient` too; `temporary` waits for the next message. Default permanent. */
  readonly restart: 'permanent' | 'transient' | 'temporary';
  /** Crashes allowed in `periodMs`; after that the agent rests for `periodMs` and its messages are refused. Default 5. */
  readonly intensity: number;
  /** Default 10,000 ms. */
  readonly periodMs: number;
}

/** Bound of an agent's mailbox. */
export interface MailboxSpec {
  /** Messages that may wait; default 1,000. */
  readonly capacity: number;
  /** What they carry together, bytes; default 32 MiB. */
  readonly bytes: number;
  /** What happens to one too many; default `reject`. */
  readonly overflow: 'reject' | 'drop-oldest' | 'drop-newest' | 'backpressure';
}

/** Everything about an agent kind. */
export interface AgentSpec<State, P extends Protocol> {
  /** State of an agent that never wrote any. Anything that structured data can hold. */
  readonly state: () => State;
  readonly messages: P;
  readonly handlers: {
    readonly [N in keyof P]: (
      ctx: AgentContext<State>,
      input: ParsedOf<P[N]>,
    ) => OutputOf<P[N]> | Promise<OutputOf<P[N]>>;
  };
  /** Makes this kind able to sit in a team that decides. The runtime casts the returned vote under the agent's epoch. */
  readonly vote?: (ctx: AgentContext<State>, request: VoteRequest) => Vote | Promise<Vote>;
  readonly placement?: PlacementRule;
  /**
   * `journal` (default): state, steps and replies survive every crash. `none`: state is the activation's own and goes with it, there are no
   * steps, and a repeated request is a new turn; such an agent costs the ledger nothing.
   */
  readonly durability?: 'journal' | 'none';
  /** Shards of the group; the same on all nodes, and never changed. Default 32. */
  readonly shards?: number;
  /** There is one agent of this kind in the cluster, under the key SINGLETON_KEY, and so one shard. No other key is served. */
  readonly singleton?: true;
  readonly mailbox?: Partial<MailboxSpec>;
  readonly supervision?: Partial<SupervisionSpec>;
  /** Leaves memory after this long without a message; default 60,000 ms. */
  readonly passivateAfterMs?: number;
  /**
   * `thread`: handlers and votes run in a worker thread, one per agent, so that an endless loop or an allocation bomb costs that agent
   * only. State, journal and schemas stay with the node. The thread loads the definition's module for itself: variables of a module
   * aren't shared, and don't outlive the thread, which the node may take for another agent whenever no turn runs.
   */
  readonly isolation?: 'thread';
  /** Limits of that thread. */
  readonly thread?: ThreadSpec;
}

/** How an agent's thread is kept. What is left out has its default. */
export interface ThreadSpec extends Partial<ThreadLimits> {
  /** The module that exports the definition: `import.meta.url`. Needed only where the node doesn't load agents by URL. */
  readonly module?: string;
}

const AGENT: unique symbol = Symbol.for('troupe.agent') as never;

/** Any agent kind, its types set aside. */
export interface AnyAgent {
  readonly [AGENT]: true;
  readonly kind: string;
  /** URL of the module that it was loaded from, where a node has loaded it. */
  readonly module?: string;
}

/** An agent kind: declared once, known to every node, typed end to end. */
export interface AgentDefinition<State, P extends Protocol> extends AnyAgent {
  readonly spec: AgentSpec<State, P>;
}

const KIND = /^[a-z][a-z0-9.-]{0,63}$/;

/**
 * Declares an agent kind.
 *
 * @param kind lower-case letters, digits, dots and dashes, at most 64; names the shard group too
 * @throws TroupeError INVALID_ARGUMENT for a bad kind or message name, a message without a handler, or a singleton with shards
 */
export function defineAgent<State, P extends Protocol>(
  kind: string,
  spec: AgentSpec<State, P>,
): AgentDefinition<State, P> {
  if (!KIND.test(kind)) {
    throw new TroupeError('INVALID_ARGUMENT', `agent kind "${kind}" must match ${KIND}`, { address: kind });
  }
  for (const name of Object.keys(spec.messages)) {
    if (name.startsWith('$')) {
      throw new TroupeError(
        'INVALID_ARGUMENT',
        `message "${name}" of agent "${kind}" begins with $, as only the runtime's own do`,
        { address: kind },
      );
    }
    if (typeof spec.handlers[name] !== 'function') {
      throw new TroupeError('INVALID_ARGUMENT', `message "${name}" of agent "${kind}" has no handler`, {
        address: kind,
      });
    }
  }
  if (spec.singleton && (spec.shards ?? 1) !== 1) {
    throw new TroupeError('INVALID_ARGUMENT', `agent "${kind}" is a singleton: it has one shard`, { address: kind });
  }
  return { [AGENT]: true, kind, spec };
}

/** Durable messages need a journal. */
export function keepsNoMail(address: AgentAddress): TroupeError {
  const message = `agents of kind "${address.kind}" have durability "none", and keep no messages`;
  return new TroupeError('INVALID_ARGUMENT', message, { address: agentAddressKey(address) });
}

/** Whether a value (such as a module's export) is an agent definition. */
export function isAgent(value: unknown): value is AnyAgent {
  return typeof value === 'object' && value !== null && AGENT in value;
}
