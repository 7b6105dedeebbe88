import { getPriority } from 'node:os';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ActorSystem, type Ref, type ReplyTo, type RestartEvent, type Terminated } from '../../../src/actor/index.ts';
import { isTroupeError } from '../../../src/core/index.ts';
import { NICE, type ThreadLimits, Threads } from '../../../src/thread/index.ts';
import type { Work } from './crunch.ts';

let threads: Threads;
let system: ActorSystem;
let restarts: RestartEvent[];
let module: ReturnType<typeof load>;
const load = (from: Threads) => from.module<typeof import('./crunch.ts')>(new URL('./crunch.ts', import.meta.url));

beforeEach(() => {
  threads = new Threads({ threadsMax: 3 });
  restarts = [];
  system = new ActorSystem({ onRestart: (event) => restarts.push(event) });
  module = load(threads);
});
afterEach(async () => {
  await system.shutdown(2_000);
  await threads.close();
  expect(threads.size).toBe(0);
});

const LIMITS = { heapMb: 100, stuckMs: 15_000, shutdownMs: 200 };
const spawn = (options: Partial<ThreadLimits> = {}): Ref<Work> =>
  system.spawn(module.behavior('crunch', { init: 10, ...LIMITS, ...options }), {
    backoff: { minMs: 1, maxMs: 1 },
    shutdownMs: 200,
  });
const add = (ref: Ref<Work>, by: number): Promise<number> => ref.ask((reply) => ({ do: 'add', by, reply }));
const ended = (ref: Ref<never>): Promise<Terminated> => new Promise((resolve) => system.watch(ref, resolve));

describe('an actor in a thread', () => {
  test('answers, in order, from what it was made of, and messages arrive as copies', async () => {
    const ref = spawn();
    expect(await Promise.all([1, 2, 3].map((by) => add(ref, by)))).toEqual([11, 13, 16]);
    const value = { at: new Date(0), of: new Map([['k', new Set([1n])]]), bytes: new Uint8Array([1, 2]) };
    expect(await ref.ask((reply) => ({ do: 'echo', value, reply }))).toEqual(value);
  });

  test('has timers, and is the same ref for others as for itself', async () => {
    const ref = spawn();
    expect(await ref.ask<number>((reply) => ({ do: 'tick', reply }))).toBe(11);
    expect(await ref.ask<Ref<Work>>((reply) => ({ do: 'who', reply }))).toBe(ref);
  });

  test('asks others, and hears why they don’t answer', async () => {
    type Question = { readonly reply: ReplyTo<number> };
    const ref = spawn();
    const ask = (other: Ref<Question>, timeoutMs?: number): Promise<string> =>
      ref.ask((reply) => ({ do: 'askOther', other, reply, ...(timeoutMs === undefined ? {} : { timeoutMs }) }));
    const seven = system.spawn<Question>(() => ({ receive: ({ reply }) => void reply.tell(7) }));
    const silent = system.spawn<Question>(() => ({ receive: () => undefined }));
    const crashing = system.spawn<Question>(() => ({
      receive: () => {
        throw new RangeError('no');
      },
    }));
    expect(await ask(seven)).toBe('7');
    expect(await ask(crashing)).toBe('HANDLER_FAILED');
    expect(await ask(silent, 20)).toBe('TIMEOUT');
    const waits = ask(silent);
    await system.stop(silent);
    expect(await waits).toBe('ACTOR_TERMINATED');
    expect(await ask(silent)).toBe('ACTOR_TERMINATED');
  });

  test('hands its asker’s deadline down, and hands questions on', async () => {
    type Question = { readonly reply: ReplyTo<number> };
    const ref = spawn();
    const seven = system.spawn<Question>(() => ({ receive: ({ reply }) => void reply.tell(7) }));
    const silent = system.spawn<Question>(() => ({ receive: () => undefined }));
    expect(await ref.ask<number>((reply) => ({ do: 'forward', other: seven, reply }))).toBe(7);
    const asked = ref.ask<never>((reply) => ({ do: 'askWithin', other: silent, reply }), { timeoutMs: 50 });
    await expect(asked).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(await add(ref, 1)).toBe(101);
  });

  test('tells others in order, as fast as they take it', async () => {
    const heard: string[] = [];
    const all = Promise.withResolvers<void>();
    const to = system.spawn<string>(() => ({
      receive: (text) => {
        if (heard.push(text) === 5_000) all.resolve();
      },
    }));
    spawn().tell({ do: 'tell', to, text: 'n', times: 5_000 });
    await all.promise;
    expect(heard).toEqual(Array.from({ length: 5_000 }, (_, i) => `n${i}`));
  });

  test('is told when its asker gives up, and answers the next', async () => {
    const ref = spawn();
    await add(ref, 1);
    const asked = ref.ask<number>((reply) => ({ do: 'until cancelled', reply }), { timeoutMs: 30 });
    await expect(asked).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(await add(ref, 1)).toBe(0);
    expect(restarts).toEqual([]);
  });

  test('has the environment that it is given, and goes second', async () => {
    vi.stubEnv('TROUPE_TEST_SECRET', 's');
    const ask = (ref: Ref<Work>) =>
      ref.ask<string | undefined>((reply) => ({ do: 'env', name: 'TROUPE_TEST_SECRET', reply }));
    expect(await ask(spawn())).toBe('s');
    const bare = spawn({ env: {} });
    expect(await ask(bare)).toBe(undefined);
    const nice = await bare.ask<number>((reply) => ({ do: 'nice', reply }));
    expect(nice).toBe(process.platform === 'linux' ? Math.min(19, getPriority() + NICE) : getPriority());
    vi.unstubAllEnvs();
  });

  test('may do what Node’s permissions let it', async () => {
    const ref = spawn({ permissions: ['--permission', '--allow-fs-read=*'] });
    expect(await ref.ask<string>((reply) => ({ do: 'write', reply }))).toBe('ERR_ACCESS_DENIED');
  });

  test('stops itself, and is stopped by its limit when it doesn’t', async () => {
    const ref = spawn();
    const first = ended(ref);
    ref.tell({ do: 'stop' });
    expect(await first).toMatchObject({ reason: 'normal' });
    const stubborn = spawn();
    await add(stubborn, 1);
    const asked = stubborn.ask<number>((reply) => ({ do: 'never', reply }));
    asked.catch(() => undefined);
    await expect.poll(() => system.inspect(stubborn).depth).toBe(0);
    await system.stop(stubborn);
    await expect(asked).rejects.toMatchObject({ code: 'ACTOR_TERMINATED' });
    await expect.poll(() => threads.size).toBe(0);
  });
});

describe('what goes wrong in a thread costs its actor one message and the thread', () => {
  const cases = [
    ['throw', 'NOT_FOUND', { key: 'k' }],
    ['loop', 'THREAD_STUCK', { stuckMs: 1_000 }],
    ['exit', 'THREAD_EXITED', { code: 3 }],
    ['close', 'THREAD_EXITED', { code: 1 }],
    ['reject later', 'HANDLER_FAILED', {}],
    ['throw null later', 'HANDLER_FAILED', {}],
    ['buffers', 'THREAD_OUT_OF_MEMORY', { heapMb: 100 }],
    ['map', 'THREAD_OUT_OF_MEMORY', { heapMb: 100 }],
  ] as const;
  test.each(cases)('%s: its supervisor hears %s', async (what, code, data) => {
    const ref = spawn(what === 'loop' ? { stuckMs: 1_000 } : {});
    const other = what === 'loop' ? spawn() : undefined;
    await Promise.all([ref, ...(other === undefined ? [] : [other])].map((one) => add(one, 1)));
    ref.tell({ do: what });
    const later = what.endsWith('later');
    if (later) await expect.poll(() => restarts).toHaveLength(1);
    // What waits is kept, and handled by a fresh thread.
    expect(await add(ref, 5)).toBe(15);
    expect(restarts).toMatchObject([{ exit: 'crash', error: { code, data } }]);
    expect(isTroupeError(restarts[0]?.error)).toBe(true);
    const letters = system.deadLetters.recent();
    if (later) expect(letters).toEqual([]);
    else expect(letters).toMatchObject([{ message: { do: what }, reason: 'crashed', error: { code } }]);
    if (other !== undefined) expect(await add(other, 1)).toBe(12);
  });

  test('a start that fails is told in its own words, and a module that isn’t there too', async () => {
    const options = { restart: 'temporary' } as const;
    const first = await ended(system.spawn(module.behavior('broken'), options));
    expect(first).toMatchObject({ reason: 'crashed', error: { code: 'INVALID_CONFIGURATION', message: 'no key' } });
    const wrong = module.behavior('crunch', { init: 1, stuckMs: 1 });
    expect(await ended(system.spawn(wrong, options))).toMatchObject({ error: { code: 'INVALID_ARGUMENT' } });
    const closure = module.behavior('crunch', { init: (() => 1) as never });
    expect(await ended(system.spawn(closure, options))).toMatchObject({ error: { code: 'INVALID_ARGUMENT' } });
    const nowhere = threads.module<{ x(): { receive(message: string): void } }>(
      new URL('./nowhere.ts', import.meta.url),
    );
    expect(await ended(system.spawn(nowhere.behavior('x'), options))).toMatchObject({
      error: { code: 'HANDLER_FAILED', message: expect.stringContaining('nowhere.ts') },
    });
  });
});

describe('the number of threads', () => {
  test('has a limit: who is one too many waits for its turn', async () => {
    const three = [spawn(), spawn(), spawn()];
    await Promise.all(three.map((ref) => add(ref, 1)));
    const fourth = add(spawn(), 1);
    expect(threads.size).toBe(3);
    await system.stop(three[0] as Ref<Work>);
    expect(await fourth).toBe(11);
    expect(threads.size).toBe(3);
  });
});
