/** What is simulated: the coordinator alone, or nodes with their agents too. */
export const SIM_WORLDS = ['coordinator', 'cluster'] as const;

/** One of them. */
export type SimWorld = (typeof SIM_WORLDS)[number];

/** A change of one source file. */
export interface Patch {
  /** Below `src`, e.g. `raft/consensus/leader.ts`. */
  readonly file: string;
  /** Must be there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** A mistake as a change of the sources. The sources themselves know nothing of it. */
export interface Mutation {
  /** Which simulation is to find it. */
  readonly world: SimWorld;
  /** Which of the twenty-six classic mistakes it is, or a face of; undefined for guards that are Troupe's own. */
  readonly mistake: number | undefined;
  readonly name: string;
  /** What the mistake is, and what comes of it. */
  readonly why: string;
  /** Words of the check that is to see it, where another one could, too, and would prove less. */
  readonly sign?: string;
  readonly patches: readonly Patch[];
}

/** Why a patch doesn't fit the source any more; undefined when it does. */
export function misfit(source: string, { file, find, replace }: Patch): string | undefined {
  const times = source.split(find).length - 1;
  if (times !== 1) return `${file} has ${times} times:\n${find}`;
  return find === replace ? `${file}: the patch changes nothing` : undefined;
}

/** The source with the patch in it. */
export function patched(source: string, patch: Patch): string {
  const why = misfit(source, patch);
  if (why !== undefined) throw new Error(`a mutation's patch no longer fits: ${why}`);
  return source.replace(patch.find, () => patch.replace);
}
