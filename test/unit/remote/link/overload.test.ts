import { expect, test } from 'vitest';
import { isTroupeError } from '../../../../src/core/index.ts';
import { DEFAULT_LINK_LIMITS, type Lane, type LaneLimits } from '../../../../src/remote/index.ts';
import { ENVELOPE_COST_BYTES } from '../../../../src/remote/link/limits.ts';
import { tell, World } from './world.ts';

const LANES: readonly Lane[] = ['system', 'user', 'bulk'];
/** What a lane is offered each second, and how many messages a second its receiver does. */
const OFFERED = 8;
const DONE = 2;
const BYTES = 3_000;
const COST = BYTES + ENVELOPE_COST_BYTES;

/** One lane as seen from outside. */
interface Counts {
  offered: number;
  refused: number;
  readonly taken: number[];
  readonly arrived: number[];
  readonly open: (() => void)[];
  done: number;
}

test('an hour of four times too much: no buffer of the link passes its limits, and what was taken arrives', async () => {
  const limits = (lane: LaneLimits): LaneLimits => ({
    ...lane,
    heldMessagesMax: 400,
    heldBytesMax: 300_000,
    creditMessages: 60,
    creditBytes: 50_000,
  });
  const { system, user, bulk } = DEFAULT_LINK_LIMITS.lanes;
  const lanes = { system: limits(system), user: limits(user), bulk: limits(bulk) };
  const world = new World(1, { lanes });
  const [a, b] = await world.pair();
  const counts = Object.fromEntries(
    LANES.map((lane) => [lane, { offered: 0, refused: 0, taken: [], arrived: [], open: [], done: 0 }]),
  ) as unknown as Record<Lane, Counts>;
  b.links.onEnvelope((_from, lane, { correlation }) => {
    counts[lane].arrived.push(correlation);
    return new Promise((resolve) => counts[lane].open.push(resolve));
  });
  const work = (lane: Lane): void => {
    for (const settle of counts[lane].open.splice(0, DONE)) {
      settle();
      counts[lane].done++;
    }
  };
  for (let second = 0; second < 3_600; second++) {
    if (second % 60 === 59) world.network.breakConnections();
    for (const lane of LANES) {
      const count = counts[lane];
      for (let i = 0; i < OFFERED; i++) {
        const correlation = ++count.offered;
        try {
          a.links.send(b.ref, lane, tell(new Uint8Array(BYTES), { correlation }));
          count.taken.push(correlation);
        } catch (error) {
          expect(isTroupeError(error, 'OVERLOADED')).toBe(true);
          count.refused++;
        }
      }
      work(lane);
    }
    await world.clock.advance(1_000);
    for (const lane of LANES) {
      const { taken, arrived, done } = counts[lane];
      const { heldMessagesMax, heldBytesMax, creditMessages, creditBytes } = lanes[lane];
      const here = taken.length - arrived.length;
      const there = arrived.length - done;
      expect(here).toBeLessThanOrEqual(Math.min(heldMessagesMax, heldBytesMax / COST));
      // One message may pass the limit of bytes.
      expect(there).toBeLessThanOrEqual(Math.min(creditMessages, creditBytes / COST + 1));
    }
  }
  for (const lane of LANES) {
    const count = counts[lane];
    // From the second second on the receiver was never idle, and three quarters were refused.
    expect(count.done).toBe(3_599 * DONE);
    expect(count.refused / count.offered).toBeGreaterThan(0.7);
  }
  for (let second = 0; second < 60; second++) {
    for (const lane of LANES) work(lane);
    await world.clock.advance(1_000);
  }
  for (const lane of LANES) expect(counts[lane].arrived).toEqual(counts[lane].taken);
});
