import { expect, test } from 'vitest';
import { foundingEntry, Ledger, type LedgerEvent, raftLog, stateMachineOf } from '../../../../src/coordinator/index.ts';
import { encodeConfiguration } from '../../../../src/raft/index.ts';
import { Cluster } from '../../raft/driver/cluster.ts';

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

test.each([true, false])('reads rest on a lease only where that was asked for: %s', async (lease) => {
  const cluster = await Cluster.start(3, { leaseReads: true });
  const leader = await cluster.leader();
  await cluster.wait(cluster.member(leader).propose(Buffer.from('x')));
  await cluster.clock.advance(2_000);
  // Cut off, a leader can answer for as long as its lease lasts, and no quorum round ever ends.
  for (const other of cluster.others(leader)) cluster.cut.add(other);
  let answered = false;
  const reading = raftLog(cluster.member(leader), { lease })
    .barrier()
    .then(
      () => {
        answered = true;
      },
      () => undefined,
    );
  await cluster.clock.advance(1);
  expect(answered).toBe(lease);
  await cluster.wait(reading);
  await cluster.close();
});
