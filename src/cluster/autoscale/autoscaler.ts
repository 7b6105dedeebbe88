import type { NodeRecord } from '../../coordinator/index.ts';
import {
  asTroupeError,
  backoffMs,
  type Clock,
  type Logger,
  type NodeRef,
  type Random,
  type Timer,
  type TroupeError,
} from '../../core/index.ts';
import type { DrainOptions } from '../drain.ts';
import { type ClusterMap, sameNode } from '../view.ts';
import type { ScaleExecutor, Worker } from './executor.ts';
import { LoadBook, type NodeLoad } from './load.ts';
import { decide, firstState, type PoolLoad, type ScaleLimits, type ScaleState } from './policy.ts';

/** The label by which a worker belongs to a pool. */
export const POOL_LABEL = 'pool';
/** How often each pool is decided on, ms. */
const LOOK_MS = 1_000;
/** Pause after an executor failed. */
const RETRY = { minMs: 1_000, maxMs: 30_000, jitter: 0.2 } as const;
/** Longest pause that a platform may ask for, ms. */
const RETRY_AFTER_MS_MAX = 60_000;

/** Workers of one label, as many as their load asks for. */
export interface Pool {
  readonly name: string;
  readonly limits: ScaleLimits;
  /** Time in which a worker that is to leave empties itself, ms. */
  readonly drainMs: number;
  readonly executor: ScaleExecutor;
}

/** A pool as it is, for a person. */
export interface PoolStatus extends Omit<PoolLoad, 'heard' | 'missing'> {
  readonly pool: string;
  readonly min: number;
  readonly max: number;
  readonly wanted: number;
  /** How many the platform is to run; absent where it follows the wish by itself. */
  readonly count?: number;
  readonly up: number;
  readonly draining: number;
  readonly why: string;
  /** Why nothing can be done now. */
  readonly trouble?: string;
}

/** What scaling takes. */
export interface AutoscalerParts {
  readonly pools: readonly Pool[];
  readonly map: ClusterMap;
  /** Whether this voter leads now: the others only listen. */
  readonly leading: () => boolean;
  /** Asks a life of a node to drain; it may be asked again. @throws TroupeError when it can't be reached */
  readonly drain: (node: NodeRef, options: DrainOptions) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** What a leader knows of a pool; a new leader begins anew, and so with full windows. */
interface Course {
  state: ScaleState;
  count: number | undefined;
  /** Workers that were up and stayed, or as the platform has it, at the last look. */
  there: number;
  /** The worker that is to be gone before there are fewer. */
  leaving: NodeRef | undefined;
  trouble: TroupeError | undefined;
  failures: number;
  retryAtMs: number;
}

/**
 * Keeps each pool at the size that its load asks for, on the leader. It grows at once. It shrinks one worker after another: the one that
 * will go drains, and only when its life is over the count goes down.
 */
export class Autoscaler {
  readonly #parts: AutoscalerParts;
  readonly #loads: LoadBook;
  readonly #courses: Map<Pool, Course> = new Map();
  readonly #closed: AbortController = new AbortController();
  readonly #timer: Timer;
  #busy = false;

  constructor(parts: AutoscalerParts) {
    this.#parts = parts;
    this.#loads = new LoadBook(parts.clock);
    this.#timer = parts.clock.repeat(LOOK_MS, () => void this.#look());
  }

  /** A node told its load. Every voter hears it, so that a new leader knows it at once. */
  heard(node: NodeRef, load: NodeLoad): void {
    this.#loads.heard(node, load);
  }

  /** What is wanted of each pool and why; empty before the first decision. */
  status(): PoolStatus[] {
    return [...this.#courses].map(([pool, { state, count, trouble }]) => {
      const members = this.#members(pool);
      const { open, waitMs, lagMs } = this.#loads.sum(members);
      return {
        pool: pool.name,
        min: pool.limits.min,
        max: pool.limits.max,
        wanted: state.wanted,
        ...(count === undefined ? {} : { count }),
        up: members.filter(isStaying).length,
        draining: members.filter((node) => !isStaying(node)).length,
        ...{ open, waitMs, lagMs },
        why: state.why,
        ...(trouble === undefined ? {} : { trouble: trouble.toString() }),
      };
    });
  }

  close(): void {
    this.#timer.cancel();
    this.#closed.abort();
  }

  async #look(): Promise<void> {
    const { pools, map, leading } = this.#parts;
    this.#loads.keep(map.nodes().filter(isAlive));
    if (!leading()) this.#courses.clear();
    if (!leading() || this.#busy) return;
    this.#busy = true;
    // A platform that hangs holds its own pool up only.
    await Promise.all(pools.map((pool) => this.#attend(pool)));
    this.#busy = false;
  }

  /** One look at a pool; what goes wrong is its trouble, until it goes well again. */
  async #attend(pool: Pool): Promise<void> {
    const { clock, random, logger } = this.#parts;
    const course = this.#courses.get(pool) ?? this.#begin(pool);
    if (clock.monotonic() < course.retryAtMs) return;
    try {
      await this.#act(pool, course);
      if (course.trouble !== undefined) logger.info('pool can be scaled again', { pool: pool.name });
      course.trouble = undefined;
      course.failures = 0;
    } catch (thrown) {
      if (this.#closed.signal.aborted) return;
      const error = asTroupeError(thrown, 'INVARIANT_VIOLATED');
      if (course.trouble?.message !== error.message)
        logger.warn('pool can not be scaled', { pool: pool.name, error: error.toString() });
      course.trouble = error;
      const afterMs = Math.min(Number(error.data?.retryAfterMs ?? 0), RETRY_AFTER_MS_MAX);
      course.retryAtMs = clock.monotonic() + Math.max(afterMs, backoffMs(RETRY, course.failures++, random));
    }
  }

  #begin(pool: Pool): Course {
    const there = this.#members(pool).filter(isStaying).length;
    const course = {
      state: firstState(there),
      count: undefined,
      there,
      leaving: undefined,
      trouble: undefined,
      failures: 0,
      retryAtMs: 0,
    };
    this.#courses.set(pool, course);
    return course;
  }

  async #act(pool: Pool, course: Course): Promise<void> {
    const { map, clock, logger, leading } = this.#parts;
    const { executor, limits, name } = pool;
    const count = await executor.count(this.#closed.signal);
    if (!leading()) return;
    course.count = count;
    const members = this.#members(pool);
    const before = this.#found(course, count, members.filter(isStaying).length);
    course.state = decide(limits, before, this.#loadOf(members, before.wanted), clock.monotonic());
    const { wanted, why } = course.state;
    if (wanted !== before.wanted) logger.info('pool is scaled', { pool: name, from: before.wanted, to: wanted, why });
    const there = count ?? members.length;
    if (course.leaving !== undefined && !map.isAlive(course.leaving)) {
      course.leaving = undefined;
      if (wanted < there) return this.#resize(course, executor, there - 1);
    }
    // A worker that isn't to go any more, and stays after all.
    if (wanted >= there && members.some((node) => isStaying(node) && sameNode(node, course.leaving))) {
      course.leaving = undefined;
    }
    if (wanted > there) return this.#resize(course, executor, wanted);
    if (wanted < there) await this.#shrink(pool, course, members, there);
  }

  /** Where the policy goes on: somebody else may have scaled the pool, or an earlier leader, whose workers come only now. */
  #found(course: Course, count: number | undefined, staying: number): ScaleState {
    const { state, leaving } = course;
    const last = course.there;
    course.there = count ?? staying;
    const foreign =
      count === undefined ? staying > last && staying > state.wanted : count !== last && leaving === undefined;
    return foreign ? { ...state, wanted: course.there } : state;
  }

  async #resize(course: Course, executor: ScaleExecutor, to: number): Promise<void> {
    await executor.resize(to, this.#closed.signal);
    if (course.count === undefined) return;
    course.count = to;
    course.there = to;
  }

  /** Has the worker drain that will go, unless it drains already, by another leader's word or a notice. */
  async #shrink(pool: Pool, course: Course, members: readonly NodeRecord[], there: number): Promise<void> {
    const { executor, drainMs, name } = pool;
    const { drain, logger } = this.#parts;
    const workers = members.map((node): Worker => ({ node, open: this.#loads.of(node)?.open }));
    if (course.leaving === undefined) {
      const node = executor.leaver(workers, there);
      if (node === undefined) return this.#resize(course, executor, there - 1);
      await executor.choose?.(node, this.#closed.signal);
      course.leaving = { node: node.node, incarnation: node.incarnation };
      logger.info('worker is to leave', { pool: name, ...course.leaving });
    }
    const { leaving } = course;
    const record = members.find(
      ({ node, incarnation }) => node === leaving.node && incarnation === leaving.incarnation,
    );
    if (record !== undefined && isStaying(record)) await drain(record, { reason: 'scale-in', deadlineMs: drainMs });
  }

  /** What a pool bears. Workers that are wanted and not there yet are silent too. */
  #loadOf(members: readonly NodeRecord[], wanted: number): PoolLoad {
    const staying = members.filter(isStaying);
    const load = this.#loads.sum(members);
    const missing = staying.filter((node) => this.#loads.of(node) === undefined).length;
    return { ...load, missing: missing + Math.max(0, wanted - staying.length) };
  }

  #members({ name }: Pool): NodeRecord[] {
    return this.#parts.map.nodes().filter((node) => isAlive(node) && node.labels[POOL_LABEL] === name);
  }
}

function isAlive({ state }: NodeRecord): boolean {
  return state !== 'down' && state !== 'left';
}

function isStaying({ state }: NodeRecord): boolean {
  return state !== 'draining';
}
