import type { Host } from '../agent/index.ts';
import { fromWireError, type WireError } from '../core/index.ts';
import type { MapOptions, MapResult } from './team.ts';

/**
 * Spreads a list over agents. The list is a job in the ledger: it is run by whichever node owns the job's shard, so it goes
 * on when nodes or the caller die, and each item takes effect once.
 *
 * @throws TroupeError CANCELLED when `signal` fires, which cancels the job too, or what the ledger refused
 */
export async function* map<T, R>(
  host: Host,
  items: readonly T[],
  options: MapOptions<T>,
): AsyncGenerator<MapResult<T, R>> {
  const id = options.id ?? host.freshId();
  const spec = {
    concurrency: options.concurrency ?? 64,
    attempts: options.attempts ?? 3,
    timeoutMs: options.timeoutMs ?? 60_000,
  };
  await host.submitJob(
    id,
    spec,
    items.map((item, position) => options.perItem(item, position)),
  );
  try {
    for await (const progress of host.watchJob(id, options.signal)) {
      for (const { position, ok, value } of progress.settled) {
        const item = items[position] as T;
        if (ok) yield { item, position, ok, value: value as R };
        else yield { item, position, ok, error: fromWireError(value as WireError) };
      }
    }
  } catch (error) {
    // Whoever takes the request back doesn't want the rest; whoever loses the cluster may come back for it.
    if (options.signal?.aborted) await host.cancelJob(id);
    throw error;
  }
}
