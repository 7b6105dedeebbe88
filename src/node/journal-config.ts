import { z } from 'zod';
import {
  type Clock,
  type Logger,
  nullLogger,
  type Random,
  systemClock,
  systemRandom,
  TroupeError,
} from '../core/index.ts';
import { PostgresStore } from '../journal/index.ts';

const SCHEMA = /^[a-z_][a-z0-9_]{0,62}$/;

const ledger = z.strictObject({ kind: z.literal('ledger') });

const postgres = z.strictObject({
  kind: z.literal('postgres'),
  /**
   * `postgres://user:password@host:port/database`, with `?sslmode=verify-full` beyond one's own machine; or the variable of each node's environment that
   * holds it, which keeps the password out of this file. Never logged.
   */
  url: z.union([
    z.string().regex(/^postgres(ql)?:\/\//, 'must begin with postgres://'),
    z.strictObject({ env: z.string().min(1) }),
  ]),
  /**
   * Schema of the tables, made when first used; `troupe_<name of the cluster>` without it. It belongs to one ledger: a cluster that
   * begins anew, with empty data folders, needs a new one, as its epochs begin anew too.
   */
  schema: z.string().regex(SCHEMA, `must match ${SCHEMA}`).optional(),
  /** Connections of each node at a time. */
  connectionsMax: z.number().int().min(1).max(1_000).default(10),
});

/** Where agents' journals and big values are kept: in the cluster's own ledger (default), or in a Postgres that is there already. */
export const journals = z.discriminatedUnion('kind', [ledger, postgres]).default({ kind: 'ledger' });

/** The setting for Postgres, completed. */
export type PostgresConfig = z.output<typeof postgres> & { readonly schema: string };
/** A checked `journals` setting. */
export type JournalsConfig = z.output<typeof ledger> | PostgresConfig;

/** Fills in what depends on other settings. @param cluster its name */
export function completeJournals(config: z.output<typeof journals>, cluster: string): JournalsConfig {
  return config.kind === 'ledger' ? config : { ...config, schema: config.schema ?? schemaNamed(`troupe_${cluster}`) };
}

/** The same for a cluster that lives for one run: at Postgres it has a schema of its own. */
export function journalsOfRun(config: JournalsConfig, run: string): JournalsConfig {
  return config.kind === 'ledger' ? config : { ...config, schema: schemaNamed(`${config.schema}_${run}`) };
}

/** Deletes what a run left at Postgres. */
export async function eraseJournals({ journals }: { readonly journals: JournalsConfig }): Promise<void> {
  const store = await openJournals(journals, { clock: systemClock, random: systemRandom, logger: nullLogger });
  try {
    await store?.erase();
  } finally {
    await store?.close();
  }
}

/**
 * Opens the store that a node's agents use; undefined when that is the ledger.
 *
 * @throws TroupeError INVALID_CONFIGURATION
 */
export async function openJournals(
  config: JournalsConfig,
  around: { readonly clock: Clock; readonly random: Random; readonly logger: Logger },
): Promise<PostgresStore | undefined> {
  if (config.kind === 'ledger') return undefined;
  const { schema, connectionsMax } = config;
  return PostgresStore.open({ url: urlOf(config), schema, connectionsMax, ...around });
}

function urlOf({ url }: PostgresConfig): string {
  if (typeof url === 'string') return url;
  const value = process.env[url.env];
  if (value !== undefined && value !== '') return value;
  throw new TroupeError('INVALID_CONFIGURATION', `journals.url: the environment has no ${url.env}`, {
    address: url.env,
  });
}

/** A name that SQL takes without quotes; the end of a long one tells runs apart. */
function schemaNamed(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]/g, '_')
    .replace(/^(?=\d)/, '_')
    .slice(-63);
}
