import { refuseFlags } from './flags.ts';
import { MUTATIONS, SIM_WORLDS, type SimWorld } from './mutations/index.ts';
import { install } from './mutations/install.ts';

/** The world that `--world` names, the coordinator's when it isn't there. Only that one takes a number of voters. */
export function worldFlag(name: string | undefined, voters: number | undefined): SimWorld {
  const world = SIM_WORLDS.find((each) => each === (name ?? 'coordinator'));
  if (world === undefined) refuseFlags(`--world must be one of ${SIM_WORLDS.join(', ')}, not "${name}"`);
  if (world === 'cluster' && voters !== undefined) refuseFlags('how many voters a cluster has is drawn from its seed');
  return world;
}

/** Makes the mistake of this name, or of this number when it has only one face. Nothing of `src` may have been loaded before. */
export function applyMutation(world: SimWorld, name: string | undefined): void {
  if (name === undefined) return;
  const here = MUTATIONS.filter((each) => each.world === world);
  const named = here.filter((each) => each.name === name || `${each.mistake}` === name);
  const [mutation] = named;
  if (mutation === undefined)
    refuseFlags(`there is no mutation ${name}; known: ${here.map((each) => each.name).join(', ')}`);
  if (named.length > 1)
    refuseFlags(`mistake ${name} has several mutations: ${named.map((each) => each.name).join(', ')}`);
  install(mutation);
}
