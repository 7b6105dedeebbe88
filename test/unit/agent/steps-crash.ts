/** A model of turns with steps, run on real agents over a real ledger whose node is killed at chosen moments, and what must hold. */
import { z } from 'zod';
import { type AgentContext, defineAgent, type StepFinding, type StepOptions } from '../../../src/agent/index.ts';
import type { Coordinator, HeldRecord } from '../../../src/coordinator/index.ts';
import { SeededRandom, TroupeError } from '../../../src/core/index.ts';
import { decodePayload, encodePayload } from '../../../src/wire/index.ts';
import { Bench } from '../cluster/bench.ts';
import { type AgentNode, joinAgents } from './bench.ts';
import { Life } from './life.ts';

export type Policy = 'reconcile' | 'hold' | 'retry';
interface PlannedStep {
  readonly name: string;
  readonly policy: Policy;
  /** Its result is kept as a blob, so its receipt takes longer to be durable. */
  readonly large: boolean;
  /** It fails in the end, and the failure is kept. */
  readonly fails: boolean;
  /** Awaits between its result and what its branch does next. */
  readonly hops: number;
}
/** Branches side by side, each a list of steps one after the other. */
type Stage = readonly (readonly PlannedStep[])[];

/** What a seed stands for. */
interface Plan {
  readonly stages: readonly Stage[];
  /** How many moments each life has before it is killed; the life after the last one is left alone. */
  readonly lives: readonly number[];
}

const POLICIES: readonly Policy[] = ['reconcile', 'hold', 'retry'];
/** A step's place: its stage, branch and number there. It is what the step gives, or fails with. */
const LABEL = /^\d+\.\d+\.\d+$/;
/** Awaits between a result and what its branch does next, of every other step. */
const HOPS = 10;
/** Characters of a result that is too large for a record. */
const LARGE_CHARS = 70_000;

function planOf(random: SeededRandom, policy: Policy | undefined): Plan {
  const list = <T>(least: number, most: number, make: () => T): T[] =>
    Array.from({ length: random.int(least, most + 1) }, make);
  const step = (): PlannedStep => ({
    name: 'ab'[random.int(0, 2)] as string,
    policy: policy ?? (POLICIES[random.int(0, POLICIES.length)] as Policy),
    large: random.next() < 0.1,
    fails: random.next() < 0.2,
    hops: random.int(0, 2) * HOPS,
  });
  return {
    stages: list(1, 3, () => list(1, 3, () => list(1, 3, step))),
    lives: list(1, 4, () => random.int(1, 40)),
  };
}

/** A real yield ends when all that could go on has. The virtual clock's ends after 20 awaits at most: three are at least 40. */
function yieldWhole(clock: Bench['clock']): void {
  const once = clock.yieldThen.bind(clock);
  clock.yieldThen = (fn) => once(() => once(() => once(fn)));
}

/** What a run came to. */
export interface Account {
  /** Effects by step; those of a step that happened more than once would be counted so. */
  readonly effects: ReadonlyMap<string, number>;
  /** Steps that have had more effects than one, though their policy isn't to do them again. */
  readonly repeated: readonly string[];
  /** Steps whose result was another one's. */
  readonly mixed: readonly string[];
  readonly steps: number;
  readonly kills: number;
  readonly rulings: number;
  readonly reconciled: number;
}

/**
 * Runs the plan of a seed to its end: the message is sent again after each kill, as its asker would, and a person settles what is held, by
 * asking the tool. Neither happens when the turn is done.
 *
 * @param policy of all steps; undefined when each has one of its own
 * @throws TroupeError TIMEOUT when the turn doesn't come to its end
 */
export async function runSeed(seed: number, policy: Policy | undefined): Promise<Account> {
  const random = new SeededRandom(seed);
  const { stages, lives } = planOf(random, policy);
  const bench = await Bench.start();
  yieldWhole(bench.clock);
  /** The tool: by key, what it did. It does everything that it is told to, however often. */
  const did = new Map<string, string>();
  const effects = new Map<string, number>();
  const mixed: string[] = [];
  const repeated: string[] = [];
  let life = new Life(Number.POSITIVE_INFINITY);
  let done = false;
  let [steps, kills, rulings, reconciled] = [0, 0, 0, 0];

  const perform = async (ctx: AgentContext<null>, step: PlannedStep, label: string): Promise<void> => {
    const mine = life;
    // Of few lengths, so that branches often end together.
    const pause = (): Promise<void> =>
      new Promise((resolve) => void bench.clock.schedule(random.int(0, 4) * 10, resolve));
    const find = async (idempotencyKey: string): Promise<StepFinding<string>> => {
      await pause();
      await mine.moment();
      if (random.next() < 0.3) throw new TroupeError('NODE_UNAVAILABLE', 'the tool is away');
      reconciled++;
      const known = did.get(idempotencyKey);
      return known === undefined ? { notDone: true } : { done: known };
    };
    const onFailed = 'keep';
    const options: StepOptions<string> =
      step.policy === 'reconcile'
        ? { onFailed, onUnknown: 'reconcile', reconcile: ({ idempotencyKey }) => find(idempotencyKey) }
        : { onFailed, onUnknown: step.policy };
    const doing = ctx.step(step.name, options, async ({ idempotencyKey, retried }) => {
      await pause();
      await mine.moment();
      const times = (effects.get(label) ?? 0) + 1;
      effects.set(label, times);
      if (times > 1 && step.policy !== 'retry') repeated.push(label);
      const result = step.large ? label.padEnd(LARGE_CHARS) : label;
      did.set(idempotencyKey, result);
      await mine.moment();
      // A failure says nothing about an earlier try, so it isn't kept then.
      if (step.fails && !retried) throw new RangeError(label);
      return result;
    });
    const given = await doing.then(
      (result) => result.trimEnd(),
      (error: Error) => {
        if (!LABEL.test(error.message)) throw error;
        return error.message;
      },
    );
    for (let hop = 0; hop < step.hops; hop++) await undefined;
    if (given !== label) mixed.push(`${label} got ${given}`);
  };

  const agent = defineAgent('model', {
    state: () => null,
    shards: 1,
    messages: { work: { input: z.null() } },
    handlers: {
      async work(ctx) {
        steps = 0;
        for (const [i, stage] of stages.entries()) {
          await Promise.all(
            stage.map(async (branch, j) => {
              for (const [k, step] of branch.entries()) {
                steps++;
                await perform(ctx as AgentContext<null>, step, `${i}.${j}.${k}`);
              }
            }),
          );
        }
        return 'done';
      },
    },
  });
  const live = async (moments: number): Promise<AgentNode> => {
    life = new Life(moments);
    const mine = life;
    const node = await joinAgents(bench, `n${kills}`, [agent], { coordinator: (real) => mine.reach(real) });
    await bench.place([0], node, 'model');
    return node;
  };
  /** The message again, as long as nobody has heard that it is done. */
  const send = (node: AgentNode): void =>
    void node.runtime.deliver(
      { kind: 'model', key: 'k' },
      { group: 'model', shard: 0 },
      {
        kind: 'tell',
        to: 'agent:model/k',
        correlation: 0,
        method: 'work',
        payload: encodePayload(null),
        requestId: 'r',
      },
    );

  const person = await bench.join('person', []);
  try {
    let node = await live(lives[0] ?? Number.POSITIVE_INFINITY);
    send(node);
    for (let turn = 0; !done; turn++) {
      if (turn > 400) throw new TroupeError('TIMEOUT', 'the turn does not come to its end');
      await bench.clock.advance(100);
      if (life.dead) {
        kills++;
        await bench.kill(node);
        node = await live(lives[kills] ?? Number.POSITIVE_INFINITY);
        send(node);
      }
      const held = await heldNow(bench, person.coordinator);
      for (const each of held) {
        rulings++;
        const known = did.get(each.idempotencyKey);
        const ruling =
          known === undefined ? ({ type: 'retry' } as const) : ({ type: 'done', value: encodePayload(known) } as const);
        await bench.settle(person.coordinator.execute('held.rule', { ...each, ruling }));
      }
      // It may be killed while this is read: then the next life takes the turn from the held ones.
      done = held.length === 0 && !life.dead && (await replied(bench, node)) && !life.dead;
    }
    await bench.clock.advance(10_000);
    if ((await bench.settle(person.coordinator.query('held.list', { limit: 10 }))).held.length > 0)
      throw new TroupeError('EXPECTATION_FAILED', 'a turn that is over is still held');
    return { effects, repeated, mixed, steps, kills, rulings, reconciled };
  } finally {
    bench.close();
  }
}

async function heldNow(bench: Bench, coordinator: Coordinator): Promise<readonly HeldRecord[]> {
  return (await bench.settle(coordinator.query('held.list', { limit: 10, ruled: false }))).held;
}

/** Whether the journal has the reply. */
async function replied(bench: Bench, { map, coordinator }: AgentNode): Promise<boolean> {
  const fence = { group: 'model', shard: 0, epoch: map.shard({ group: 'model', shard: 0 })?.epoch ?? 0 };
  const { snapshot, records } = await bench.settle(coordinator.query('journal.read', { fence, key: 'k' }));
  const image = snapshot && (decodePayload(snapshot) as { readonly replies: readonly unknown[] });
  const lines = records.map((record) => decodePayload(record) as { readonly t: string });
  return lines.some(({ t }) => t === 'turn') || (image?.replies.length ?? 0) > 0;
}
