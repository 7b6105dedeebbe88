import type { NodeActors } from '../cluster/index.ts';
import type { AgentAddress, Clock, Logger, NodeRef, Tracer } from '../core/index.ts';
import type { AskingTurn, Delivery } from './delivery.ts';
import type { HeldMessage, HeldTurns } from './held.ts';
import type { Host } from './host.ts';
import type { AgentMemory } from './memory.ts';
import type { Resident } from './resident.ts';
import type { ShardGate } from './shard-gate.ts';
import type { AgentSubscriptions } from './subscriptions.ts';
import type { AgentWatches } from './watches.ts';

/** What turns of all agents of a node have in common. */
export interface TurnHouse {
  readonly node: NodeRef;
  readonly host: Host;
  readonly actors: NodeActors;
  readonly watches: AgentWatches;
  readonly subscriptions: AgentSubscriptions;
  readonly held: HeldTurns;
  /** Closed while the shard is about to move. */
  readonly gate: Pick<ShardGate, 'enter' | 'rests'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tracer: Tracer;
}

/** What a turn is made of. */
export interface TurnParts<State> {
  readonly house: TurnHouse;
  readonly address: AgentAddress;
  /** The message. While its agent is being moved (`resident.stopping`) the turn stops before its next step. */
  readonly delivery: Pick<Delivery, 'deadlineAt' | 'signal' | 'cancelledBy'> &
    AskingTurn & {
      readonly resident: Pick<Resident, 'stopping' | 'sinceMs'>;
    };
  /** What the turn answers. */
  readonly requestId: string;
  /** What it says; not the delivery's own when a turn goes on that was held. */
  readonly message: HeldMessage;
  readonly traceparent: string | undefined;
  readonly state: State;
  readonly memory: AgentMemory;
  /** Its actor, whose signal fires when the activation ends. */
  readonly actor: { readonly signal: AbortSignal };
}
