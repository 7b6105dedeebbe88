import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  broadcast,
  consistentHash,
  leastMailbox,
  type Ref,
  type ReplyTo,
  Routees,
  roundRobin,
  type SpawnOptions,
  scatterGatherFirst,
} from '../../../src/actor/index.ts';
import { gate, virtualSystem } from './setup.ts';

interface Job {
  readonly key: string;
  readonly reply?: ReplyTo<string>;
  readonly act?: (name: string, reply: ReplyTo<string>) => void | Promise<void>;
}

const code = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'none',
    (error: unknown) => (error as { code: string }).code,
  );

/** Workers w0, w1, … that note who handled which key and then do what the job says. */
function workers(count: number, options: SpawnOptions<Job> = {}) {
  const world = virtualSystem();
  const handled: string[] = [];
  const spawn = (name: string): Ref<Job> =>
    world.system.spawn<Job>(
      () => ({
        receive({ key, reply, act }) {
          handled.push(`${name} ${key}`);
          if (act !== undefined) return act(name, reply!);
          reply?.tell(name);
        },
      }),
      { name, ...options },
    );
  const refs = Array.from({ length: count }, (_, i) => spawn(`w${i}`));
  const lost = () => world.system.deadLetters.recent().map(({ to, reason }) => `${reason} ${to}`);
  return { ...world, refs, routees: new Routees(refs), handled, lost, spawn };
}

const jobs = (...keys: string[]): Job[] => keys.map((key) => ({ key }));

describe('round-robin', () => {
  test('takes its routees in turn, newcomers too', async () => {
    const { routees, clock, handled, spawn } = workers(2);
    const router = roundRobin(routees);
    for (const job of jobs('a', 'b', 'c')) router.tell(job);
    routees.add(spawn('new'));
    for (const job of jobs('d', 'e', 'f')) router.tell(job);
    await clock.settle();
    expect(handled.toSorted()).toEqual(['new e', 'w0 a', 'w0 c', 'w0 f', 'w1 b', 'w1 d'].toSorted());
  });

  test('passes over the dead; the last one stays, and what it gets is a dead letter', async () => {
    const { routees, refs, system, clock, handled, lost } = workers(3);
    const router = roundRobin(routees);
    await system.stop(refs[1]!);
    for (const job of jobs('a', 'b', 'c', 'd')) expect(router.tell(job)).toBe(true);
    await clock.settle();
    expect(handled).toEqual(['w0 a', 'w0 c', 'w2 b', 'w2 d']);
    expect(lost()).toEqual([]);
    await system.stop(refs[0]!);
    await system.stop(refs[2]!);
    expect(router.tell({ key: 'e' })).toBe(false);
    expect(await code(router.ask((reply) => ({ key: 'f', reply })))).toBe('ACTOR_TERMINATED');
    expect(lost()).toHaveLength(2);
    expect(routees.refs).toHaveLength(1);
  });

  test('asks one of them, with all that an ask promises', async () => {
    const { routees, refs, system, clock } = workers(2);
    const router = roundRobin(routees);
    const names = [1, 2, 3].map(() => router.ask<string>((reply) => ({ key: 'a', reply })));
    expect(await Promise.all(names)).toEqual(['w0', 'w1', 'w0']);
    const open = code(router.ask((reply) => ({ key: 'b', reply, act() {} })));
    await clock.settle();
    await system.stop(refs[1]!);
    expect(await open).toBe('ACTOR_TERMINATED');
    expect(clock.monotonic()).toBe(0);
  });

  test('an ask is forwarded through it', async () => {
    const { routees, refs, system, clock } = workers(2);
    const router = roundRobin(routees);
    const front = system.spawn<Job>(() => ({ receive: (job, ctx) => void ctx.forward(router, job) }));
    expect(await front.ask<string>((reply) => ({ key: 'a', reply }))).toBe('w0');
    const open = code(front.ask<string>((reply) => ({ key: 'b', reply, act() {} })));
    await clock.settle();
    await system.stop(front);
    await system.stop(refs[1]!);
    expect(await open).toBe('ACTOR_TERMINATED');
  });
});

describe('least mailbox', () => {
  test('takes the one with the least to do, what it is doing included; equals in turn', async () => {
    const { routees, clock, system, refs } = workers(3);
    const router = leastMailbox(routees);
    const door = gate();
    const loads = () => refs.map((ref) => system.inspect(ref).depth);
    const slow: Job = { key: 'slow', act: () => door.opened };
    refs[0]!.tell(slow);
    await clock.settle();
    for (const job of jobs('a', 'b')) router.tell(job);
    expect(loads()).toEqual([0, 1, 1]);
    for (let i = 0; i < 2; i++) router.tell(slow);
    expect(loads()).toEqual([1, 2, 1]);
    await clock.settle();
    door.open();
    await clock.settle();
    expect(loads()).toEqual([0, 0, 0]);
  });

  test('idle ones are taken in turn', async () => {
    const { routees, clock, handled } = workers(3);
    const router = leastMailbox(routees);
    for (const job of jobs('a', 'b', 'c', 'd')) {
      router.tell(job);
      await clock.settle();
    }
    expect(handled).toEqual(['w0 a', 'w1 b', 'w2 c', 'w0 d']);
  });

  test('the dead are not idle', async () => {
    const { routees, clock, system, refs, handled, lost } = workers(2);
    const router = leastMailbox(routees);
    await system.stop(refs[0]!);
    for (const job of jobs('a', 'b')) router.tell(job);
    await clock.settle();
    expect(handled).toEqual(['w1 a', 'w1 b']);
    expect(lost()).toEqual([]);
  });
});

describe('consistent hash', () => {
  const keys = Array.from({ length: 8_000 }, (_, i) => `key-${i}`);

  async function owners(world: ReturnType<typeof workers>, router: Ref<Job>): Promise<Map<string, string>> {
    for (const key of keys) router.tell({ key });
    await world.clock.settle();
    return new Map(world.handled.splice(0).map((line) => line.split(' ').toReversed() as [string, string]));
  }

  test('one key goes to one routee, keys are spread, and only those move that must', async () => {
    const world = workers(8);
    const router = consistentHash(world.routees, ({ key }) => key);
    const before = await owners(world, router);
    expect(await owners(world, router)).toEqual(before);
    for (let i = 0; i < 8; i++) {
      const share = [...before.values()].filter((name) => name === `w${i}`).length;
      expect(share).toBeGreaterThan(850);
      expect(share).toBeLessThan(1_150);
    }
    await world.system.stop(world.refs[3]!);
    const after = await owners(world, router);
    for (const [key, name] of before) if (name !== 'w3') expect(after.get(key)).toBe(name);
    expect([...after.values()]).not.toContain('w3');
    world.routees.add(world.spawn('w8'));
    const grown = await owners(world, router);
    for (const [key, name] of grown) if (name !== 'w8') expect(after.get(key)).toBe(name);
    expect([...grown.values()].filter((name) => name === 'w8').length).toBeGreaterThan(850);
  });

  test('an ask goes by the key of its own message', async () => {
    const world = workers(4);
    const router = consistentHash(world.routees, ({ key }) => key);
    const told = await owners(world, router);
    for (const key of keys.slice(0, 50)) {
      expect(await router.ask<string>((reply) => ({ key, reply }))).toBe(told.get(key));
    }
  });
});

describe('broadcast', () => {
  test('tells all that live; true when all took it, and offer waits for all', async () => {
    const { routees, refs, system, clock, handled } = workers(3, {
      mailbox: { capacity: 1, overflow: 'backpressure' },
    });
    const all = broadcast(routees);
    await system.stop(refs[0]!);
    expect(all.tell({ key: 'a' })).toBe(true);
    expect(all.tell({ key: 'b' })).toBe(false);
    let offered = false;
    void all.offer({ key: 'c' }).then(() => {
      offered = true;
    });
    expect(offered).toBe(false);
    await clock.settle();
    expect(offered).toBe(true);
    expect(handled).toEqual(['w1 a', 'w1 c', 'w2 a', 'w2 c']);
  });
});

describe('scatter, gather first', () => {
  test('the first answer counts, and the others hear that nobody waits', async () => {
    const { routees, clock } = workers(3);
    const aborted: string[] = [];
    const doors = new Map(['w0', 'w1', 'w2'].map((name) => [name, gate()]));
    const act = async (name: string, reply: ReplyTo<string>): Promise<void> => {
      reply.signal.addEventListener('abort', () => aborted.push(name));
      await doors.get(name)!.opened;
      reply.tell(name);
    };
    const asked = scatterGatherFirst(routees).ask<string>((reply) => ({ key: 'a', reply, act }));
    await clock.settle();
    doors.get('w1')!.open();
    expect(await asked).toBe('w1');
    expect(aborted).toEqual(['w0', 'w2']);
  });

  test('fails when all have failed, and is taken back as one', async () => {
    const { routees, clock } = workers(2);
    const router = scatterGatherFirst(routees);
    const silent = (reply: ReplyTo<string>): Job => ({ key: 'a', reply, act() {} });
    const late = code(router.ask(silent, { timeoutMs: 20 }));
    const stop = new AbortController();
    const cancelled = code(router.ask(silent, { signal: stop.signal }));
    await clock.settle();
    stop.abort();
    expect(await cancelled).toBe('CANCELLED');
    await clock.advance(20);
    expect(await late).toBe('TIMEOUT');
    const picky = (name: string, reply: ReplyTo<string>): void => {
      if (name === 'w0') reply.fail(new RangeError('no'));
      else reply.tell(name);
    };
    expect(await router.ask((reply) => ({ key: 'b', reply, act: picky }))).toBe('w1');
  });
});

describe('routees', () => {
  test('none, one that is no actor of the system, and too many are refused; twice is once', () => {
    const { routees, refs } = workers(1);
    const stranger = workers(1).refs[0]!;
    const refusal = expect.objectContaining({ code: 'INVALID_ARGUMENT' });
    expect(() => new Routees([])).toThrow(refusal);
    expect(() => routees.add(stranger)).toThrow(refusal);
    expect(() => routees.add(roundRobin(routees))).toThrow(refusal);
    routees.add(refs[0]!);
    expect(routees.refs).toEqual(refs);
    expect(routees.remove(refs[0]!)).toBe(false);
  });

  test('order is kept per sender and routee, whatever the router', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('round', 'least', 'hash'),
        fc.array(fc.nat(3), { maxLength: 50 }),
        async (kind, drawn) => {
          const { routees, clock, handled } = workers(3);
          const router =
            kind === 'round'
              ? roundRobin(routees)
              : kind === 'least'
                ? leastMailbox(routees)
                : consistentHash(routees, ({ key }) => key[0]!);
          for (const [i, n] of drawn.entries()) router.tell({ key: `${n}-${String(i).padStart(3, '0')}` });
          await clock.settle();
          expect(handled).toHaveLength(drawn.length);
          for (const name of ['w0', 'w1', 'w2']) {
            const order = handled.filter((line) => line.startsWith(name)).map((line) => line.split('-')[1]!);
            expect(order).toEqual(order.toSorted());
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});
