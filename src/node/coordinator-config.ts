import { resolve } from 'node:path';
import { z } from 'zod';

const ENDPOINT = /^https?:\/\/[^/\s]+:\d{1,5}$/;
const PREFIX = /^\/(.+\/)?$/;

const file = z.string().min(1);

const etcd = z
  .strictObject({
    kind: z.literal('etcd'),
    /** URLs of etcd's servers, e.g. `https://etcd-1:2379`. With `http` everything travels in clear. */
    endpoints: z
      .array(z.string().regex(ENDPOINT, 'must be "http://host:port" or "https://host:port"'))
      .min(1)
      .readonly(),
    /**
     * Silence after which etcd gives up a leader whose machine is gone, ms (a process that died is noticed at once). etcd rounds up to seconds, and to no less than 1.5 times its own election
     * time-out (1 s unless configured). Smaller finds a dead leader sooner, and costs more elections on a slow disk.
     */
    leaseMs: z.number().int().min(1_000).max(60_000).default(3_000),
    /** What all keys begin with; `/troupe/<name of the cluster>/` without it. Two clusters must not share it. */
    prefix: z.string().regex(PREFIX, 'must begin and end with a slash').optional(),
    /** PEM files, relative to the configuration file: whom to believe, and the certificate that names us where etcd asks. */
    tls: z
      .strictObject({ ca: file.optional(), cert: file.optional(), key: file.optional() })
      .refine(({ cert, key }) => (cert === undefined) === (key === undefined), 'needs cert and key together')
      .optional(),
    /** Whether the leader has etcd forget its old revisions. They are everybody's: say false where others watch this etcd. */
    compactHistory: z.boolean().default(true),
  })
  .refine(({ endpoints, tls }) => tls === undefined || endpoints.every((url) => url.startsWith('https:')), {
    path: ['endpoints'],
    error: 'must be https where tls is set',
  });

const raft = z.strictObject({
  kind: z.literal('raft'),
  /**
   * Whether the leader answers reads by itself while it holds a lease, instead of asking a majority each time. Quicker, but
   * linearizable only as long as the voters' clocks run at rates that differ by less than a third; and a new leader
   * must wait for an election time-out even where the old one is known to be dead.
   */
  leaseReads: z.boolean().default(false),
});

/** Where the cluster's log is kept: by its own voters (default), or in an etcd that is there already. */
export const coordinator = z.discriminatedUnion('kind', [raft, etcd]).default({ kind: 'raft', leaseReads: false });

/** The setting for etcd, completed. */
export type EtcdConfig = z.output<typeof etcd> & { readonly prefix: string };
/** A checked `coordinator` setting. */
export type CoordinatorConfig = z.output<typeof raft> | EtcdConfig;

/** The same for a cluster that lives for one run: at etcd it has a log of its own. */
export function coordinatorOfRun(config: CoordinatorConfig, run: string): CoordinatorConfig {
  return config.kind === 'raft' ? config : { ...config, prefix: `${config.prefix}runs/${run}/` };
}

/**
 * Fills in what depends on other settings, and makes the paths of files absolute.
 *
 * @param cluster name of the cluster
 */
export function completeCoordinator(
  config: z.output<typeof coordinator>,
  cluster: string,
  baseDir: string,
): CoordinatorConfig {
  if (config.kind === 'raft') return config;
  const { prefix = `/troupe/${cluster}/`, tls } = config;
  if (tls === undefined) return { ...config, prefix };
  const files = Object.entries(tls).map(([name, path]) => [name, resolve(baseDir, path)]);
  return { ...config, prefix, tls: Object.fromEntries(files) };
}
