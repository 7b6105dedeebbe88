import type { StandardSchemaV1 } from '@standard-schema/spec';
import { TroupeError } from '../core/index.ts';

/**
 * What a schema made of a value.
 *
 * @param what was checked, for the error
 * @throws TroupeError SCHEMA_MISMATCH with everything that doesn't fit
 */
export function fitting<T>(result: StandardSchemaV1.Result<T>, what: string): T {
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(
    (issue) =>
      `${(issue.path ?? []).map((p) => String(typeof p === 'object' ? p.key : p)).join('.') || 'value'}: ${issue.message}`,
  );
  throw new TroupeError('SCHEMA_MISMATCH', `${what} does not fit its schema: ${issues.join('; ')}`);
}
