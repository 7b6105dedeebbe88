import { describe, expect, test } from 'vitest';
import { Autoscaler } from '../../../../src/cluster/autoscale/autoscaler.ts';
import { followingExecutor, leastLoaded, type ScaleExecutor } from '../../../../src/cluster/autoscale/executor.ts';
import { ClusterMap, type DrainOptions } from '../../../../src/cluster/index.ts';
import type { NodeRecord, NodeState } from '../../../../src/coordinator/index.ts';
import { type NodeRef, nullLogger, SeededRandom, TroupeError } from '../../../../src/core/index.ts';
import { ManualClock } from '../../../../src/testkit/clock.ts';

const PACE = { stepMax: 10, cooldownMs: 0, windowMs: 0 };
/** Shrinks only after a minute. */
const PATIENT = { in: { ...PACE, windowMs: 60_000 } };
const LIMITS = { min: 1, max: 6, target: { open: 10, waitMs: 1_000, lagMs: 50 }, slack: 0.2, out: PACE, in: PACE };

/** A platform that runs as many workers as it was told. */
class Platform implements ScaleExecutor {
  /** What happened to it, in order. */
  readonly done: string[] = [];
  replicas: number;
  failure: TroupeError | undefined;
  readonly leaver = leastLoaded;

  constructor(replicas: number) {
    this.replicas = replicas;
  }

  async count(): Promise<number> {
    if (this.failure !== undefined) throw this.failure;
    return this.replicas;
  }

  async choose({ node }: NodeRecord): Promise<void> {
    this.done.push(`choose ${node}`);
  }

  async resize(count: number): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    this.replicas = count;
    this.done.push(`resize ${count}`);
  }
}

/** A pool under a clock, its workers, and what its leader does. */
class Stage implements Disposable {
  readonly clock: ManualClock = new ManualClock();
  readonly map: ClusterMap = new ClusterMap();
  readonly drained: [NodeRef, DrainOptions][] = [];
  readonly scaler: Autoscaler;
  leading = true;
  #index = 0;
  readonly #loads: Map<string, [NodeRef, number]> = new Map();

  constructor(executor: ScaleExecutor, limits: Partial<typeof LIMITS> = {}) {
    this.scaler = new Autoscaler({
      pools: [{ name: 'spot', limits: { ...LIMITS, ...limits }, drainMs: 7_000, executor }],
      map: this.map,
      leading: () => this.leading,
      drain: async ({ node, incarnation }, options) => void this.drained.push([{ node, incarnation }, options]),
      clock: this.clock,
      random: new SeededRandom(1),
      logger: nullLogger,
    });
  }

  /** A node changes. */
  set(id: string, state: NodeState, labels: Record<string, string> = { pool: 'spot' }, incarnation = 1): void {
    const addresses = { control: '', data: '', api: '' };
    const node = { node: id, incarnation, state, addresses, labels, voter: false, groups: [] };
    const index = ++this.#index;
    this.map.accept({ type: 'events', index, events: [{ index, term: 1, time: 0, type: 'node', node }] });
  }

  /** What a worker has to do from now on. */
  load(id: string, open: number): void {
    this.#loads.set(id, [{ node: id, incarnation: 1 }, open]);
  }

  async seconds(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      for (const [node, open] of this.#loads.values()) this.scaler.heard(node, { open, waitMs: 0, lagMs: 0 });
      await this.clock.advance(1_000);
    }
  }

  get wanted(): number | undefined {
    return this.scaler.status()[0]?.wanted;
  }

  [Symbol.dispose](): void {
    this.scaler.close();
  }
}

describe('on a platform that counts', () => {
  test('a pool grows at once; it shrinks when the worker that is to go has left, and not before', async () => {
    const platform = new Platform(1);
    using stage = new Stage(platform);
    stage.set('a', 'up');
    stage.set('other', 'up', {});
    stage.load('a', 25);
    await stage.seconds(1);
    expect(platform.done).toEqual(['resize 3']);
    stage.set('b', 'up');
    stage.set('c', 'up');
    stage.load('a', 12);
    stage.load('b', 1);
    stage.load('c', 2);
    await stage.seconds(1);
    // b has least to do. It is told until it drains.
    await stage.seconds(2);
    expect(platform.done).toEqual(['resize 3', 'choose b']);
    expect(stage.drained.map(([ref]) => ref.node)).toEqual(['b', 'b', 'b']);
    expect(stage.drained[0]).toEqual([
      { node: 'b', incarnation: 1 },
      { reason: 'scale-in', deadlineMs: 7_000 },
    ]);
    stage.set('b', 'draining');
    await stage.seconds(5);
    expect(stage.drained).toHaveLength(3);
    expect(platform.replicas).toBe(3);
    expect(stage.scaler.status()[0]).toMatchObject({ wanted: 2, count: 3, up: 2, draining: 1, open: 15 });
    stage.set('b', 'left');
    await stage.seconds(1);
    expect(platform.done).toEqual(['resize 3', 'choose b', 'resize 2']);
  });

  test('a worker that comes back before the count went down is still the one that goes', async () => {
    const platform = new Platform(2);
    using stage = new Stage(platform);
    for (const id of ['a', 'b']) {
      stage.set(id, 'up');
      stage.load(id, 0);
    }
    await stage.seconds(1);
    stage.set('b', 'left');
    stage.set('b', 'up', { pool: 'spot' }, 2);
    await stage.seconds(1);
    expect(platform.done).toEqual(['choose b', 'resize 1']);
  });

  test('load that comes back while a worker drains keeps the count, so that the platform brings the worker back', async () => {
    const platform = new Platform(2);
    using stage = new Stage(platform);
    for (const id of ['a', 'b']) {
      stage.set(id, 'up');
      stage.load(id, 0);
    }
    await stage.seconds(1);
    stage.set('b', 'draining');
    stage.load('a', 20);
    await stage.seconds(1);
    stage.set('b', 'left');
    await stage.seconds(3);
    expect(platform.replicas).toBe(2);
    expect(platform.done).toEqual(['choose b']);
  });

  test('who scales it by hand is heard: the policy goes on from there', async () => {
    const platform = new Platform(2);
    using stage = new Stage(platform, PATIENT);
    stage.set('a', 'up');
    stage.load('a', 18);
    await stage.seconds(2);
    expect(stage.wanted).toBe(2);
    platform.replicas = 5;
    await stage.seconds(1);
    expect(stage.wanted).toBe(5);
    expect(platform.done).toEqual([]);
  });

  test('a worker whose drain was taken back stays when it is wanted, and another hand is heard again', async () => {
    const platform = new Platform(2);
    using stage = new Stage(platform, { in: { ...PACE, windowMs: 1_000 } });
    for (const id of ['a', 'b']) {
      stage.set(id, 'up');
      stage.load(id, 0);
    }
    await stage.seconds(2);
    expect(platform.done).toEqual(['choose b']);
    stage.load('a', 16);
    await stage.seconds(3);
    platform.replicas = 4;
    await stage.seconds(1);
    expect(stage.wanted).toBe(4);
    expect(platform.done).toEqual(['choose b']);
  });

  test('trouble is told, nothing is done meanwhile, and it is asked again after a while', async () => {
    const platform = new Platform(1);
    using stage = new Stage(platform);
    stage.set('a', 'up');
    stage.load('a', 30);
    platform.failure = new TroupeError('OVERLOADED', 'slow down', { data: { retryAfterMs: 20_000 } });
    await stage.seconds(10);
    expect(stage.scaler.status()[0]?.trouble).toContain('slow down');
    platform.failure = undefined;
    await stage.seconds(9);
    expect(platform.done).toEqual([]);
    await stage.seconds(3);
    expect(platform.done).toEqual(['resize 3']);
    expect(stage.scaler.status()[0]?.trouble).toBeUndefined();
  });

  test('only the leader acts; a new one begins with what there is', async () => {
    const platform = new Platform(2);
    using stage = new Stage(platform);
    stage.leading = false;
    stage.set('a', 'up');
    stage.load('a', 60);
    await stage.seconds(3);
    expect(platform.done).toEqual([]);
    expect(stage.scaler.status()).toEqual([]);
    stage.leading = true;
    await stage.seconds(1);
    expect(platform.done).toEqual(['resize 6']);
  });
});

describe('with processes that follow', () => {
  test('a worker that drains already, by a notice or an earlier leader, is the one that goes', async () => {
    using stage = new Stage(followingExecutor);
    for (const id of ['a', 'b', 'c']) {
      stage.set(id, 'up');
      stage.load(id, 7);
    }
    await stage.seconds(1);
    expect(stage.wanted).toBe(3);
    stage.set('b', 'draining');
    for (const id of ['a', 'b', 'c']) stage.load(id, 1);
    await stage.seconds(1);
    expect(stage.wanted).toBe(2);
    expect(stage.drained).toEqual([]);
    for (const id of ['a', 'c']) stage.load(id, 8);
    stage.set('b', 'left');
    await stage.seconds(2);
    expect(stage.drained).toEqual([]);
  });

  test('workers that an earlier leader had started count as found when they come', async () => {
    using stage = new Stage(followingExecutor, PATIENT);
    stage.set('a', 'up');
    stage.load('a', 9);
    await stage.seconds(1);
    stage.set('b', 'up');
    stage.set('c', 'up');
    await stage.seconds(5);
    expect(stage.wanted).toBe(3);
    expect(stage.drained).toEqual([]);
  });

  test('all of them lost at once are wanted again', async () => {
    using stage = new Stage(followingExecutor);
    for (const id of ['a', 'b', 'c']) {
      stage.set(id, 'up');
      stage.load(id, 9);
    }
    await stage.seconds(1);
    for (const id of ['a', 'b', 'c']) stage.set(id, 'down');
    await stage.seconds(10);
    expect(stage.scaler.status()[0]).toMatchObject({ wanted: 3, up: 0 });
  });

  test('the one with least to do goes first, the silent ones last, and of equals the last', () => {
    const worker = (id: string, open?: number) => ({ node: { node: id } as NodeRecord, open });
    const order = [worker('w-9', 2), worker('w-10', 2), worker('w-1', 5), worker('w-2')];
    const gone: (string | undefined)[] = [];
    for (let rest = order; rest.length > 0; ) {
      const next = leastLoaded(rest);
      gone.push(next?.node);
      rest = rest.filter(({ node }) => node !== next);
    }
    expect(gone).toEqual(['w-10', 'w-9', 'w-1', 'w-2']);
  });
});
