import type { Finding } from '../../../examples/licence-audit/schema.ts';

/** A finding with what a test cares about. */
export function finding(id: string, fields: Partial<Finding> = {}): Finding {
  const at = id.lastIndexOf('@');
  return {
    package: { id, name: id.slice(0, at), version: id.slice(at + 1), directory: `/tmp/${id}`, copies: 1 },
    licence: 'MIT',
    policy: 'allowed',
    outcome: 'decided',
    opinions: [
      { reviewer: 'manifest-reviewer', choice: 'MIT', reason: '"license": "MIT"' },
      { reviewer: 'text-reviewer', choice: 'MIT', reason: 'LICENSE is the MIT text (99 %)' },
      { reviewer: 'readme-reviewer', reason: 'no readme' },
    ],
    decision: { id: `run/${id}`, index: 11, term: 1, epoch: 0 },
    ...fields,
  };
}
