import { expect, test } from 'vitest';
import { Gate } from '../../../bench/anomalies/gate.ts';
import { anomaliesSuite } from '../../../bench/anomalies/suite.ts';

test('the suite has the parts that can be asked for', () => {
  expect(anomaliesSuite).toMatchObject({ name: 'anomalies', parts: ['races', 'overhead'] });
});

test('a gate keeps the agents of one node until all are there, and longer', async () => {
  const gate = new Gate('n1', 2);
  const passed: string[] = [];
  const reach = (key: string, node: string): void => {
    const go = gate.reached({ key, moment: 'm', node });
    if (go === true) passed.push(key);
    else void go.then(() => passed.push(key));
  };
  let full = false;
  void gate.full.then(() => {
    full = true;
  });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  reach('a', 'n1');
  reach('b', 'n2');
  // The same agent again isn't another one.
  reach('a', 'n1');
  await turn();
  expect([passed, full]).toEqual([['b'], false]);
  reach('c', 'n1');
  await gate.full;
  gate.open();
  reach('d', 'n1');
  await turn();
  expect(passed).toEqual(['b', 'd']);
  gate.release();
  await turn();
  expect(passed).toEqual(['b', 'd', 'a', 'c']);
});
