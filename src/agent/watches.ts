import type { Ref } from '../actor/index.ts';
import type { NodeActors } from '../cluster/index.ts';
import { type AgentAddress, agentAddressKey, errorMessage, type Logger, TroupeError } from '../core/index.ts';
import type { Host } from './host.ts';

/** Actors that the agents of one node may watch at a time, counted once for each agent. */
export const AGENT_WATCHES_MAX = 100_000;

/** What an agent is told of the end of an actor. */
export interface ActorEnded {
  /** Its address, as `addressOf` gives it. */
  readonly actor: string;
  /** An `EndReason`. */
  readonly reason: string;
}

/**
 * The actors that agents watch from this node. The news goes to the agent wherever it then is, as a tell; the watch itself is
 * this node's and ends with it.
 */
export class AgentWatches {
  readonly #actors: NodeActors;
  readonly #host: Host;
  readonly #logger: Logger;
  readonly #watches: Map<string, () => void> = new Map();

  constructor(actors: NodeActors, host: Host, logger: Logger) {
    this.#actors = actors;
    this.#host = host;
    this.#logger = logger;
  }

  /** See `AgentContext.watch`. @throws TroupeError OVERLOADED past `AGENT_WATCHES_MAX`, INVALID_ARGUMENT */
  watch(agent: AgentAddress, ref: Ref<never>, method: string): void {
    this.unwatch(agent, ref);
    const actor = this.#actors.addressOf(ref);
    const key = `${agentAddressKey(agent)} ${actor}`;
    if (this.#watches.size >= AGENT_WATCHES_MAX) {
      throw new TroupeError('OVERLOADED', `agents of this node watch ${AGENT_WATCHES_MAX} actors`, { address: actor });
    }
    const stop = this.#actors.watch(ref, ({ reason }) => {
      this.#watches.delete(key);
      const news: ActorEnded = { actor, reason };
      this.#host.tell(agent, method, news, `ended:${actor}`).catch((error) => {
        this.#logger.warn('agent not told of an end', {
          agent: agentAddressKey(agent),
          actor,
          error: errorMessage(error),
        });
      });
    });
    this.#watches.set(key, stop);
  }

  unwatch(agent: AgentAddress, ref: Ref<never>): void {
    const key = `${agentAddressKey(agent)} ${this.#actors.addressOf(ref)}`;
    this.#watches.get(key)?.();
    this.#watches.delete(key);
  }
}
