import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type AgentContext, type AskOptions, defineAgent, type StepRun } from '../../../src/agent/index.ts';
import { delay, TroupeError } from '../../../src/core/index.ts';
import { TestCluster } from '../../../src/testkit/index.ts';

type Script = (ctx: AgentContext<readonly string[]>) => unknown;
/** What `run` does, by name: a test changes it between two runs of a turn, as a new version would. */
const scripts = new Map<string, Script>();
/** Runs a script as a step's handler would, and keeps notes in the agent's state. */
const player = defineAgent('player', {
  state: (): readonly string[] => [],
  messages: { run: { input: z.string() }, note: { input: z.string() }, read: { input: z.undefined() } },
  handlers: {
    run: (ctx, name) => (scripts.get(name) as Script)(ctx),
    note(ctx, text) {
      ctx.setState([...ctx.state, text]);
    },
    read: (ctx) => ctx.state,
  },
});

let kit: TestCluster;
beforeAll(async () => {
  kit = await TestCluster.start(3, { agents: [player] });
});
afterAll(() => kit.close());

/** Runs a script as the turn for request `name`; again under the same name it is the same turn. */
function play(name: string, script: Script, options: AskOptions = {}): Promise<unknown> {
  scripts.set(name, script);
  return kit.agent(player, name).ask('run', name, { requestId: name, ...options });
}
const gone = (): never => {
  throw new TroupeError('STEP_UNKNOWN', 'the line broke');
};
const held = async (key: string) => (await Array.fromAsync(kit.cluster.held.list())).filter((turn) => turn.key === key);
const heldOne = async (key: string) => {
  const [turn, second] = await held(key);
  if (turn === undefined || second !== undefined) throw new RangeError(`not one turn of ${key} is held`);
  return turn;
};
const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  for (let i = 0; i < 200; i++) {
    if (await condition()) return;
    await kit.advance(50);
  }
  throw new RangeError('waited in vain');
};
const replied = (name: string, value: unknown): Promise<void> =>
  until(async () => {
    const answer = await kit
      .agent(player, name)
      .ask('run', name, { requestId: name })
      .catch(() => undefined);
    return answer === value;
  });

describe('a step that fails', () => {
  test('is known to have failed: the turn runs it again, also under hold', async () => {
    const runs: boolean[] = [];
    const script: Script = (ctx) =>
      ctx.step('pay', { onUnknown: 'hold' }, ({ retried }) => {
        runs.push(retried);
        if (runs.length === 1) throw new TroupeError('CONFLICT', 'no cover');
        return 'paid';
      });
    await expect(play('fails', script)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await play('fails', script)).toBe('paid');
    expect(runs).toEqual([false, false]);
  });

  test.each([
    ['a deadline', new TroupeError('TIMEOUT', 'no answer')],
    ['what the platform cuts short', new DOMException('cut', 'AbortError')],
    ['what it says itself', new TroupeError('STEP_UNKNOWN', 'who knows')],
  ])('isn’t known to have failed by %s', async (what, error) => {
    const retried: boolean[] = [];
    const script: Script = (ctx) =>
      ctx.step('pay', (run) => {
        retried.push(run.retried);
        if (retried.length === 1) throw error;
      });
    await play(`unknown by ${what}`, script).catch(() => undefined);
    await play(`unknown by ${what}`, script);
    expect(retried).toEqual([false, true]);
  });

  test('after a try of unknown outcome leaves the outcome unknown', async () => {
    let runs = 0;
    const script: Script = (ctx) =>
      ctx.step('pay', { onUnknown: runs < 2 ? 'retry' : 'hold' }, () => {
        if (++runs === 1) gone();
        throw new RangeError('refused');
      });
    for (let i = 0; i < 2; i++) await play('murky', script).catch(() => undefined);
    await expect(play('murky', script)).rejects.toMatchObject({ code: 'STEP_UNKNOWN' });
    expect(runs).toBe(2);
  });

  test('that is kept fails in the same way again, so that what was built on it is found', async () => {
    const done: string[] = [];
    const seen: unknown[] = [];
    const script: Script = async (ctx) => {
      try {
        await ctx.step('card', { onFailed: 'keep' }, () => {
          done.push('card');
          throw new RangeError('declined');
        });
      } catch (error) {
        seen.push([(error as TroupeError).code, (error as Error).message]);
        await ctx.step('invoice', () => done.push('invoice'));
      }
      if (seen.length === 1) throw new RangeError('cut');
      return 'billed';
    };
    await play('kept', script).catch(() => undefined);
    expect(await play('kept', script)).toBe('billed');
    expect(done).toEqual(['card', 'invoice']);
    expect(seen[0]).toEqual(['HANDLER_FAILED', 'declined']);
    expect(seen[1]).toEqual(seen[0]);
  });
});

describe('a step that can be reconciled', () => {
  /** A turn whose step was cut off, and what its next run gives. */
  const cutThen = async (name: string, reconcile: (attempt: number) => never) => {
    const runs: StepRun[] = [];
    const queries: string[] = [];
    const script: Script = (ctx) =>
      ctx.step(
        'pay',
        {
          idempotencyKey: `order-${name}`,
          onUnknown: 'reconcile',
          reconcile: ({ idempotencyKey, attempt }) => {
            queries.push(`${idempotencyKey} ${attempt}`);
            return reconcile(attempt);
          },
        },
        (run) => {
          runs.push(run);
          return runs.length === 1 ? gone() : 'ran again';
        },
      );
    await play(name, script).catch(() => undefined);
    const outcome = await play(name, script).catch((error: TroupeError) => error.code);
    return { outcome, runs: runs.length, queries };
  };

  test('takes the result of what was done, and doesn’t do it again', async () => {
    const got = await cutThen('rec-done', () => ({ done: 'receipt 7' }) as never);
    expect(got).toEqual({ outcome: 'receipt 7', runs: 1, queries: ['order-rec-done 1'] });
  });

  test('does what wasn’t done', async () => {
    const got = await cutThen('rec-not', () => ({ notDone: true }) as never);
    expect(got).toEqual({ outcome: 'ran again', runs: 2, queries: ['order-rec-not 1'] });
  });

  test('asks again while the answer isn’t known or fails', async () => {
    const got = await cutThen('rec-later', (attempt) => {
      if (attempt === 1) throw new RangeError('away');
      return (attempt === 2 ? { unknown: true } : { done: 'found' }) as never;
    });
    expect(got).toMatchObject({ outcome: 'found', runs: 1, queries: { length: 3 } });
  });

  test('is held after five tries', async () => {
    const got = await cutThen('rec-never', () => ({ unknown: true }) as never);
    expect(got).toMatchObject({ outcome: 'STEP_UNKNOWN', runs: 1, queries: { length: 5 } });
    expect(await heldOne('rec-never')).toMatchObject({ step: 'pay', idempotencyKey: 'order-rec-never' });
  });

  test('must say how', async () => {
    const script: Script = (ctx) => ctx.step('pay', { onUnknown: 'reconcile' } as never, () => 1);
    await expect(play('rec-how', script)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('a turn that runs again', () => {
  test('hands results out in the order of the record, so branches of equal names keep theirs', async () => {
    let first = true;
    const script: Script = async (ctx) => {
      const branch = async (id: string, ms: number): Promise<string[]> => {
        const results: string[] = [];
        for (const part of ['x', 'y', 'z']) {
          const done = async (): Promise<string> => {
            await delay(kit.clock, first ? ms : 50 - ms);
            return id + part;
          };
          results.push(await ctx.step('fetch', done));
          if (first && part === 'y' && id === 'a') throw new RangeError('cut');
        }
        return results;
      };
      return Promise.all([branch('a', 40), branch('b', 10), branch('c', 25)]);
    };
    await expect(play('branches', script)).rejects.toMatchObject({ message: 'cut' });
    first = false;
    expect(await play('branches', script)).toEqual(['a', 'b', 'c'].map((id) => [`${id}x`, `${id}y`, `${id}z`]));
  });

  test('names the step that it has recorded and the one that a changed handler asks for, which doesn’t run', async () => {
    const done: string[] = [];
    const version =
      (name: string, fail: boolean): Script =>
      async (ctx) => {
        await ctx.step('reserve', () => done.push('reserve'));
        await ctx.step(name, () => done.push(name));
        if (fail) throw new RangeError('cut');
        return 'sent';
      };
    await play('changed', version('send', true)).catch(() => undefined);
    await expect(play('changed', version('mail', false))).rejects.toMatchObject({
      code: 'STEP_MISMATCH',
      data: { recorded: 'send', asked: 'mail' },
    });
    expect(done).toEqual(['reserve', 'send']);
    await expect(play('changed', () => 'nothing to do')).rejects.toMatchObject({
      code: 'STEP_MISMATCH',
      data: { recorded: 'reserve' },
    });
    expect(await kit.agent(player, 'changed').ask('read', undefined)).toEqual([]);
    expect(await play('changed', version('send', false))).toBe('sent');
    expect(done).toEqual(['reserve', 'send']);
  });

  test('waits for its asks before it calls its handler changed', async () => {
    scripts.set('slow', () => delay(kit.clock, 3_000));
    let first = true;
    const script: Script = (ctx) =>
      Promise.all([
        ctx.step('quick', () => 1).then((one) => (first ? one : ctx.step('next', () => 2))),
        (async () => {
          // Answered from its record, or asked under another id: slow again.
          const requestId = `slow ${first}`;
          if (!first) await ctx.agent(player, 'slow').ask('run', 'slow', { requestId, timeoutMs: 9_000 });
          await ctx.step('late', () => 3);
          if (first) throw new RangeError('cut');
        })(),
      ]).then(() => 'both');
    await play('asks', script).catch(() => undefined);
    first = false;
    expect(await play('asks', script)).toBe('both');
  });

  test('is over when its steps have ended: one that ran on beside a failure is recorded, and none begins', async () => {
    let runs = 0;
    let late: Promise<unknown> | undefined;
    const script: Script = async (ctx) => {
      const slow = ctx.step('slow', async () => {
        await delay(kit.clock, 500);
        return ++runs;
      });
      late = slow.then(() => ctx.step('after', () => 'never')).catch((error: TroupeError) => error.code);
      if (runs === 0) await Promise.all([slow, Promise.reject(new RangeError('cut'))]);
      return slow;
    };
    await expect(play('beside', script)).rejects.toMatchObject({ message: 'cut' });
    expect(await late).toBe('CANCELLED');
    expect(await play('beside', (ctx) => ctx.step('slow', async () => ++runs))).toBe(1);
  });
});

describe('a held turn', () => {
  /** A script whose step was cut off, so that its turn is held when it runs again. */
  const hold = async (
    name: string,
    then: (ctx: AgentContext<readonly string[]>, paid: unknown) => unknown = (_, paid) => paid,
  ) => {
    const runs: boolean[] = [];
    let cut = true;
    const script: Script = async (ctx) => {
      const paid = await ctx.step('pay', { onUnknown: 'hold' }, ({ retried }) => {
        runs.push(retried);
        return cut ? gone() : 'paid';
      });
      return then(ctx, paid);
    };
    await play(name, script).catch(() => undefined);
    await expect(play(name, script)).rejects.toMatchObject({ code: 'STEP_UNKNOWN', data: { step: 'pay' } });
    return { runs, script, mend: (): boolean => (cut = false) };
  };
  const resolve: typeof kit.cluster.held.resolve = (place, ruling) => kit.cluster.held.resolve(place, ruling);

  test('lets later messages pass, and goes on behind them when it is settled, by itself', async () => {
    const { runs } = await hold('h1', (ctx, paid) => {
      ctx.setState([...ctx.state, `paid ${paid}`]);
      return 'thanks';
    });
    const place = await heldOne('h1');
    expect(place).toMatchObject({
      kind: 'player',
      key: 'h1',
      requestId: 'h1',
      idempotencyKey: 'player/h1/h1/pay',
      over: false,
    });
    for (const note of ['a', 'b']) await kit.agent(player, 'h1').ask('note', note);
    await expect(kit.agent(player, 'h1').ask('run', 'h1', { requestId: 'h1' })).rejects.toMatchObject({
      data: { hold: place.hold },
    });
    await resolve(place, { type: 'done', value: 'elsewhere' });
    await until(async () => (await held('h1')).length === 0);
    expect(await kit.agent(player, 'h1').ask('read', undefined)).toEqual(['a', 'b', 'paid elsewhere']);
    expect(await kit.agent(player, 'h1').ask('run', 'h1', { requestId: 'h1' })).toBe('thanks');
    expect(runs).toEqual([false]);
  });

  test('runs its step once more when it is told to, and is held anew when that is cut off too', async () => {
    const { runs, mend } = await hold('h2');
    const before = await heldOne('h2');
    await resolve(before, { type: 'retry' });
    await until(() => runs.length === 2);
    // The turn failed with the cut; whoever asks again finds it unknown.
    await expect(kit.agent(player, 'h2').ask('run', 'h2', { requestId: 'h2' })).rejects.toMatchObject({
      code: 'STEP_UNKNOWN',
    });
    await until(async () => (await held('h2')).some(({ hold: number }) => number > before.hold));
    const after = await heldOne('h2');
    await expect(resolve(before, { type: 'done', value: 1 })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    mend();
    await resolve(after, { type: 'retry' });
    await replied('h2', 'paid');
    expect(runs).toEqual([false, true, true]);
  });

  test('whose step counts as failed tells its handler why, which may make something of it', async () => {
    const { script, runs } = await hold('h3');
    scripts.set('h3', async (ctx) => {
      try {
        return await script(ctx);
      } catch (error) {
        if ((error as TroupeError).code !== 'STEP_FAILED') throw error;
        return `gave up: ${(error as Error).message}`;
      }
    });
    await resolve(await heldOne('h3'), { type: 'fail', reason: 'the shop is closed' });
    await replied('h3', 'gave up: the shop is closed');
    expect(runs).toEqual([false]);
  });

  test('that fails after it was settled is over, and isn’t run again by itself', async () => {
    let turns = 0;
    await hold('h4', () => {
      turns++;
      throw new RangeError('boom');
    });
    const place = await heldOne('h4');
    await resolve(place, { type: 'done', value: 1 });
    await until(async () => (await held('h4')).length === 0);
    await kit.advance(12_000);
    expect(turns).toBe(1);
    expect(await resolve(place, { type: 'done', value: 1 })).toMatchObject({ over: true });
  });

  test('that times out again and again after it was settled waits for a person anew, and says why', async () => {
    const turns: number[] = [];
    let heals = false;
    const { runs } = await hold('h8', async (ctx, paid) => {
      const note = await ctx.step('note', () => 'noted');
      turns.push(kit.clock.monotonic());
      if (!heals) throw new TroupeError('TIMEOUT', 'the other is silent');
      return `${paid}, ${note}`;
    });
    const place = await heldOne('h8');
    await resolve(place, { type: 'done', value: 'paid' });
    for (let s = 0; s < 100 && turns.length < 5; s++) await kit.advance(1_000);
    await until(async () => (await heldOne('h8')).hold > place.hold);
    // Each pause is twice the one before.
    const pauses = turns.slice(1).map((at, i) => at - (turns[i] as number));
    expect(pauses.map((ms) => Math.round(ms / 5_000))).toEqual([1, 2, 4, 8]);
    const again = await heldOne('h8');
    expect(again.ruling).toBeUndefined();
    expect(again.reason).toBe('went on and was cut short 5 times, the last time by: the other is silent');
    // To go on doesn't undo what was settled.
    heals = true;
    await resolve(again, { type: 'retry' });
    await replied('h8', 'paid, noted');
    expect(runs).toEqual([false]);
  });

  test('is settled once: of two rulings one is refused, and the same one again is the same', async () => {
    await hold('h5');
    const place = await heldOne('h5');
    const both = await Promise.allSettled([
      resolve(place, { type: 'done', value: { id: 1 } }),
      resolve(place, { type: 'fail', reason: 'no' }),
    ]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(both[1]).toMatchObject({ reason: { code: 'ALREADY_EXISTS' } });
    expect(await resolve(place, { type: 'done', value: { id: 1 } })).toMatchObject({ ruling: { value: { id: 1 } } });
    await expect(resolve({ ...place, hold: place.hold + 1 }, { type: 'retry' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  test('isn’t done whatever its handler makes of that, and takes no other step', async () => {
    let others = 0;
    const script: Script = async (ctx) => {
      try {
        return await ctx.step('pay', { onUnknown: 'hold' }, gone);
      } catch {
        if (others > 0) await ctx.step('other', () => others++).catch(() => undefined);
        return 'never mind';
      }
    };
    await play('h6', (ctx) => ctx.step('pay', gone)).catch(() => undefined);
    others = 1;
    await expect(play('h6', script)).rejects.toMatchObject({ code: 'STEP_UNKNOWN' });
    expect(others).toBe(1);
  });

  test('takes the place of one: more than sixteen of an agent aren’t held, and say so', async () => {
    const agent = kit.agent(player, 'many');
    const script: Script = (ctx) => ctx.step('pay', { onUnknown: 'hold' }, gone);
    scripts.set('many', script);
    const codes: unknown[] = [];
    for (let i = 0; i < 17; i++) {
      const options = { requestId: `many ${i}` };
      await agent.ask('run', 'many', options).catch(() => undefined);
      await agent
        .ask('run', 'many', options)
        .catch((error: TroupeError) => codes.push([error.code, typeof error.data.hold]));
    }
    expect(codes.slice(0, 16)).toEqual(new Array(16).fill(['STEP_UNKNOWN', 'number']));
    expect(codes[16]).toEqual(['STEP_UNKNOWN', 'undefined']);
    const all = await held('many');
    expect(all).toHaveLength(16);
    // A place is free again when a turn is over.
    await resolve(all[0] as (typeof all)[0], { type: 'fail', reason: 'given up' });
    await until(async () => (await held('many')).length === 15);
    const last = agent.ask('run', 'many', { requestId: 'many 16' });
    await expect(last).rejects.toMatchObject({ data: { hold: expect.any(Number) } });
  });

  test('outlives its node, and goes on at the next one', async () => {
    let key = '';
    for (let i = 0, home: unknown; home !== 'node-3'; i++) {
      key = `h7 ${i}`;
      scripts.set('where', (ctx) => ctx.node.node);
      home = await kit.agent(player, key).ask('run', 'where');
    }
    const { runs } = await hold(key, (ctx, paid) => `${paid} on ${ctx.node.node}`);
    const place = await heldOne(key);
    await kit.drain('node-3');
    await resolve(place, { type: 'done', value: 'paid' });
    await until(async () => (await held(key)).length === 0);
    expect(await kit.agent(player, key).ask('run', key, { requestId: key })).toMatch(/^paid on node-[12]$/);
    expect(runs).toEqual([false]);
  });
});
