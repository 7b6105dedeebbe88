import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Act, LineModel } from './line-model.ts';

/** What one sender's messages were, in the order in which the agent handled them. */
function heard(model: LineModel, sender: string): number[] {
  return model.handled.filter((note) => note.sender === sender).map((note) => note.number);
}

async function run(schedule: readonly Act[], size: number): Promise<LineModel> {
  const model = new LineModel(size);
  for (const act of schedule) await model.act(act);
  await model.finish();
  return model;
}

/** Schedules of up to 150 things, in which moves are frequent and nodes hear of them late. */
function schedules(nodes: number, deaths: number): fc.Arbitrary<Act[]> {
  const weights = { send: 5, arrive: 12, see: 7, 'look up': 1, handle: 1, move: 8, die: deaths };
  const options = Object.entries(weights).map(([action, weight]) => ({
    weight,
    arbitrary: fc.constant(action as Act[0]),
  }));
  const node = fc.nat(nodes - 1);
  return fc.array(fc.tuple(fc.oneof(...options), node, node), { minLength: 20, maxLength: 150 });
}

describe('the way to a shard', () => {
  test('keeps every message and each sender’s order, however often and fast the shard moves', async () => {
    await fc.assert(
      fc.asyncProperty(schedules(3, 0), async (schedule) => {
        const model = await run(schedule, 3);
        for (const { ref } of model.nodes) {
          expect(heard(model, ref.node)).toEqual(Array.from({ length: model.sent(ref.node) }, (_, i) => i + 1));
        }
      }),
      { numRuns: 150 },
    );
  });

  test('keeps each sender’s order and repeats nothing when owners die; what a living owner held is not lost', async () => {
    await fc.assert(
      fc.asyncProperty(schedules(4, 2), async (schedule) => {
        const model = await run(schedule, 4);
        for (const { ref } of model.nodes) {
          const numbers = heard(model, ref.node);
          expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
          if (model.deaths === 0) expect(numbers).toHaveLength(model.sent(ref.node));
        }
      }),
      { numRuns: 150 },
    );
  });

  /** The owner hands the shard over and hears of it; so does the new owner. */
  const moved = (from: number, to: number): Act[] => [
    ['move', from, to],
    ['move', from, to],
    ['move', from, to],
    ['see', from, 0],
    ['see', to, 0],
  ];
  const [A, B, SENDER, C] = [0, 1, 2, 3];

  test('isn’t overtaken: a message that a dead node had passed on is dropped, not delivered late', async () => {
    const model = await run(
      [
        ['send', SENDER, 0],
        ...moved(A, B),
        ['arrive', SENDER, A],
        ['die', A, 0],
        ['see', SENDER, 0],
        ['see', SENDER, 0],
        ['send', SENDER, 0],
        ['arrive', SENDER, B],
        ['arrive', B, SENDER],
        ['arrive', SENDER, B],
        ['arrive', A, B],
      ],
      4,
    );
    expect(heard(model, 'n3').at(-1)).toBe(2);
    expect(heard(model, 'n3')).toEqual(heard(model, 'n3').toSorted());
  });

  test('isn’t overtaken either when a living owner between has it from a dead one', async () => {
    const model = await run(
      [
        ['send', SENDER, 0],
        ...moved(A, B),
        ['arrive', SENDER, A],
        ...moved(B, C),
        ['arrive', A, B],
        ['die', A, 0],
        ['see', SENDER, 0],
        ['see', SENDER, 0],
        ['see', SENDER, 0],
        ['send', SENDER, 0],
        ['see', B, 0],
        ['see', C, 0],
        ['see', C, 0],
        ['arrive', SENDER, C],
        ['arrive', C, SENDER],
        ['arrive', SENDER, C],
        ['arrive', B, C],
      ],
      4,
    );
    expect(heard(model, 'n3')).toEqual([1, 2]);
  });
});
