import { type AnyAgent, isAgent } from '../agent/index.ts';
import { errorMessage, TroupeError } from '../core/index.ts';

/**
 * Loads the agent kinds that modules export.
 *
 * @param modules URLs of modules; every export that is an agent definition counts
 * @throws TroupeError INVALID_CONFIGURATION when a module can't be loaded, exports none, or two define one kind
 */
export async function loadAgents(modules: readonly string[]): Promise<AnyAgent[]> {
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
    if (agents.length === 0) {
      throw new TroupeError('INVALID_CONFIGURATION', `${url} exports no agent; export what defineAgent returns`, {
        address: url,
      });
    }
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
  return [...kinds.values()].map(({ loaded }) => loaded);
}
