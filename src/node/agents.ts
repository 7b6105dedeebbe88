import { type ActorSetup, type AnyAgent, isActorSetup, isAgent } from '../agent/index.ts';
import { errorMessage, TroupeError } from '../core/index.ts';

/** What a node's modules export. */
export interface LoadedAgents {
  readonly agents: readonly AnyAgent[];
  /** In the order of modules and exports. */
  readonly setups: readonly ActorSetup[];
}

/**
 * Loads what modules export: agent kinds, and how a node starts its own actors.
 *
 * @param modules URLs of modules; every export that `defineAgent` or `defineActors` gave counts
 * @throws TroupeError INVALID_CONFIGURATION when a module can't be loaded, exports neither, or two define one kind
 */
export async function loadAgents(modules: readonly string[]): Promise<LoadedAgents> {
  const setups = new Set<ActorSetup>();
  const kinds = new Map<string, { readonly exported: AnyAgent; readonly loaded: AnyAgent }>();
  for (const url of modules) {
    let exports: Record<string, unknown>;
    try {
      exports = (await import(url)) as Record<string, unknown>;
    } catch (error) {
      throw new TroupeError('INVALID_CONFIGURATION', `agents can't be loaded from ${url}: ${errorMessage(error)}`, {
        address: url,
        cause: error,
      });
    }
    const agents = Object.values(exports).filter(isAgent);
    const own = Object.values(exports).filter(isActorSetup);
    if (agents.length === 0 && own.length === 0) {
      const message = `${url} exports no agent; export what defineAgent or defineActors returns`;
      throw new TroupeError('INVALID_CONFIGURATION', message, { address: url });
    }
    for (const setup of own) setups.add(setup);
    for (const agent of agents) {
      const known = kinds.get(agent.kind);
      if (known !== undefined && known.exported !== agent) {
        throw new TroupeError('INVALID_CONFIGURATION', `agent kind "${agent.kind}" is defined twice; rename one`, {
          address: url,
        });
      }
      // The first module that exports it is as good as any: a thread loads it from there.
      kinds.set(agent.kind, known ?? { exported: agent, loaded: { ...agent, module: url } });
    }
  }
  return { agents: [...kinds.values()].map(({ loaded }) => loaded), setups: [...setups] };
}
