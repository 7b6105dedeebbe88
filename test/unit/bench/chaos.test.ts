import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { account } from '../../../bench/soak/chaos/account.ts';
import type { LoadReport } from '../../../bench/soak/chaos/load.ts';
import { FAULTS, schedule } from '../../../bench/soak/chaos/schedule.ts';
import { Tool } from '../../../bench/soak/chaos/tool.ts';

const NODES = { voters: ['v1', 'v2', 'v3'], workers: ['s1', 's2'], filled: 'v1', kinds: FAULTS };

describe('a schedule', () => {
  test('is its seed: the same again, and a shorter one is the beginning of a longer one', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 600 }), (seed, seconds) => {
        const long = schedule({ ...NODES, seed, forMs: 600_000 });
        const short = schedule({ ...NODES, seed, forMs: seconds * 1_000 });
        expect(short).toEqual(long.filter(({ atMs }) => atMs < seconds * 1_000));
      }),
    );
    expect(schedule({ ...NODES, seed: 1, forMs: 60_000 })).not.toEqual(schedule({ ...NODES, seed: 2, forMs: 60_000 }));
  });

  test('troubles one voter at a time, or all together; clocks apart', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const troubles = schedule({ ...NODES, seed, forMs: 600_000 }).filter(
          ({ kind, nodes }) => kind !== 'clockJump' && nodes.some((node) => node.startsWith('v')),
        );
        for (const [at, { atMs }] of troubles.entries()) {
          const before = troubles[at - 1];
          if (before !== undefined) expect(atMs).toBeGreaterThanOrEqual(before.atMs + before.lastsMs);
        }
      }),
    );
  });

  test('of ten minutes has every kind of fault, and only kinds that can be had', () => {
    const kinds = new Set(schedule({ ...NODES, seed: 5, forMs: 600_000 }).map(({ kind }) => kind));
    expect(kinds).toEqual(new Set(FAULTS));
    const some = schedule({ ...NODES, seed: 5, forMs: 600_000, kinds: ['kill', 'notice'] });
    expect(new Set(some.map(({ kind }) => kind))).toEqual(new Set(['kill', 'notice']));
    for (const { kind, nodes } of some) if (kind === 'notice') expect(nodes[0]).toMatch(/^s/);
  });
});

test('the tool counts what happens again under a key, and refuses who was given up', () => {
  const tool = new Tool();
  const first = { key: 'k', life: 'n1/1' };
  const second = { key: 'k', life: 'n2/2' };
  expect(tool.find(second)).toEqual({ outcome: 'notDone' });
  expect(tool.use(first)).toEqual({ outcome: 'refused' });
  expect(tool.use(second)).toEqual({ outcome: 'done' });
  expect(tool.find(first)).toEqual({ outcome: 'done' });
  expect([tool.repeated, tool.refused]).toEqual([0, 1]);
  tool.use(second);
  tool.use({ key: 'other', life: 'n1/1' });
  expect([tool.repeated, tool.refused]).toEqual([1, 1]);
});

describe('the account', () => {
  const AGENTS = 2;
  /** Two agents that took numbers up to 3, and all their effects. */
  const all = () => {
    const tool = new Tool();
    for (const i of [0, 1])
      for (const n of [0, 1, 2, 3])
        for (const part of ['first', 'second']) tool.use({ key: `clerk/c${i}/c${i}-${n}/${part}`, life: 'n/1' });
    const agent = { acknowledged: 3, told: { last: 3, doubled: 0, skipped: 0 } };
    return { tool, report: { acknowledged: 8, silenceMs: 5, unknown: 0, agents: [agent, { ...agent }] } };
  };

  test('is clean when agents and tool have all that was acknowledged', () => {
    const { tool, report } = all();
    expect(account(report, tool, AGENTS)).toMatchObject({ sound: true, figures: { acknowledged: 8, lost: 0 } });
  });

  test.each([
    ['lost', { last: 1 }, 2],
    ['duplicated', { doubled: 1 }, 1],
    ['misordered', { skipped: 2 }, 2],
  ] as const)('finds what was %s', (figure, spoilt, count) => {
    const { tool, report } = all();
    const [first] = report.agents;
    const agents = [first, { acknowledged: 3, told: { last: 3, doubled: 0, skipped: 0, ...spoilt } }];
    const found = account({ ...report, agents } as LoadReport, tool, AGENTS);
    expect(found).toMatchObject({ sound: false, figures: { [figure]: count } });
  });

  test('finds effects that happened again or not at all, and agents and turns without an answer', () => {
    const { tool, report } = all();
    tool.use({ key: 'clerk/c0/c0-2/first', life: 'n/1' });
    tool.effects.delete('clerk/c1/c1-3/second');
    expect(account(report, tool, AGENTS)).toMatchObject({ sound: false, figures: { repeated: 1, missing: 1 } });
    const silent = { ...all().report, unknown: 1, agents: [{ acknowledged: 3, told: undefined }] };
    expect(account(silent as LoadReport, all().tool, AGENTS)).toMatchObject({
      sound: false,
      figures: { unanswered: 2 },
    });
    const missing = { ...all().report, agents: all().report.agents.slice(1) };
    expect(account(missing, all().tool, AGENTS).sound).toBe(false);
  });
});
