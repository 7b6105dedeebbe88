import type { SimWorld } from './mutations/index.ts';
import type { SimResult } from './simulation.ts';

/** Runs one seed of a world. Loads no more of the sources than that world needs, so that a mutation is in place before. */
export async function runnerOf(
  world: SimWorld,
): Promise<(seed: number, options?: { readonly voters?: number }) => Promise<SimResult>> {
  if (world === 'coordinator') return (await import('./simulation.ts')).runSeed;
  return (await import('./cluster/simulation.ts')).runClusterSeed;
}
