import type { NodeRecord } from '../../coordinator/index.ts';

/** A worker of a pool that may be told to leave, and what it bears: messages that wait or run, undefined while it is silent. */
export interface Worker {
  readonly node: NodeRecord;
  readonly open: number | undefined;
}

/** What makes a pool larger or smaller. All of it may be asked again: an executor is told how many, never how many more. */
export interface ScaleExecutor {
  /**
   * How many workers there are to be, as the platform has it; undefined when it follows the wish by itself, and a worker that has left
   * stays away.
   *
   * @throws TroupeError OVERLOADED with `data.retryAfterMs`, and whatever the platform says
   */
  count(signal: AbortSignal): Promise<number | undefined>;
  /** Which worker goes when there are to be `count - 1`; undefined when the one that goes isn't among them. */
  leaver(workers: readonly Worker[], count: number): NodeRecord | undefined;
  /** Called before that worker drains. @throws as `count` */
  choose?(node: NodeRecord, signal: AbortSignal): Promise<void>;
  /** Sets how many there are to be. @throws CONFLICT when somebody else changed it meanwhile, and as `count` */
  resize(count: number, signal: AbortSignal): Promise<void>;
}

/** A worker that drains already, else the one with least to do; one that is silent last, and of equal ones the last by name. */
export function leastLoaded(workers: readonly Worker[]): NodeRecord | undefined {
  const load = ({ node, open = Number.POSITIVE_INFINITY }: Worker): number => (node.state === 'draining' ? -1 : open);
  const sorted = workers.toSorted((a, b) => {
    if (load(a) !== load(b)) return load(a) < load(b) ? -1 : 1;
    return b.node.node.localeCompare(a.node.node, 'en', { numeric: true });
  });
  return sorted[0]?.node;
}

/** Processes that another program starts, which asks how many are wanted, and that end by themselves when they have drained. */
export const followingExecutor: ScaleExecutor = {
  count: async () => undefined,
  leaver: leastLoaded,
  resize: async () => undefined,
};
