import type { Add, Kit } from './kit.ts';

/** Messages that a sender sends before it waits until they are handled: well within every mailbox's bound. */
const BURST = 1_000;
const IN_FLIGHT = 1_000;
const FAN = 1_000;

/** Work in pieces of one size. Whoever handles a message counts it, and a piece fails when the counts are wrong. */
export interface Job {
  /** Messages, asks or actors of one piece. */
  readonly units: number;
  /** Does one piece. @returns how long it took, ms @throws Error when something was not done, or twice */
  piece(): Promise<number>;
}

/** @param units of a piece, in thousands */
type Work = <A, Q>(kit: Kit<A, Q>, thousands: number) => Job;

/** Work that is measured as a rate, the same for every library. */
export const WORK: Readonly<Record<'tell' | 'pingpong' | 'ask' | 'ask1000' | 'fanout', Work>> = {
  tell(kit, thousands) {
    const tally = new Tally();
    const actor = kit.spawn(tally.receive);
    return timed(thousands, async (messages) => {
      for (let sent = 0; sent < messages; sent += BURST) {
        const handled = tally.expect(BURST);
        for (let value = 0; value < BURST; value++) kit.tell(actor, { type: 'add', value });
        await handled;
      }
      tally.audit(messages, (messages / BURST) * sumBelow(BURST));
    });
  },

  pingpong(kit, thousands) {
    const tally = new Tally();
    const play = (message: Add, other: typeof ping): void => {
      if (message.value > 0) kit.tell(other, { type: 'add', value: message.value - 1 });
      tally.receive(message);
    };
    const ping = kit.spawn((message) => play(message, pong));
    const pong: typeof ping = kit.spawn((message) => play(message, ping));
    return timed(thousands, async (messages) => {
      const handled = tally.expect(messages);
      kit.tell(ping, { type: 'add', value: messages - 1 });
      await handled;
      tally.audit(messages, sumBelow(messages));
    });
  },

  ask(kit, thousands) {
    const answerer = kit.spawnAnswerer();
    return timed(thousands, async (asks) => {
      let sum = 0;
      for (let value = 0; value < asks; value++) sum += await kit.ask(answerer, value);
      mustBe('sum of answers', sum, sumBelow(asks) + asks);
    });
  },

  ask1000(kit, thousands) {
    const answerer = kit.spawnAnswerer();
    return timed(thousands, async (asks) => {
      let next = 0;
      let sum = 0;
      const loop = async (): Promise<void> => {
        while (next < asks) {
          const answer = await kit.ask(answerer, next++);
          sum += answer;
        }
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, loop));
      mustBe('sum of answers', sum, sumBelow(asks) + asks);
    });
  },

  fanout(kit, thousands) {
    const tally = new Tally();
    const counts = new Uint32Array(FAN);
    const actors = Array.from({ length: FAN }, (_, at) =>
      kit.spawn((message) => {
        counts[at]!++;
        tally.receive(message);
      }),
    );
    return timed(thousands, async (messages) => {
      counts.fill(0);
      const rounds = messages / FAN;
      const handled = tally.expect(messages);
      for (let value = 0; value < rounds; value++) for (const actor of actors) kit.tell(actor, { type: 'add', value });
      await handled;
      tally.audit(messages, FAN * sumBelow(rounds));
      for (const count of counts) mustBe('messages of one actor', count, rounds);
    });
  },
};

/** Starts many actors, each time in a system of its own; it is done when each has begun. Afterwards each must handle a message. */
export function spawning<A, Q>(makeKit: () => Kit<A, Q>): Job {
  const units = 100_000;
  return {
    units,
    async piece() {
      const kit = makeKit();
      const started = performance.now();
      const actors = await spawnAll(kit, units);
      const ms = performance.now() - started;
      await actors.touch();
      await kit.end();
      return ms;
    },
  };
}

/** Starts `count` actors. @returns when each has begun; `touch` has each handle a message */
export async function spawnAll<A, Q>(
  kit: Kit<A, Q>,
  count: number,
): Promise<{ readonly actors: readonly A[]; touch(): Promise<void> }> {
  const tally = new Tally();
  let toBegin = count;
  const begun = Promise.withResolvers<void>();
  const begins = (): void => {
    if (--toBegin === 0) begun.resolve();
  };
  const actors = new Array<A>(count);
  for (let n = 0; n < count; n++) actors[n] = kit.spawn(tally.receive, begins);
  await begun.promise;
  const touch = async (): Promise<void> => {
    for (let from = 0; from < count; from += BURST) {
      const handled = tally.expect(Math.min(BURST, count - from));
      for (const actor of actors.slice(from, from + BURST)) kit.tell(actor, { type: 'add', value: 1 });
      await handled;
    }
    tally.audit(count, count);
  };
  return { actors, touch };
}

/** Lets a parent of `children` idle actors start short-lived ones. @throws Error when the library's actors have no children */
export function births<A, Q>(kit: Kit<A, Q>, children: number, thousands: number): Job {
  const tally = new Tally();
  const parent = kit.spawnParent?.(children, () => tally.receive({ type: 'add', value: 1 }));
  if (parent === undefined) throw new Error('its actors have no children');
  return timed(thousands, async (messages) => {
    for (let sent = 0; sent < messages; sent += BURST) {
      const gone = tally.expect(BURST);
      for (let value = 0; value < BURST; value++) kit.tell(parent, { type: 'add', value });
      await gone;
    }
    tally.audit(messages, messages);
  });
}

function timed(thousands: number, work: (units: number) => Promise<void>): Job {
  const units = thousands * 1_000;
  return {
    units,
    async piece() {
      const started = performance.now();
      await work(units);
      return performance.now() - started;
    },
  };
}

/** What actors have handled: how many messages, and the sum of their values. */
class Tally {
  #count = 0;
  #sum = 0;
  #left = 0;
  #done: () => void = () => undefined;
  readonly receive = ({ value }: Add): void => {
    this.#count++;
    this.#sum += value;
    if (--this.#left === 0) this.#done();
  };

  /** @returns when `count` messages from now have been handled */
  expect(count: number): Promise<void> {
    this.#left = count;
    return new Promise((resolve) => {
      this.#done = resolve;
    });
  }

  /** Counts anew. @throws Error when another number was handled since the last audit, or other ones */
  audit(count: number, sum: number): void {
    mustBe('messages handled', this.#count, count);
    mustBe('sum of messages', this.#sum, sum);
    this.#count = 0;
    this.#sum = 0;
  }
}

function mustBe(what: string, value: number, expected: number): void {
  if (value !== expected) throw new Error(`${what}: ${value}, not ${expected}`);
}

/** 0 + 1 + … + (n - 1). */
function sumBelow(n: number): number {
  return (n * (n - 1)) / 2;
}
