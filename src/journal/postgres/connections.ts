import type { Pool, PoolClient, QueryConfig, QueryResult } from 'pg';
import {
  type BackoffPolicy,
  backoffMs,
  type Clock,
  delay,
  errorMessage,
  type Logger,
  type Random,
  TroupeError,
} from '../../core/index.ts';
import { known, spoils } from './errors.ts';
import { makeSchema } from './schema.ts';

/** Calls that wait or run; OVERLOADED beyond. */
const CALLS_MAX = 4_096;
/** Connections of a node that names no number. */
const CONNECTIONS_MAX = 10;
/** Time limit of a call that names none, ms. */
const CALL_MS = 10_000;
/** To open one connection, ms. */
const CONNECT_MS = 5_000;
/** After so long unused a connection is closed, ms. */
const IDLE_MS = 60_000;
const DURABLE = `select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`;
/** Between two tries to connect. */
const RETRY: BackoffPolicy = { minMs: 50, maxMs: 2_000, jitter: 0.4 };

/** How a store reaches its server. */
export interface ConnectionOptions {
  /** `postgres://user:password@host:port/database?sslmode=…` or a folder of a socket as `host`. Never logged. */
  readonly url: string;
  /** Schema of the tables, made when first used: letters, digits, `_`. */
  readonly schema: string;
  /** Connections of this node at a time. Default 10. */
  readonly connectionsMax?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Connections to one server: a bounded number, made anew when they are lost, with pauses that grow while the server is away. */
export class Connections {
  readonly #pool: Pool;
  readonly #options: ConnectionOptions;
  #made: Promise<void> | undefined;
  #calls = 0;
  #failures = 0;
  readonly #closed: AbortController = new AbortController();

  private constructor(pool: Pool, options: ConnectionOptions) {
    this.#pool = pool;
    this.#options = options;
    // What is acknowledged must be on disk, whatever the server's default; a stronger setting stays.
    pool.on('connect', (client) => {
      client
        .query(DURABLE)
        .catch((error) => options.logger.warn('postgres may not be durable', { error: errorMessage(error) }));
    });
    // Without a listener the loss of an idle connection would end the process.
    pool.on('error', (error) => options.logger.warn('connection to postgres lost', { error: errorMessage(error) }));
  }

  /** @throws TroupeError INVALID_CONFIGURATION when the package `pg` isn't installed, or the url is none */
  static async open(options: ConnectionOptions): Promise<Connections> {
    const { Client, Pool } = await loadDriver();
    const connectionString = options.url;
    try {
      new Client({ connectionString });
    } catch {
      // What the parser says would hold the url, and that its password.
      const message = 'the url of postgres is none: write postgres://user@host/database';
      throw new TroupeError('INVALID_CONFIGURATION', message);
    }
    const pool = new Pool({
      connectionString,
      max: options.connectionsMax ?? CONNECTIONS_MAX,
      connectionTimeoutMillis: CONNECT_MS,
      idleTimeoutMillis: IDLE_MS,
      keepAlive: true,
      application_name: 'troupe',
      statement_timeout: CALL_MS,
      query_timeout: CALL_MS,
    });
    return new Connections(pool, options);
  }

  /**
   * Runs a statement as a transaction of its own.
   *
   * @param retry whether running it twice does no harm
   * @throws TroupeError NODE_UNAVAILABLE, TIMEOUT, OVERLOADED, DISK_FULL, INVALID_CONFIGURATION, SHUTTING_DOWN
   */
  async run(query: QueryConfig, retry: boolean, timeoutMs: number = CALL_MS): Promise<QueryResult['rows']> {
    if (this.#calls >= CALLS_MAX) throw new TroupeError('OVERLOADED', `${CALLS_MAX} calls wait for postgres already`);
    this.#calls++;
    try {
      const until = this.#options.clock.monotonic() + timeoutMs;
      for (;;) {
        const client = await this.#connected(until);
        try {
          const { rows } = await client.query({ ...query, query_timeout: this.#left(until) } as QueryConfig);
          client.release();
          return rows;
        } catch (error) {
          client.release(spoils(error));
          const failure = known(error);
          if (!retry || failure.code !== 'NODE_UNAVAILABLE' || !(await this.#pause(until))) throw failure;
        }
      }
    } finally {
      this.#calls--;
    }
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#pool.end();
  }

  /** A connection to a server that has the tables. */
  async #connected(until: number): Promise<PoolClient> {
    for (;;) {
      try {
        if (this.#closed.signal.aborted) throw new TroupeError('SHUTTING_DOWN', 'the store is closed');
        await this.#tables();
        const client = await this.#pool.connect();
        this.#failures = 0;
        return client;
      } catch (error) {
        const failure = known(error);
        if (failure.code !== 'NODE_UNAVAILABLE' || !(await this.#pause(until))) throw failure;
      }
    }
  }

  #tables(): Promise<void> {
    this.#made ??= this.#prepare().catch((error) => {
      this.#made = undefined;
      throw error;
    });
    return this.#made;
  }

  async #prepare(): Promise<void> {
    const client = await this.#pool.connect();
    try {
      await makeSchema(client, this.#options.schema);
      client.release();
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  /** @returns false when there is no time left to try again */
  async #pause(until: number): Promise<boolean> {
    const { clock, random } = this.#options;
    const pauseMs = backoffMs(RETRY, this.#failures++, random);
    if (clock.monotonic() + pauseMs >= until) return false;
    await delay(clock, pauseMs, this.#closed.signal).catch(() => undefined);
    return true;
  }

  #left(until: number): number {
    return Math.max(1, Math.ceil(until - this.#options.clock.monotonic()));
  }
}

async function loadDriver(): Promise<typeof import('pg')> {
  try {
    const { default: driver } = await import('pg');
    return driver as unknown as typeof import('pg');
  } catch (error) {
    throw new TroupeError('INVALID_CONFIGURATION', 'journals at postgres need the package "pg": npm install pg', {
      cause: error,
    });
  }
}
