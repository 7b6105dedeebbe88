import type { Ref } from '../actor/index.ts';
import type { ClusterMap, Interest, NodeActors } from '../cluster/index.ts';
import {
  type AgentAddress,
  agentAddressKey,
  errorMessage,
  type Logger,
  type ShardId,
  TroupeError,
} from '../core/index.ts';
import type { Host } from './host.ts';

/** Actors that the agents of one node may watch at a time, counted once for each agent. What comes with a shard fits, whatever the number. */
export const AGENT_WATCHES_MAX = 100_000;

/** What an agent is told of the end of an actor. */
export interface ActorEnded {
  /** Its address, as `addressOf` gives it. */
  readonly actor: string;
  /** An `EndReason`. */
  readonly reason: string;
}

interface Watch extends Interest {
  /** Of the agent; undefined when its kind has none here. */
  readonly shard: ShardId | undefined;
  readonly stop: () => void;
}

/**
 * The actors that agents watch from this node. The news goes to the agent wherever it then is, as a tell; the watch itself is
 * this node's, goes along when the agent's shard is handed over, and ends with the node otherwise.
 */
export class AgentWatches {
  readonly #actors: NodeActors;
  readonly #map: Pick<ClusterMap, 'shardOf'>;
  readonly #host: Host;
  readonly #logger: Logger;
  readonly #watches: Map<string, Watch> = new Map();

  constructor(actors: NodeActors, map: Pick<ClusterMap, 'shardOf'>, host: Host, logger: Logger) {
    this.#actors = actors;
    this.#map = map;
    this.#host = host;
    this.#logger = logger;
  }

  /** See `AgentContext.watch`. @throws TroupeError OVERLOADED past `AGENT_WATCHES_MAX`, INVALID_ARGUMENT */
  watch(agent: AgentAddress, ref: Ref<never>, method: string): void {
    this.unwatch(agent, ref);
    const actor = this.#actors.addressOf(ref);
    if (this.#watches.size >= AGENT_WATCHES_MAX) {
      throw new TroupeError('OVERLOADED', `agents of this node watch ${AGENT_WATCHES_MAX} actors`, { address: actor });
    }
    this.#begin(agent, ref, actor, method);
  }

  unwatch(agent: AgentAddress, ref: Ref<never>): void {
    const key = keyOf(agent, this.#actors.addressOf(ref));
    this.#watches.get(key)?.stop();
    this.#watches.delete(key);
  }

  /** Ends what a shard's agents watch, and hands it back for their next node: what ends from now on is that one's to tell. */
  take({ group, shard }: ShardId): Interest[] {
    const taken: Interest[] = [];
    for (const [name, { key, of, method, shard: its, stop }] of this.#watches) {
      if (its?.shard !== shard || its.group !== group) continue;
      stop();
      this.#watches.delete(name);
      taken.push({ key, of, method });
    }
    return taken;
  }

  /** Goes on with what a shard's agents watched elsewhere. Of what has ended meanwhile they hear soon. */
  load({ group }: ShardId, watches: readonly Interest[]): void {
    for (const { key, of, method } of watches) {
      const ref = this.#actors.refOf<never>(of);
      const agent = { kind: group, key };
      this.unwatch(agent, ref);
      this.#begin(agent, ref, of, method);
    }
  }

  #begin(agent: AgentAddress, ref: Ref<never>, actor: string, method: string): void {
    const name = keyOf(agent, actor);
    const stop = this.#actors.watch(ref, ({ reason }) => {
      this.#watches.delete(name);
      const news: ActorEnded = { actor, reason };
      this.#host.tell(agent, method, news, `ended:${actor}`).catch((error) => {
        this.#logger.warn('agent not told of an end', {
          agent: agentAddressKey(agent),
          actor,
          error: errorMessage(error),
        });
      });
    });
    const shard = this.#map.shardOf(agent.kind, agent.key);
    this.#watches.set(name, { key: agent.key, of: actor, method, shard, stop });
  }
}

function keyOf(agent: AgentAddress, actor: string): string {
  return `${agentAddressKey(agent)} ${actor}`;
}
