import type { DatabaseSync, SQLInputValue } from 'node:sqlite';

/** A prepared statement whose rows have the shape `R`. The one place where a row's type is believed. */
export interface Query<R> {
  get(...values: SQLInputValue[]): R | undefined;
  all(...values: SQLInputValue[]): R[];
  iterate(...values: SQLInputValue[]): Iterable<R>;
}

/** Prepares a query whose rows come as objects. */
export function prepare<R>(db: DatabaseSync, sql: string): Query<R> {
  return db.prepare(sql) as unknown as Query<R>;
}

/** Prepares a query whose rows come as arrays: about twice as fast, for what every command does. */
export function prepareTuples<R extends readonly unknown[]>(db: DatabaseSync, sql: string): Query<R> {
  const statement = db.prepare(sql);
  statement.setReturnArrays(true);
  return statement as unknown as Query<R>;
}

/** Copies the members that aren't null, as optional fields. */
export function present<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const result: Record<string, unknown> = {};
  for (const key in fields) if (fields[key] !== null && fields[key] !== undefined) result[key] = fields[key];
  return result as { [K in keyof T]?: NonNullable<T[K]> };
}
