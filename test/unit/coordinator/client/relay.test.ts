import { expect, test } from 'vitest';
import { CoordinatorClient, type Voters } from '../../../../src/coordinator/index.ts';
import { type Clock, SeededRandom, TroupeError } from '../../../../src/core/index.ts';
import { ManualClock } from '../../../../src/testkit/clock.ts';

const PAUSE_MS = 5;
const TIMEOUT_MS = 1_000;

/** Relays a batch to a voter that answers with these, one after the other; the thread is late, and the time over at the last. */
async function relayed(...answers: readonly TroupeError[]): Promise<unknown> {
  const manual = new ManualClock();
  let now = 0;
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    repeat: (ms, fn) => manual.repeat(ms, fn),
    yieldThen: (fn) => manual.yieldThen(fn),
    // Pauses end at once; the timers of the time-outs come after them.
    schedule: (ms, fn) => {
      if (ms <= 2 * PAUSE_MS) queueMicrotask(fn);
      return { cancel: () => undefined };
    },
  };
  let calls = 0;
  const transport: Voters = {
    call: async () => {
      const answer = answers[calls++];
      if (calls === answers.length) now = TIMEOUT_MS;
      throw answer;
    },
    async *watch() {},
  };
  const limits = { retryMinMs: PAUSE_MS, retryMaxMs: PAUSE_MS };
  const client = new CoordinatorClient({
    self: 'x',
    voters: ['a'],
    transport,
    clock,
    random: new SeededRandom(1),
    limits,
  });
  const outcome = await client.relay('write', new Uint8Array([1]), TIMEOUT_MS, undefined).catch((error) => error);
  client.close();
  return outcome;
}

const refused = new TroupeError('NOT_LEADER', 'not here');

test('a batch that nobody took in is given back as that', async () => {
  expect(await relayed(refused, refused)).toMatchObject({ code: 'NOT_LEADER' });
});

test('a batch whose first try may have been carried out is not given back as one that nobody took in', async () => {
  const dropped = new TroupeError('PROPOSAL_DROPPED', 'nobody knows');
  expect(await relayed(dropped, refused)).toMatchObject({ code: 'PROPOSAL_DROPPED' });
});
