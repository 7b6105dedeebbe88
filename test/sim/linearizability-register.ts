/** What a client asks of one key. `expect` is the version it must have, 0 for a key that isn't there. */
export type Input =
  | { readonly kind: 'get' }
  | { readonly kind: 'put'; readonly value: string; readonly expect?: number }
  | { readonly kind: 'delete'; readonly expect?: number };

/**
 * What a client was told. A version names a value of a key, and grows with each put; it may be left out where it wasn't told. An
 * absent key has no value.
 */
export type Output =
  | { readonly kind: 'read'; readonly value: string | undefined; readonly version?: number }
  | { readonly kind: 'written'; readonly version?: number }
  /** The expectation was not met; `version` is what the key had, 0 when it wasn't there. */
  | { readonly kind: 'refused'; readonly version?: number };

/**
 * A key as one order of operations leaves it. The version of a write whose answer was lost is not known; then `version` is the
 * least that it can be, and `not` are those above that it is known not to be.
 */
export interface State {
  readonly value: string | undefined;
  readonly version: number;
  readonly known: boolean;
  readonly not: readonly number[];
}

/** A key that was never written. */
export const EMPTY: State = { value: undefined, version: 0, known: true, not: [] };

/**
 * The state after an operation, undefined when it can't have answered so in this state.
 *
 * @param output undefined when the answer was lost; then it is the state in which the operation took effect
 */
export function step(state: State, input: Input, output: Output | undefined): State | undefined {
  if (input.kind === 'get') {
    if (output?.kind !== 'read' || output.value !== state.value) return undefined;
    return state.value === undefined ? state : assume(state, output.version, true);
  }
  if (output?.kind === 'read') return undefined;
  if (output?.kind === 'refused') {
    if (input.expect === undefined) return undefined;
    const refusing = assume(state, input.expect, false);
    return refusing && assume(refusing, output.version, true);
  }
  const met = assume(state, input.expect, true);
  const told = output?.version;
  if (met === undefined || (told !== undefined && told <= met.version)) return undefined;
  // A delete need not use up a version.
  if (input.kind === 'delete') return { value: undefined, version: told ?? met.version, known: true, not: [] };
  return { value: input.value, version: told ?? met.version + 1, known: told !== undefined, not: [] };
}

/** The state as a string that differs exactly when the state does. */
export function stateKey({ value, version, known, not }: State): string {
  return JSON.stringify([value ?? null, version, known, not]);
}

/** What is left of a state when its version is `version`, or isn't; undefined when that can't be. */
function assume(state: State, version: number | undefined, equal: boolean): State | undefined {
  if (version === undefined) return state;
  if (state.value === undefined) return (version === 0) === equal ? state : undefined;
  if (state.known) return (version === state.version) === equal ? state : undefined;
  if (version < state.version || state.not.includes(version)) return equal ? undefined : state;
  if (equal) return { ...state, version, known: true, not: [] };
  // `version` stays the least that is possible: what is written next is compared with it.
  const not = [...state.not, version].sort((a, b) => a - b);
  let least = state.version;
  while (not[0] === least) {
    not.shift();
    least++;
  }
  return { ...state, version: least, not };
}
