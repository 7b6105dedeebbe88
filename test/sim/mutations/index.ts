import { ELECTIONS } from './elections.ts';
import { MEMBERSHIP } from './membership.ts';
import type { Mutation } from './mutation.ts';
import { READS } from './reads.ts';
import { REPLICATION } from './replication.ts';
import { STORAGE } from './storage.ts';

export { type Mutation, misfit } from './mutation.ts';

/** How many classic mistakes there are. */
export const MISTAKES = 26;

/** Seeds within which each must be found. */
export const SEEDS_MAX = 500;

/** All mutations, by the number of their mistake. */
export const MUTATIONS: readonly Mutation[] = [...REPLICATION, ...ELECTIONS, ...STORAGE, ...READS, ...MEMBERSHIP].sort(
  (a, b) => a.mistake - b.mistake,
);
