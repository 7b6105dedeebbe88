import { z } from 'zod';
import { followingExecutor, KUBERNETES_ACCOUNT, KUBERNETES_ADDRESS, POOL_LABEL, type Pool } from '../cluster/index.ts';
import type { Clock } from '../core/index.ts';
import type { NodeConfig } from './config.ts';
import { kubernetesExecutor } from './kubernetes-executor.ts';

/** Pools of one cluster. */
const POOLS_MAX = 16;
/** Workers of one pool. */
const WORKERS_MAX = 1_000;
/** Longest window and cool-down, ms. */
const PACE_MS_MAX = 1_800_000;

/** Names of pools are the beginnings of node ids, and of pods. */
const POOL_NAME = /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/;
/** Names of namespaces, as Kubernetes has them (RFC 1123 labels). */
const NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

const ms = z.number().int().min(0).max(PACE_MS_MAX);
const pace = (stepMax: number, cooldownMs: number, windowMs: number) =>
  z
    .strictObject({
      /** Workers at once. */
      stepMax: z.number().int().min(1).max(WORKERS_MAX).default(stepMax),
      /** Between two steps, ms. */
      cooldownMs: ms.default(cooldownMs),
      /** For so long all samples, one a second, must ask for a step, ms. */
      windowMs: ms.default(windowMs),
    })
    .prefault({});

const executor = z.discriminatedUnion(
  'kind',
  [
    /** Processes of this machine, by the program that starts the cluster. */
    z.strictObject({ kind: z.literal('local') }),
    /** Pods of a StatefulSet or Deployment, whose node ids are the pods' names. */
    z.strictObject({
      kind: z.literal('kubernetes'),
      resource: z.enum(['statefulset', 'deployment']).default('statefulset'),
      /** Default: the namespace of the service account. */
      namespace: z.string().regex(NAMESPACE, `must match ${NAMESPACE}`).optional(),
      /** Ordinal of a StatefulSet's first pod: its `spec.ordinals.start`. */
      firstOrdinal: z.number().int().min(0).default(0),
      address: z
        .string()
        .regex(/^https?:\/\/[^/?#\s]+$/, 'must be "https://host:port", without a path')
        .refine((text) => URL.canParse(text), 'must be an address that can be parsed')
        .default(KUBERNETES_ADDRESS),
      /** Folder with `token`, `ca.crt` and `namespace` of the service account. */
      account: z.string().min(1).default(KUBERNETES_ACCOUNT),
    }),
  ],
  { error: 'must be one of local, kubernetes' },
);

/** The schema of `autoscale`. @param worker schema of a worker: an entry of `nodes` without id and voter */
export function autoscaleSchema<W extends z.ZodType>(worker: W) {
  const pool = z.strictObject({
    /** Workers are `<name>-0` and so on, or pods whose names begin so; for Kubernetes the name of the StatefulSet or Deployment. */
    name: z.string().regex(POOL_NAME, `must match ${POOL_NAME}`),
    /** What each of its workers is like. It also gets the label `pool: <name>`. */
    worker,
    min: z.number().int().min(1).max(WORKERS_MAX),
    max: z.number().int().min(1).max(WORKERS_MAX),
    target: z
      .strictObject({
        /** Messages that wait or run, per worker. */
        open: z.number().min(1).max(1_000_000).default(100),
        /** Age of the oldest message that waits on a worker, ms. */
        waitMs: z.number().min(1).max(3_600_000).default(1_000),
        /** How late a worker's event loop is in the mean, ms. */
        lagMs: z.number().min(1).max(60_000).default(50),
      })
      .prefault({}),
    slack: z.number().min(0.05).max(0.9).default(0.2),
    out: pace(4, 15_000, 3_000),
    in: pace(1, 30_000, 120_000),
    /** Time in which a worker that is to leave empties itself, ms. */
    drainMs: z.number().int().min(1_000).max(3_600_000).default(30_000),
    executor: executor.prefault({ kind: 'local' }),
  });
  return z.strictObject({ pools: z.array(pool).min(1, 'needs at least one pool').max(POOLS_MAX) });
}

/** A checked pool. */
export interface PoolConfig extends Omit<Pool, 'limits' | 'executor'> {
  readonly worker: Omit<NodeConfig, 'id' | 'voter'>;
  readonly min: number;
  readonly max: number;
  readonly target: Pool['limits']['target'];
  readonly slack: number;
  readonly out: Pool['limits']['out'];
  readonly in: Pool['limits']['in'];
  readonly executor: z.output<typeof executor>;
}

/** The pools with what acts on them. */
export function poolsOf(pools: readonly PoolConfig[], clock: Clock): Pool[] {
  return pools.map(({ name, drainMs, executor, min, max, target, slack, out, in: inward }) => ({
    name,
    drainMs,
    limits: { min, max, target, slack, out, in: inward },
    executor: executor.kind === 'local' ? followingExecutor : kubernetesExecutor({ ...executor, name }, clock),
  }));
}

/** The worker of that id, when it is one of a pool. */
export function workerOf(pools: readonly PoolConfig[], id: string): NodeConfig | undefined {
  const pool = pools.find(({ name }) => id.startsWith(`${name}-`));
  return pool && { ...pool.worker, id, voter: false, labels: { ...pool.worker.labels, [POOL_LABEL]: pool.name } };
}

interface Loose {
  readonly name?: unknown;
  readonly min?: unknown;
  readonly max?: unknown;
  readonly worker?: { readonly labels?: Record<string, unknown>; readonly listen?: Record<string, unknown> };
  readonly executor?: { readonly kind?: unknown };
}

/**
 * What is wrong with pools beyond their schema: one line each, as path and message.
 *
 * @param ids of the nodes of the configuration
 */
export function poolProblems(
  input: unknown,
  ids: readonly unknown[],
): { readonly path: string; readonly message: string }[] {
  const pools = (input as { readonly pools?: unknown } | undefined)?.pools;
  if (!Array.isArray(pools)) return [];
  const names = pools.map((pool: Loose | null) => pool?.name);
  return pools.flatMap((pool: Loose | null, i) => {
    const { name, min, max, worker, executor = { kind: 'local' } } = pool ?? {};
    const problem = (path: string, message: string) => ({ path: `autoscale.pools[${i}].${path}`, message });
    const clash = [...ids, ...names.filter((_, at) => at !== i)].find((id) => `${id}`.startsWith(`${name}-`));
    const port = Object.entries(worker?.listen ?? {}).find(([, where]) => !`${where}`.endsWith(':0'))?.[0];
    return [
      ...(names.indexOf(name) < i ? [problem('name', `"${name}" is the name of another pool too`)] : []),
      ...(clash === undefined ? [] : [problem('name', `"${clash}" begins like the workers of this pool; rename one`)]),
      ...(Number(max) < Number(min) ? [problem('max', `must be at least min (${min})`)] : []),
      ...(worker?.labels?.[POOL_LABEL] === undefined
        ? []
        : [problem(`worker.labels.${POOL_LABEL}`, 'is set by the pool itself; remove it')]),
      ...(executor?.kind === 'local' && port !== undefined
        ? [problem(`worker.listen.${port}`, 'must have port 0: workers of a local pool share a machine')]
        : []),
    ];
  });
}
