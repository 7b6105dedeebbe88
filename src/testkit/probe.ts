import { inspect, isDeepStrictEqual } from 'node:util';
import type { BehaviorFactory, Ref, SpawnOptions, Terminated } from '../actor/index.ts';
import { type Clock, delay, TroupeError } from '../core/index.ts';

/** Messages that a probe keeps until they are expected; what comes then is refused. */
export const PROBE_MESSAGES_MAX = 100_000;
/** How long something expected may take, ms. */
export const EXPECT_MS = 3_000;
/** How long nothing may come, ms. */
export const SILENCE_MS = 100;

/** Where actors are started and watched: an actor system, or the actors of a node. */
export interface ProbeHome {
  spawn<M>(factory: BehaviorFactory<M>, options?: SpawnOptions<M>): Ref<M>;
  watch(ref: Ref<never>, listener: (terminated: Terminated) => void): () => void;
}

/** Lets time pass until `done`, or for `limitMs`. @returns whether it is done */
export type Wait = (done: () => boolean, limitMs: number) => Promise<boolean>;

/** Waits on a clock that somebody else turns. */
export function waitOn(clock: Clock): Wait {
  return async (done, limitMs) => {
    const until = clock.monotonic() + limitMs;
    while (!done() && clock.monotonic() < until) await delay(clock, 1);
    return done();
  };
}

/**
 * An actor that a test holds in its hand: others send to `ref`, the test says what it expects. Messages wait in order until
 * they are expected.
 *
 * @example
 * const probe = kit.probe<string>();
 * greeter.tell({ name: 'Ada', to: probe.ref });
 * await probe.expectMessage('hello Ada');
 * await probe.expectNoMessage();
 */
export class Probe<M> {
  readonly ref: Ref<M>;
  readonly #home: ProbeHome;
  readonly #wait: Wait;
  readonly #messages: M[] = [];

  constructor(home: ProbeHome, wait: Wait, name?: string) {
    this.#home = home;
    this.#wait = wait;
    this.ref = home.spawn<M>(
      () => ({
        receive: (message) => {
          if (this.#messages.length < PROBE_MESSAGES_MAX) this.#messages.push(message);
          else throw new TroupeError('OVERLOADED', 'too many messages that no test has expected');
        },
      }),
      { mailbox: { capacity: PROBE_MESSAGES_MAX }, ...(name === undefined ? {} : { name }) },
    );
  }

  /**
   * Takes the next message.
   *
   * @param expected the message itself, compared in depth, or what must be true of it; anything when left out
   * @throws TroupeError EXPECTATION_FAILED when another one comes first, or none within the time
   */
  async expectMessage(
    expected?: M | ((message: M) => boolean),
    options: { readonly withinMs?: number } = {},
  ): Promise<M> {
    const { withinMs = EXPECT_MS } = options;
    if (!(await this.#wait(() => this.#messages.length > 0, withinMs))) {
      throw this.#failure(`no message within ${withinMs} ms`, expected);
    }
    const message = this.#messages.shift() as M;
    const fits =
      expected === undefined ||
      (typeof expected === 'function'
        ? (expected as (message: M) => boolean)(message)
        : isDeepStrictEqual(message, expected));
    if (fits) return message;
    throw this.#failure(`got ${inspect(message)}`, expected);
  }

  /** Lets time pass. @throws TroupeError EXPECTATION_FAILED when a message has come or comes meanwhile */
  async expectNoMessage(forMs: number = SILENCE_MS): Promise<void> {
    if (await this.#wait(() => this.#messages.length > 0, forMs)) {
      throw this.#failure(`got ${inspect(this.#messages[0])} within ${forMs} ms of expected silence`);
    }
  }

  /**
   * Waits until an actor has ended; it may have before.
   *
   * @param options `reason`: the one expected; default any
   * @throws TroupeError EXPECTATION_FAILED when it lives on, or ends for another reason
   */
  async expectTerminated(
    ref: Ref<never>,
    options: { readonly withinMs?: number; readonly reason?: Terminated['reason'] } = {},
  ): Promise<Terminated> {
    const { withinMs = EXPECT_MS, reason } = options;
    let end: Terminated | undefined;
    const unwatch = this.#home.watch(ref, (terminated) => {
      end = terminated;
    });
    await this.#wait(() => end !== undefined, withinMs);
    unwatch();
    if (end === undefined) throw this.#failure(`${ref.path} lives after ${withinMs} ms`);
    if (reason === undefined || end.reason === reason) return end;
    throw this.#failure(`${ref.path} has ended: ${end.reason}`, reason);
  }

  #failure(what: string, expected?: unknown): TroupeError {
    const wanted = expected === undefined || typeof expected === 'function' ? '' : `, expected ${inspect(expected)}`;
    return new TroupeError('EXPECTATION_FAILED', `${what}${wanted}`, { address: this.ref.path });
  }
}
