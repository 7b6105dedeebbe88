import { beforeEach, describe, expect, test } from 'vitest';
import type { TroupeError } from '../../../src/core/index.ts';
import { ManualClock } from '../../../src/testkit/index.ts';
import { LOAD_MS, LOOK_MS, THREAD_WAIT_MS } from '../../../src/thread/limits.ts';
import type { WorkerEvents } from '../../../src/thread/port.ts';
import type { Thread } from '../../../src/thread/thread.ts';
import { Threads } from '../../../src/thread/threads.ts';

/** A worker that a test plays. */
class Played {
  alive = true;
  beatsOn = true;
  memory: number | undefined = 10;
  #beats = 0;
  readonly events: WorkerEvents;

  constructor(events: WorkerEvents) {
    this.events = events;
  }

  beats(): number {
    return this.beatsOn ? ++this.#beats : this.#beats;
  }

  end(why: TroupeError): void {
    if (!this.alive) return;
    this.alive = false;
    this.events.ended(why);
  }
}

let clock: ManualClock;
let workers: Played[];
let threads: Threads;
beforeEach(() => {
  clock = new ManualClock();
  workers = [];
  threads = new Threads({
    threadsMax: 2,
    clock,
    start: (_start, events) => {
      const played = new Played(events);
      workers.push(played);
      return {
        post: () => undefined,
        beats: () => played.beats(),
        memoryMb: async () => played.memory,
        terminate: async () => played.end({ code: 'THREAD_EXITED', message: 'terminated', data: {} } as TroupeError),
      };
    },
  });
});

const open = (address = 'a', signal = new AbortController().signal): Promise<Thread> =>
  threads.open({ tenant: 't', data: 0, limits: { heapMb: 100, stuckMs: 1_000 }, address, signal, serve: {} });
const loaded = (worker: Played): void => worker.events.frame(['taken', 0]);

describe('the watchdog', () => {
  test('ends a thread whose event loop stands still for the limit, and none that still turns', async () => {
    const [first, second] = [await open('first'), await open('second')];
    workers.forEach(loaded);
    const call = first.channel.call('n', undefined);
    call.catch(() => undefined);
    await clock.advance(20_000);
    expect([first.over, second.over]).toEqual([false, false]);
    workers[0]!.beatsOn = false;
    await clock.advance(1_000 - LOOK_MS);
    expect(first.over).toBe(false);
    await clock.advance(2 * LOOK_MS);
    expect(await first.ended).toMatchObject({ code: 'THREAD_STUCK', address: 'first', data: { stuckMs: 1_000 } });
    await expect(call).rejects.toBe(await first.ended);
    expect([second.over, threads.size]).toEqual([false, 1]);
  });

  test('gives a thread more time to load', async () => {
    const thread = await open();
    workers[0]!.beatsOn = false;
    await clock.advance(LOAD_MS - LOOK_MS);
    expect(thread.over).toBe(false);
    await clock.advance(2 * LOOK_MS);
    expect(await thread.ended).toMatchObject({ code: 'THREAD_STUCK' });
  });

  test('forgives silence that was broken', async () => {
    const thread = await open();
    workers.forEach(loaded);
    for (let i = 0; i < 10; i++) {
      workers[0]!.beatsOn = false;
      await clock.advance(900);
      workers[0]!.beatsOn = true;
      await clock.advance(LOOK_MS);
    }
    expect(thread.over).toBe(false);
  });

  test('ends a thread that holds more than it may; one that can’t say isn’t judged', async () => {
    const thread = await open();
    workers[0]!.memory = 100;
    await clock.advance(1_000);
    workers[0]!.memory = undefined;
    await clock.advance(1_000);
    expect(thread.over).toBe(false);
    workers[0]!.memory = 101;
    await clock.advance(LOOK_MS);
    expect(await thread.ended).toMatchObject({ code: 'THREAD_OUT_OF_MEMORY', data: { heldMb: 101, heapMb: 100 } });
  });

  test('ends a thread that doesn’t keep to the channel’s rules', async () => {
    const thread = await open();
    workers[0]!.events.frame(['note', 'nothing', new Uint8Array(0)]);
    expect(await thread.ended).toMatchObject({ code: 'PROTOCOL_VIOLATION' });
    expect(workers[0]!.alive).toBe(false);
  });
});

describe('the number of threads', () => {
  test('who is one too many waits for a place, and is refused when none comes', async () => {
    await open();
    const second = await open();
    const third = open('third');
    const fourth = open('fourth').catch((error: unknown) => error);
    await clock.advance(THREAD_WAIT_MS / 2);
    expect(threads.size).toBe(2);
    await second.end();
    await third;
    expect(threads.size).toBe(2);
    await clock.advance(THREAD_WAIT_MS / 2);
    expect(await fourth).toMatchObject({ code: 'OVERLOADED', address: 'fourth' });
  });

  test('the one that has rested longest is ended for a newcomer, and one that works again isn’t', async () => {
    const [first, second] = [await open(), await open()];
    threads.rests(first, true);
    threads.rests(second, true);
    threads.rests(first, false);
    threads.rests(first, true);
    await open();
    expect([first.over, second.over]).toEqual([false, true]);
    threads.rests(first, false);
    const waits = open();
    await clock.advance(1_000);
    expect(first.over).toBe(false);
    threads.rests(first, true);
    await waits;
    expect(first.over).toBe(true);
    expect(await first.ended).toMatchObject({ code: 'CANCELLED' });
  });

  test('whoever no longer wants a thread leaves the row, and takes no place', async () => {
    const first = await open();
    await open();
    const giveUp = new AbortController();
    const third = open('third', giveUp.signal).catch((error: unknown) => error);
    const fourth = open('fourth');
    giveUp.abort();
    expect(await third).toMatchObject({ code: 'CANCELLED' });
    await first.end();
    await fourth;
    expect(threads.size).toBe(2);
  });

  test('closing ends all threads and all waiting', async () => {
    const first = await open();
    await open();
    const third = open().catch((error: unknown) => error);
    await threads.close();
    expect(await first.ended).toMatchObject({ code: 'SHUTTING_DOWN' });
    expect(await third).toMatchObject({ code: 'SHUTTING_DOWN' });
    await expect(open()).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    expect(threads.size).toBe(0);
  });
});
