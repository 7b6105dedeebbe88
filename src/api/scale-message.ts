import type { PoolStatus } from '../cluster/index.ts';
import type { ScaledPool__Output } from '../wire/generated/troupe/v1/ScaledPool.ts';

/** A pool as it came over the API; it leaves as it is. */
export function fromScaledPool(message: ScaledPool__Output): PoolStatus {
  const { pool = '', min = 0, max = 0, wanted = 0, up = 0, draining = 0, why = '', count, trouble } = message;
  const { open = 0, waitMs = 0, lagMs = 0 } = message;
  const known = { ...(count === undefined ? {} : { count }), ...(trouble === undefined ? {} : { trouble }) };
  return { pool, min, max, wanted, up, draining, open, waitMs, lagMs, why, ...known };
}
