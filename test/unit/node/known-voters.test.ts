import { expect, test } from 'vitest';
import { ClusterMap } from '../../../src/cluster/index.ts';
import { nullLogger, TroupeError } from '../../../src/core/index.ts';
import { type Known, KnownVoters } from '../../../src/node/control/known-voters.ts';

function make(answers: Record<string, Known>): { known: KnownVoters; changes: (readonly string[])[] } {
  const changes: (readonly string[])[] = [];
  const known = new KnownVoters({
    self: 'w1',
    configured: { nodes: ['n1', 'n2', 'w1', 'w2'], voters: ['n1', 'n2'] },
    map: new ClusterMap(),
    ask: async (node) => {
      const answer = answers[node];
      if (answer === undefined) throw new TroupeError('NODE_UNAVAILABLE', 'gone');
      return answer;
    },
    changed: (voters) => changes.push(voters),
    logger: nullLogger,
  });
  return { known, changes };
}

test('the configured voters hold until the ledger tells others', () => {
  const { known, changes } = make({});
  expect(known.voters).toEqual(['n1', 'n2']);
  const members = {
    voters: [{ node: 'n3', member: 'n3@c' }],
    learners: [{ node: 'n4', member: 'n4@d' }],
  };
  expect(known.accept({ type: 'view', view: { index: 7, nodes: [], groups: [], shards: [] } })).toBe(false);
  expect(
    known.accept({ type: 'events', index: 8, events: [{ type: 'members', index: 8, term: 1, time: 0, members }] }),
  ).toBe(true);
  expect([known.voters, known.everyone, known.index]).toEqual([['n3'], ['n3', 'n4'], 8]);
  expect(changes).toEqual([['n3']]);
});

test('when all voters were replaced, any node that is found leads to those of now; the latest word counts', async () => {
  const { known, changes } = make({
    n2: { index: 5, voters: [{ node: 'n1', control: '' }] },
    w2: { index: 9, voters: [{ node: 'n7', control: 'host:7' }] },
  });
  await known.search();
  expect(known.voters).toEqual(['n7']);
  expect(known.addressOf('n7')).toBe('host:7');
  expect(changes.at(-1)).toEqual(['n7']);
  // What is older than what is known is not believed.
  await known.search();
  expect(known.voters).toEqual(['n7']);
});
