import { afterEach, describe, expect, test } from 'vitest';
import type { PlacementPlan } from '../../../src/api/index.ts';
import { parseImagined } from '../../../src/cli/commands/plan.ts';
import type { Labels } from '../../../src/coordinator/index.ts';
import { startVoter } from './voter.ts';

const open: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const groups = [
  { group: 'job', shards: 4, placement: {} },
  { group: 'gpu', shards: 2, placement: { require: { gpu: 'yes' } } },
];

/** A ledger whose node n1 owns the shards of `job`, and what `troupe plan` prints. */
async function cluster(): Promise<{
  plan: (...argv: string[]) => Promise<string>;
  join: (node: string, labels: Labels, weight?: number) => Promise<void>;
}> {
  const voter = await startVoter();
  open.push(() => voter.close());
  const { coordinator } = voter;
  const life = { addresses: { control: '', data: '', api: '' }, voter: false, groups };
  const join = async (node: string, labels: Labels, weight = 1): Promise<void> => {
    const to = await coordinator.execute('node.join', { ...life, node, bootId: node, labels, weight });
    const moves = [0, 1, 2, 3].map((shard) => ({ group: 'job', shard, epoch: 0, to: { node, ...to } }));
    await coordinator.execute('shards.place', { moves });
  };
  await join('n1', {});
  return { plan: (...argv) => voter.run('plan', ...argv), join };
}

describe('troupe plan', () => {
  test('says what would move, from where to where, and why, and what has nowhere to go', async () => {
    const { plan, join } = await cluster();
    expect(await plan()).toContain('nothing would move');
    expect(await plan()).toContain('2 shards of gpu have no node to go to: n1 lacks gpu=yes');
    await join('n2', {}, 3);
    const now = JSON.parse(await plan('--json')) as PlacementPlan;
    expect(now.nodes).toEqual([
      { id: 'n1', shardsNow: 4, shardsThen: 1 },
      { id: 'n2', shardsNow: 0, shardsThen: 3 },
    ]);
    expect(now.moves).toHaveLength(3);
    expect(now.moves[0]).toMatchObject({ kind: 'job', from: 'n1', to: 'n2', reason: 'share' });
    expect(await plan()).toMatch(/job:\d +n1 +n2 +of job, n1 has 4 for a fair 1\.0, n2 has 0 for a fair 3\.0/);
  });

  test('imagines that nodes left and came', async () => {
    const { plan } = await cluster();
    const text = await plan('--without', 'n1', '--with', 'n9:gpu=yes,weight=2', '--with', 'n8');
    expect(text).toContain('6 of 6 shards would move');
    expect(text).toMatch(/n1 +4 +0\n/);
    expect(text).toMatch(/gpu:0 +- +n9 +it has no owner/);
    expect(text).toMatch(/job:0 +n1 +n[89] +n1 is draining/);
    await expect(plan('--without', 'nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    // Nothing of it happened.
    expect(await plan()).toContain('nothing would move');
  });

  test('reads nodes with labels and a weight', () => {
    expect(parseImagined('n9')).toEqual({ id: 'n9', labels: {} });
    expect(parseImagined('n9:zone=a,weight=0.5')).toEqual({ id: 'n9', labels: { zone: 'a' }, weight: 0.5 });
    for (const wrong of ['', ':zone=a', 'n9:zone', 'n9:weight=-1', 'n9:weight=x']) {
      expect(() => parseImagined(wrong)).toThrow('is no node');
    }
  });
});
