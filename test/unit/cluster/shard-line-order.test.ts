import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineModel } from './line-model.ts';

/** What one sender's messages were, in the order in which the agent handled them. */
function heard(model: LineModel, sender: string): number[] {
  return model.handled.filter((note) => note.sender === sender).map((note) => note.number);
}

async function run(schedule: readonly number[], size: number): Promise<LineModel> {
  const model = new LineModel(size);
  for (const choice of schedule) await model.act(choice);
  await model.finish();
  return model;
}

const schedule = fc.array(fc.nat(16 ** 4 - 1), { minLength: 20, maxLength: 150 });
/** The same without the choices that kill. */
const peaceful = schedule.map((choices) => choices.map((choice) => (choice % 16 === 15 ? choice - 1 : choice)));

describe('the way to a shard', () => {
  test('keeps every message and each sender’s order, however often and fast the shard moves', async () => {
    await fc.assert(
      fc.asyncProperty(peaceful, async (choices) => {
        const model = await run(choices, 3);
        for (const { ref } of model.nodes) {
          expect(heard(model, ref.node)).toEqual(Array.from({ length: model.sent(ref.node) }, (_, i) => i + 1));
        }
      }),
      { numRuns: 150 },
    );
  });

  test('keeps each sender’s order and repeats nothing when owners die; what a living owner held is not lost', async () => {
    await fc.assert(
      fc.asyncProperty(schedule, async (choices) => {
        const model = await run(choices, 4);
        for (const { ref } of model.nodes) {
          const numbers = heard(model, ref.node);
          expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
          if (model.deaths === 0) expect(numbers).toHaveLength(model.sent(ref.node));
        }
      }),
      { numRuns: 150 },
    );
  });
});
