import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ManualSource, Notice } from '../../../src/cluster/index.ts';
import type { NodeRecord } from '../../../src/coordinator/index.ts';
import { TestCluster } from '../../../src/testkit/index.ts';

const advisory: Notice = { id: 'a', kind: 'advisory', reason: 'rebalance recommended' };

let kit: TestCluster;
let manual: ManualSource;

beforeAll(async () => {
  kit = await TestCluster.start(4);
  manual = kit.cluster.notices.get('node-4') as ManualSource;
});
afterAll(() => kit.close());

/** What the ledger says of node-4, once it is in that state. */
async function node(state: NodeRecord['state']): Promise<NodeRecord> {
  for (let waitedMs = 0; ; waitedMs += 50) {
    const found = (await kit.cluster.status()).view.nodes.find((each) => each.node === 'node-4');
    if (found?.state === state) return found;
    if (waitedMs > 30_000) throw new RangeError(`node-4 is ${found?.state}, not ${state}`);
    await kit.advance(50);
  }
}

test('a cordon reaches the ledger, is taken back there, and holds for the next life; a final notice empties the node', async () => {
  const { incarnation } = await node('up');
  manual.say(advisory);
  expect(await node('cordoned')).toMatchObject({ reason: 'rebalance recommended', incarnation });
  manual.say();
  expect(await node('up')).not.toHaveProperty('reason');
  manual.say(advisory);
  await node('cordoned');
  kit.cut('node-4');
  await node('down');
  kit.heal();
  const next = await node('cordoned');
  expect(next.incarnation).toBeGreaterThan(incarnation);
  await kit.cluster.node('node-4').preempt(15_000);
  expect(await node('left')).toMatchObject({ reason: 'preemption', account: { agents: 0 } });
});
