import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Points, reach } from '../../../bench/crash/points.ts';
import { askTool, Tool, useTool } from '../../../bench/crash/tool.ts';
import { Fate } from '../../../bench/recovery/fate.ts';
import { recoverySuite } from '../../../bench/recovery/suite.ts';
import { Account } from '../../../bench/recovery/trial.ts';
import { journalled } from '../../../bench/recovery/worker.ts';
import { endAll } from '../../../bench/resources.ts';
import { SeededRandom } from '../../../src/core/index.ts';
import { joinAgents } from '../agent/bench.ts';
import { Bench } from '../cluster/bench.ts';

afterAll(endAll);

test('the suite has parts that can be asked for', () => {
  expect(recoverySuite).toMatchObject({ name: 'recovery', parts: ['faults', 'overhead'] });
});

test('fate strikes tries of steps as often as it is to, at all moments alike', () => {
  const died = { before: 0, after: 0, recovering: 0 };
  let tries = 0;
  const fate = new Fate(new SeededRandom(1), 0.3);
  for (let step = 0; step < 3_000; step++) {
    for (let struck = true, again = false; struck; again = true) {
      if (again && fate.strikes('recovering')) {
        died.recovering++;
        expect(fate.strikes('recovering')).toBe(false);
      }
      tries++;
      struck = fate.strikes('before');
      if (struck) died.before++;
      // An effect that happened isn't tried again.
      else if (fate.strikes('after')) {
        died.after++;
        if (fate.strikes('recovering')) died.recovering++;
      }
    }
  }
  expect((died.before + died.after) / tries).toBeCloseTo(0.3, 1);
  for (const moment of ['before', 'after'] as const) expect(died[moment] / tries).toBeCloseTo(0.15, 1);
  expect(died.recovering / tries).toBeCloseTo(0.1, 1);
  expect(new Fate(new SeededRandom(1), 0).strikes('before')).toBe(false);
});

test('an account counts a run whose steps each have their own effect, and effects that came again', () => {
  const key = (run: string, step: string): string => `${journalled.kind}/${run}/${run}/${step}`;
  const record = [key('t-0', 'use'), key('t-0', 'use#2'), key('t-1', 'use'), key('t-1', 'use'), key('tt-0', 'use')];
  const account = new Account([...record, key('t-1', 'use#2'), key('tt-0', 'use')], 't');
  account.check('t-0', [0, 1], 2);
  expect(account.sum).toEqual({ completed: 1, repeated: 1 });
  // Another's effect, one too few, and one in another's place.
  account.check('t-1', [0, 5], 2);
  account.check('t-1', [2], 2);
  account.check('t-1', [5, 2], 2);
  expect(account.sum).toEqual({ completed: 1, repeated: 1 });
});

test('the tool does again what it is told again, and knows what it did also when it has been started anew', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tool-'));
  try {
    await using first = await Tool.start(folder);
    expect([await useTool(first.url, 'a', 0), await useTool(first.url, 'b', 0)]).toEqual([0, 1]);
    expect(await useTool(first.url, 'a', 0)).toBe(2);
    await first[Symbol.asyncDispose]();
    await using second = await Tool.start(folder);
    expect([await askTool(second.url, 'a'), await askTool(second.url, 'b')]).toEqual([0, 1]);
    expect(await askTool(second.url, 'c')).toBeUndefined();
    expect(second.record).toEqual(['a', 'b', 'a']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('an agent tells where it is in each step, and waits there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tool-'));
  const bench = await Bench.start();
  try {
    await using tool = await Tool.start(folder);
    const reached: string[] = [];
    await using points = await Points.open(({ key, moment, node }) => {
      reached.push(`${key} ${moment} on ${node}`);
      return true;
    });
    const node = await joinAgents(bench, 'n1', [journalled]);
    await bench.place(
      Array.from({ length: 32 }, (_, at) => at),
      node,
      journalled.kind,
    );
    const work = { tool: tool.url, points: points.url, steps: 2, stepMs: 0 };
    const asked = node.asks.ask({ kind: journalled.kind, key: 'k' }, 'run', work, { requestId: 'k' });
    let done = false;
    void asked.finally(() => {
      done = true;
    });
    // Tool and points are outside of the bench's time.
    while (!done) {
      await new Promise((resolve) => setImmediate(resolve));
      await bench.clock.advance(1);
    }
    expect(await asked).toEqual([0, 1]);
    expect(reached).toEqual(['k before on n1', 'k after on n1', 'k before on n1', 'k after on n1']);
    expect(tool.record).toEqual(['journalled/k/k/use', 'journalled/k/k/use#2']);
    await expect(reach(points.url, { key: 'x', moment: 'y', node: 'z' })).resolves.toBeUndefined();
  } finally {
    bench.close();
    rmSync(folder, { recursive: true });
  }
});
