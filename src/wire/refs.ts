import { TroupeError } from '../core/index.ts';

/** The type of an actor's ref in bodies, for `extendPayload`; part of the protocol. It is written as its address, a text. */
export const REF_TYPE = 1;

/** Finds the refs that the addresses in bodies name. */
export interface RefHome {
  refOf(address: string): unknown;
}

let home: RefHome | undefined;

/** Says who finds the refs of bodies that are decoded from now on. @returns who did so far */
export function readRefsAt(next: RefHome | undefined): RefHome | undefined {
  const before = home;
  home = next;
  return before;
}

/** Reads a ref from a body: the `read` of everyone who lets refs travel, so that it doesn't matter who says so last. @throws TroupeError PROTOCOL_VIOLATION */
export function readRef(address: string): unknown {
  if (home !== undefined) return home.refOf(address);
  throw new TroupeError('PROTOCOL_VIOLATION', 'a ref of an actor has come to where there are none', { address });
}
