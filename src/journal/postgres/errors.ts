import { errorMessage, isTroupeError, TroupeError } from '../../core/index.ts';

/** SQLSTATE of a reference to what isn't there. */
export const FOREIGN_KEY_VIOLATION = '23503';

const DISK_FULL = '53100';
const QUERY_CANCELED = '57014';
/** What the driver says when the answer took longer than it waits. */
const READ_TIMEOUT = 'Query read timeout';
/**
 * Classes and states that pass: connection lost (08), resources short (53), ended by an operator or starting up (57P), a standby
 * that can't be written (25006), a transaction that another one stopped (40).
 */
const PASSING = /^(08|53|57P|25006|40)/;
/** Wrong name, password, database or rights: nothing that trying again mends. */
const WRONG_SETTING = /^(28|3D|42501)/;

/** The state that Postgres gave an error, undefined for one of the driver or of the network. */
export function sqlState(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Whether the connection that gave this error may be used again. */
export function spoils(error: unknown): boolean {
  const state = sqlState(error);
  return state === undefined || /^(08|57P|25006)/.test(state);
}

/** An error of Postgres, the driver or the network, in our terms. None of them says the password. */
export function known(error: unknown): TroupeError {
  if (isTroupeError(error)) return error;
  const state = sqlState(error);
  const said = `Postgres: ${errorMessage(error)}`;
  const details = { cause: error, ...(state === undefined ? {} : { data: { sqlState: state } }) };
  if (state === QUERY_CANCELED || errorMessage(error) === READ_TIMEOUT)
    return new TroupeError('TIMEOUT', said, details);
  if (state === DISK_FULL) return new TroupeError('DISK_FULL', said, details);
  if (state === undefined || PASSING.test(state)) return new TroupeError('NODE_UNAVAILABLE', said, details);
  if (WRONG_SETTING.test(state)) return new TroupeError('INVALID_CONFIGURATION', said, details);
  return new TroupeError('INVARIANT_VIOLATED', said, details);
}
