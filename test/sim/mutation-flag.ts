import { refuseFlags } from './flags.ts';
import { MUTATIONS, type SimWorld } from './mutations/index.ts';
import { install } from './mutations/install.ts';

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
