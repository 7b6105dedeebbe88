import type { ActorSystem } from '../actor/index.ts';
import type { Actors } from '../cluster/index.ts';
import type { Logger } from '../core/index.ts';
import type { AgentDefinition, Protocol } from './define.ts';
import type { AgentRef, Host } from './host.ts';

/** What the actors of a node are set up with. */
export interface ActorScope {
  /** This node's actors, and the way to those of others. */
  readonly actors: Actors;
  /** Reference of an agent. */
  agent<S, P extends Protocol>(definition: AgentDefinition<S, P>, key: string): AgentRef<P>;
  /** This node as a host, for `team(host, …)`. */
  readonly host: Host;
  readonly log: Logger;
  /** Messages to actors, and tells to agents, that were lost on this node: how many there ever were, and the last of them. */
  readonly deadLetters: ActorSystem['deadLetters'];
  /** Sends some of those again, as `ActorSystem.replay`; one for an agent goes to where that is by now. */
  readonly replay: ActorSystem['replay'];
}

const SETUP: unique symbol = Symbol.for('troupe.actors') as never;

/** How each node of a cluster starts its own actors. */
export interface ActorSetup {
  readonly [SETUP]: true;
  readonly start: (scope: ActorScope) => void | Promise<void>;
}

/**
 * Declares actors that every node starts for itself: export it from a module of the configuration's `agents`. It runs once in
 * each life of the node, before the node counts as started; what it throws keeps the node from starting.
 *
 * @example
 * export const prices = defineActors(({ actors }) => {
 *   const reader = actors.spawn(() => ({ receive: (price: Price) => show(price) }), { name: 'reader' });
 *   if (actors.self.node !== 'node-1') actors.topic<Price>('prices').subscribe(reader);
 * });
 */
export function defineActors(start: ActorSetup['start']): ActorSetup {
  return { [SETUP]: true, start };
}

/** Whether a value (such as a module's export) is what `defineActors` gives. */
export function isActorSetup(value: unknown): value is ActorSetup {
  return typeof value === 'object' && value !== null && SETUP in value;
}
