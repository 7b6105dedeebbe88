/** A change of one source file. */
export interface Patch {
  /** Below `src`, e.g. `raft/consensus/leader.ts`. */
  readonly file: string;
  /** Must be there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** One of the classic mistakes, or one of its faces, as a change of the sources. The sources themselves know nothing of it. */
export interface Mutation {
  /** Which of the twenty-six it is; several mutations may be faces of one mistake. */
  readonly mistake: number;
  readonly name: string;
  /** What the mistake is, and what comes of it. */
  readonly why: string;
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
