import { expect, test, vi } from 'vitest';
import { Traffic, type TrafficResult } from '../../../bench/drain/traffic.ts';

/** Sends at least so many messages to three agents. @param answer a message's number, by its agent and its place */
async function send(
  least: number,
  answer: (key: string, place: number) => number | Error,
): Promise<TrafficResult & { readonly counts: ReadonlyMap<string, number> }> {
  const counts = new Map<string, number>();
  const traffic = new Traffic(['a', 'b', 'c'], 5_000, async (key) => {
    const place = (counts.get(key) ?? 0) + 1;
    counts.set(key, place);
    const number = answer(key, place);
    if (typeof number !== 'number') throw number;
    return number;
  });
  await vi.waitFor(() => expect([...traffic.sent.values()].reduce((a, b) => a + b, 0)).toBeGreaterThan(least));
  const result = await traffic.stop();
  expect(traffic.sent).toEqual(counts);
  return { ...result, counts };
}

test('traffic goes to all agents in turn, and what is answered in order is in order', async () => {
  const { sent, reordered, failures, counts } = await send(30, (_key, place) => place);
  expect([...counts.values()].reduce((a, b) => a + b, 0)).toBe(sent);
  expect([counts.size, reordered, failures]).toEqual([3, 0, 0]);
});

test('two messages of one agent that changed places are both reordered, and one that got no answer is a failure', async () => {
  const swapped = await send(30, (key, place) => (key === 'b' && place < 3 ? 3 - place : place));
  expect(swapped.reordered).toBe(2);
  const failed = await send(30, (key, place) => (key === 'c' && place === 2 ? new RangeError('gone') : place));
  expect(failed).toMatchObject({ reordered: 0, failures: 1, failure: { message: 'gone' } });
});
