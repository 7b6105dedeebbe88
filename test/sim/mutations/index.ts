import { CLUSTER } from './cluster.ts';
import { ELECTIONS } from './elections.ts';
import { INTERESTS } from './interests.ts';
import { MAIL } from './mail.ts';
import { MEMBERSHIP } from './membership.ts';
import { MOVES } from './moves.ts';
import type { Mutation } from './mutation.ts';
import { READS } from './reads.ts';
import { REPLICATION } from './replication.ts';
import { STORAGE } from './storage.ts';

export { type Mutation, misfit, SIM_WORLDS, type SimWorld } from './mutation.ts';

/** How many classic mistakes there are. */
export const MISTAKES = 26;

/** Seeds within which each must be found. */
export const SEEDS_MAX = 500;

/** All mutations: those of the classic mistakes by their number, then the others. */
export const MUTATIONS: readonly Mutation[] = [
  ...REPLICATION,
  ...ELECTIONS,
  ...STORAGE,
  ...READS,
  ...MEMBERSHIP,
  ...CLUSTER,
  ...MOVES,
  ...INTERESTS,
  ...MAIL,
].sort((a, b) => (a.mistake ?? MISTAKES + 1) - (b.mistake ?? MISTAKES + 1));
