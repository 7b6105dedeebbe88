import { readFile } from 'node:fs/promises';
import licenceIds from 'spdx-license-ids' with { type: 'json' };
import { TroupeError } from 'troupe';
import type { Expression } from './expression.ts';
import { parseExpression } from './expression.ts';
import type { Verdict } from './schema.ts';
import { NEEDS_PERSON, Policy, UNLICENSED } from './schema.ts';

/** What a company that ships closed products commonly starts with. */
export const DEFAULT_POLICY: Policy = {
  allowed: [
    '0BSD',
    'AFL-*',
    'Apache-2.0',
    'Artistic-2.0',
    'BlueOak-1.0.0',
    'BSD-1-Clause',
    'BSD-2-Clause*',
    'BSD-3-Clause',
    'BSL-1.0',
    'CC0-1.0',
    'CC-BY-3.0',
    'CC-BY-4.0',
    'ISC',
    'MIT',
    'MIT-0',
    'NCSA',
    'PostgreSQL',
    'Python-2.0*',
    'PSF-2.0',
    'Unicode-*',
    'Unlicense',
    'UPL-1.0',
    'W3C',
    'WTFPL',
    'X11',
    'Zlib',
  ],
  review: ['CDDL-*', 'CC-BY-SA-*', 'EPL-*', 'EUPL-*', 'LGPL-*', 'MPL-*', 'OFL-*', 'Ruby'],
  denied: ['AGPL-*', 'BUSL-*', 'CC-BY-NC*', 'Elastic-*', 'GPL-*', 'JSON', 'OSL-*', 'SSPL-*', UNLICENSED],
  otherwise: 'review',
};

const RANK: readonly Verdict[] = ['allowed', 'review', 'denied'];
const policyBytesMax = 1024 * 1024;

/**
 * Applies a policy to a licence: a choice (`OR`) is as good as its best part, a sum (`AND`) as bad as its worst.
 *
 * @param licence a normal SPDX expression, `UNLICENSED` or `NEEDS-PERSON`
 */
export function applyPolicy(policy: Policy, licence: string): Verdict {
  if (licence === NEEDS_PERSON) return 'review';
  const expression = parseExpression(licence);
  return expression === undefined ? (listed(policy, licence) ?? policy.otherwise) : verdictOf(policy, expression);
}

/**
 * Reads a policy from a JSON file.
 *
 * @throws TroupeError INVALID_ARGUMENT with every problem in one line
 */
export async function readPolicy(path: string): Promise<Policy> {
  let value: unknown;
  try {
    const bytes = await readFile(path);
    if (bytes.length > policyBytesMax) throw new RangeError(`larger than ${policyBytesMax} bytes`);
    value = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TroupeError('INVALID_ARGUMENT', `the policy can't be read: ${why}`, { address: path });
  }
  const parsed = Policy.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'policy'}: ${issue.message}`);
  throw new TroupeError('INVALID_ARGUMENT', `the policy is wrong: ${problems.join('; ')}`, { address: path });
}

function verdictOf(policy: Policy, expression: Expression): Verdict {
  if (expression.type === 'licence') return verdictOfLicence(policy, expression.id, expression.exception);
  const ranks = expression.parts.map((part) => RANK.indexOf(verdictOf(policy, part)));
  return RANK[expression.type === 'or' ? Math.min(...ranks) : Math.max(...ranks)] as Verdict;
}

function verdictOfLicence(policy: Policy, id: string, exception: string | undefined): Verdict {
  // An exception only adds permissions, so where the policy doesn't name the pair, the bare licence decides.
  const pair = exception === undefined ? undefined : listed(policy, `${id} WITH ${exception}`);
  if (pair !== undefined) return pair;
  const ranks = versionsOf(id).flatMap((version) => {
    const verdict = listed(policy, version);
    return verdict === undefined ? [] : [RANK.indexOf(verdict)];
  });
  return ranks.length === 0 ? policy.otherwise : (RANK[Math.min(...ranks)] as Verdict);
}

/** `X-or-later` is a choice among X and its later versions. */
function versionsOf(id: string): readonly string[] {
  const range = /^(.+)-([0-9.]+)-or-later$/.exec(id);
  if (range === null) return [id];
  const [, family, version] = range as unknown as [string, string, string];
  const later = licenceIds.filter((other) => {
    const parts = /^(.+)-([0-9.]+)-only$/.exec(other);
    return parts !== null && parts[1] === family && Number(parts[2]) >= Number(version);
  });
  return [id, ...later];
}

/** The verdict of the list that names the licence; a whole name goes before a pattern, and the stricter list before the milder. */
function listed(policy: Policy, id: string): Verdict | undefined {
  const strictestFirst = RANK.toReversed();
  return (
    strictestFirst.find((verdict) => policy[verdict].includes(id)) ??
    strictestFirst.find((verdict) =>
      policy[verdict].some((entry) => entry.endsWith('*') && id.startsWith(entry.slice(0, -1))),
    )
  );
}
