import { Ledger } from '../../src/coordinator/index.ts';

/** Ledgers kept for the next machine that starts. */
const IDLE_MAX = 8;

const idle: Ledger[] = [];
let empty: { readonly image: readonly Uint8Array[]; readonly digest: string } | undefined;

/**
 * An empty ledger. Making one costs more than hundreds of its commands, so one that is no longer used is emptied by restoring the
 * image of an empty one, and believed only when it says that it is the same.
 */
export async function takeLedger(): Promise<Ledger> {
  const used = idle.pop();
  if (used === undefined || empty === undefined) return fresh();
  await used.restore(0, empty.image);
  if (used.digest() === empty.digest) return used;
  used.close();
  return fresh();
}

/** Gives a ledger back that nobody uses any more. @param broken whether it was in the middle of something */
export function returnLedger(ledger: Ledger, broken: boolean): void {
  if (!broken && idle.length < IDLE_MAX) idle.push(ledger);
  else ledger.close();
}

function fresh(): Ledger {
  const ledger = new Ledger();
  empty ??= { image: [...ledger.snapshot()], digest: ledger.digest() };
  return ledger;
}
