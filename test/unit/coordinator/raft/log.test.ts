import { expect, test } from 'vitest';
import { foundingEntry, Ledger, type LedgerEvent, stateMachineOf } from '../../../../src/coordinator/index.ts';
import { encodeConfiguration } from '../../../../src/raft/index.ts';

const a = { node: 'n1', member: 'n1@a' };
const b = { node: 'n2', member: 'n2@b' };
const c = { node: 'n3', member: 'n3@c' };

test('the ledger hears from the log who keeps it: founders, learners, both sets of a joint configuration', async () => {
  const ledger = new Ledger();
  const events: LedgerEvent[] = [];
  ledger.listen({ changed: (_index, changed) => events.push(...changed), replaced: () => undefined });
  const machine = stateMachineOf(ledger);
  expect(ledger.query('cluster.view', {}).members).toBeUndefined();
  const [reply] = machine.apply([foundingEntry(['n1@a', 'n2@b'])]);
  expect(reply).toHaveLength(0);
  expect(machine.appliedIndex).toBe(1);
  expect(ledger.query('cluster.view', {}).members).toEqual({ voters: [a, b], learners: [] });
  const joint = { voters: ['n2@b'], votersOutgoing: ['n1@a', 'n2@b'], learnersNext: ['n1@a'], learners: ['n3@c'] };
  machine.apply([{ kind: 'config', index: 2, term: 1, data: encodeConfiguration(joint) }]);
  // A voter that is on its way to be a learner still votes.
  expect(ledger.query('cluster.view', {}).members).toEqual({ voters: [a, b], learners: [c] });
  expect(events.map(({ index, type }) => [index, type])).toEqual([
    [1, 'members'],
    [2, 'members'],
  ]);
  const copy = new Ledger();
  await copy.restore(2, ledger.snapshot());
  expect(copy.query('cluster.view', {}).members).toEqual({ voters: [a, b], learners: [c] });
  expect(copy.digest()).toBe(ledger.digest());
});
