/** A model of agents that send to each other, on real nodes over a real ledger whose ends are killed at chosen moments, and what must hold. */
import { z } from 'zod';
import { agentRef, defineAgent } from '../../../src/agent/index.ts';
import type { Coordinator } from '../../../src/coordinator/index.ts';
import { SeededRandom, TroupeError } from '../../../src/core/index.ts';
import { Bench } from '../cluster/bench.ts';
import { type AgentNode, joinAgents } from './bench.ts';
import { Life } from './life.ts';

const SENDERS = ['s0', 's1'];
const RECEIVERS = ['r0', 'r1'];
/** Turns of each sender. */
export const BATCHES = 4;
/** Kills of either end, at most. */
const KILLS_MAX = 4;

/** What a run came to. */
export interface Account {
  /** By receiver and sender, the numbers that took effect, in order. */
  readonly effects: Readonly<Record<string, readonly number[]>>;
  /** Numbers that each pair should have. */
  readonly expected: Readonly<Record<string, readonly number[]>>;
  /** Rings of the timers that each sender set, one for each of its BATCHES. */
  readonly rings: readonly number[];
  readonly kills: number;
  /** Journals whose agents have something to do, at the end. */
  readonly left: number;
}

/**
 * Runs a seed to its end: batches are asked of senders (again until they are answered, as an asker would), each of which sends numbers on in its
 * turn and sets a timer; a client sends numbers from outside. Both nodes are killed at random moments.
 *
 * @throws TroupeError TIMEOUT when not everything arrives
 */
export async function runSeed(seed: number): Promise<Account> {
  const random = new SeededRandom(seed);
  const bench = await Bench.start();
  const expected: Record<string, number[]> = {};
  let kills = 0;

  const sender = defineAgent('sender', {
    state: () => ({ sent: 0, rings: 0 }),
    shards: 1,
    messages: {
      pass: { input: z.array(z.tuple([z.string(), z.number()])) },
      ring: { input: z.undefined() },
      rings: { input: z.undefined() },
    },
    handlers: {
      async pass(ctx, batch) {
        for (const [to, number] of batch) {
          await ctx.agent(receiver, to).send('take', { from: ctx.address.key, number });
        }
        ctx.after(`batch ${ctx.state.sent}`, 700, 'ring', undefined);
        ctx.setState({ ...ctx.state, sent: ctx.state.sent + 1 });
      },
      ring: (ctx) => ctx.setState({ ...ctx.state, rings: ctx.state.rings + 1 }),
      rings: (ctx) => ctx.state.rings,
    },
  });
  const receiver = defineAgent('receiver', {
    state: () => ({}) as Record<string, number[]>,
    shards: 1,
    messages: { take: { input: z.object({ from: z.string(), number: z.number() }) }, all: { input: z.undefined() } },
    handlers: {
      async take(ctx, { from, number }) {
        if (random.next() < 0.3) await new Promise<void>((resolve) => void bench.clock.schedule(20, resolve));
        if (random.next() < 0.05) throw new TroupeError('EXPECTATION_FAILED', 'a bad day');
        ctx.setState({ ...ctx.state, [from]: [...(ctx.state[from] ?? []), number] });
      },
      all: (ctx) => ctx.state,
    },
  });
  const agents = [sender, receiver];
  const client = await joinAgents(bench, 'client', agents);
  const homes = new Map<string, { node: AgentNode; life: Life; lives: number }>();
  const live = async (group: string): Promise<void> => {
    const lives = (homes.get(group)?.lives ?? -1) + 1;
    const life = new Life(lives < KILLS_MAX ? random.int(2, 60) : Number.POSITIVE_INFINITY);
    const options = { coordinator: (real: Coordinator) => life.reach(real) };
    const node = await joinAgents(bench, `${group}-${lives}`, agents, options);
    await bench.place([0], node, group);
    homes.set(group, { node, life, lives });
  };

  try {
    await live('sender');
    await live('receiver');
    const work: Promise<unknown>[] = [];
    const expect = (to: string, from: string, number: number): void => {
      expected[`${to} ${from}`] ??= [];
      (expected[`${to} ${from}`] as number[]).push(number);
    };
    const retried = async (send: () => Promise<unknown>): Promise<void> => {
      while (
        !(await send().then(
          () => true,
          () => false,
        ))
      );
    };
    // One after the other of each sender: so its order is the order of the turns.
    for (const from of SENDERS) {
      const batches = Array.from({ length: BATCHES }, (_, batch) =>
        Array.from({ length: random.int(1, 5) }, (_, i): [string, number] => [
          RECEIVERS[random.int(0, RECEIVERS.length)] as string,
          batch * 10 + i,
        ]),
      );
      for (const [to, number] of batches.flat()) expect(to, from, number);
      work.push(
        (async () => {
          for (const [i, batch] of batches.entries()) {
            const options = { requestId: `${from}-${i}`, timeoutMs: 2_000 };
            await retried(() => agentRef(client.host, sender, from).ask('pass', batch, options));
          }
        })(),
      );
    }
    for (let i = 0; i < 5; i++) expect('r0', 'client', i);
    work.push(
      (async () => {
        for (let i = 0; i < 5; i++) {
          await retried(() =>
            agentRef(client.host, receiver, 'r0').send('take', { from: 'client', number: i }, `c${i}`),
          );
        }
      })(),
    );
    let asked = false;
    void Promise.all(work).then(() => {
      asked = true;
    });

    const wakes = async (group: string): Promise<number> => {
      const epoch = client.map.shard({ group, shard: 0 })?.epoch ?? 0;
      const query = client.coordinator.query('journal.wakes', { fence: { group, shard: 0, epoch }, limit: 100 });
      return await bench.settle(
        query.then(
          (page) => page.wakes.length,
          () => 1,
        ),
      );
    };
    let left = 1;
    for (let turn = 0; !(asked && left === 0); turn++) {
      if (turn > 3_000) throw new TroupeError('TIMEOUT', `not everything arrives; asked for ${asked}, left ${left}`);
      await bench.clock.advance(100);
      for (const [group, { node, life }] of [...homes]) {
        if (!life.dead) continue;
        kills++;
        await bench.kill(node);
        await live(group);
      }
      if (turn % 10 === 9) left = (await wakes('sender')) + (await wakes('receiver'));
    }
    const effects: Record<string, readonly number[]> = {};
    for (const to of RECEIVERS) {
      const had = await bench.settle(agentRef(client.host, receiver, to).ask('all', undefined));
      for (const [from, numbers] of Object.entries(had as Record<string, number[]>)) effects[`${to} ${from}`] = numbers;
    }
    const rings = await Promise.all(
      SENDERS.map((from) => bench.settle(agentRef(client.host, sender, from).ask('rings', undefined))),
    );
    return { effects, expected, rings: rings as number[], kills, left };
  } finally {
    bench.close();
  }
}
