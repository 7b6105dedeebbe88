import { TroupeError } from './errors.ts';

/**
 * Stops the caller when something that must always hold doesn't. Assertions stay on in production: a broken
 * invariant ends the node rather than spread.
 *
 * @throws TroupeError INVARIANT_VIOLATED
 */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new TroupeError('INVARIANT_VIOLATED', message);
}
