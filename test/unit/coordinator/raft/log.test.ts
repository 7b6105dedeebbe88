import { expect, test } from 'vitest';
import { Ledger, stateMachineOf } from '../../../../src/coordinator/index.ts';

test('a change of membership is nothing to the ledger but an index', () => {
  const ledger = new Ledger();
  const machine = stateMachineOf(ledger);
  const data = new TextEncoder().encode('voters');
  const [reply] = machine.apply([{ kind: 'config', index: 1, term: 1, data }]);
  expect(reply).toHaveLength(0);
  expect(machine.appliedIndex).toBe(1);
});
