import type { BehaviorFactory, Ref, ReplyTo, SpawnOptions } from '../actor/index.ts';
import { type Clock, fromWireError, TroupeError, toWireError, type WireError } from '../core/index.ts';
import { Answer, FORGOTTEN } from './answer.ts';
import { firstAnswer, isPlain, isRef, isReply, MARK, type Mark, mark, markOf, walk } from './crossing.ts';
import { CROSSED_MAX } from './limits.ts';

/** What crosses beside the messages themselves. */
interface Told {
  readonly to: number;
  readonly message: unknown;
}
type Answered = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: WireError };

/** What a border needs of its side. */
export interface BorderParts {
  readonly clock: Clock;
  readonly note: (name: string, value: unknown) => Promise<void>;
  readonly spawn: <M>(factory: BehaviorFactory<M>, options?: SpawnOptions<M>) => Ref<M>;
  /** The actor itself, which both sides know as number 0: `ours` where it runs, `theirs` where it is asked. */
  readonly ours?: Ref<never>;
  readonly theirs?: Ref<never>;
}

/** Told to the stand-in of an actor that has ended. */
const GONE: unique symbol = Symbol('gone');

/** Past the mailbox of a stand-in: it takes whatever an actor takes, and never gives up. */
const STAND_IN: SpawnOptions<unknown> = {
  restartLimit: { intensity: Number.POSITIVE_INFINITY, periodMs: 1 },
  backoff: { minMs: 0 },
};

/**
 * Lets messages cross between two threads. Refs in them arrive as refs, and places for answers as such: the actor behind a ref of
 * the other side is an actor of this side, a stand-in that passes on what it is told. Its end is the other's end, so asks and
 * watches hold across. All else arrives as a copy, as on a link.
 */
export class Border {
  readonly #parts: BorderParts;
  readonly #lent: Map<number, Ref<never>> = new Map();
  readonly #idOf: Map<Ref<never>, number> = new Map();
  readonly #standIns: Map<number, Ref<unknown>> = new Map();
  readonly #originOf: Map<Ref<never>, number> = new Map();
  /** Places for answers of this side, oldest first. Past CROSSED_MAX the oldest is forgotten: it runs into its deadline. */
  readonly #asked: Map<number, { readonly reply: ReplyTo<unknown>; readonly settle: () => void }> = new Map();
  readonly #owed: Map<number, Answer> = new Map();
  readonly #owedIdOf: WeakMap<ReplyTo<unknown>, number> = new WeakMap();
  #lastId = 0;

  constructor(parts: BorderParts) {
    this.#parts = parts;
    if (parts.ours !== undefined) {
      this.#lent.set(0, parts.ours);
      this.#idOf.set(parts.ours, 0);
    }
    if (parts.theirs !== undefined) {
      this.#standIns.set(0, parts.theirs as Ref<unknown>);
      this.#originOf.set(parts.theirs, 0);
    }
  }

  /** What the other side tells this one. */
  readonly serve = {
    tell: (told: unknown, _signal?: AbortSignal): void => this.#told(told as Told),
    answer: (answered: unknown, _signal?: AbortSignal): void => this.#answered(answered as Answered),
    lost: (lost: unknown, _signal?: AbortSignal): void =>
      this.#lost(lost as { readonly id: number; readonly error: WireError }),
    gone: (id: unknown, _signal?: AbortSignal): void => this.#gone(id as number),
  };

  /** A message in the form in which it crosses. @throws TroupeError OVERLOADED, INVALID_ARGUMENT */
  out(message: unknown): unknown {
    return walk(message, new Map(), (value) => {
      if (isRef(value)) return mark(this.#outRef(value));
      if (isReply(value)) return mark(this.#outReply(value));
      if (isPlain(value) && MARK in value)
        throw new TroupeError('INVALID_ARGUMENT', `"${MARK}" is no name for a field`);
      return undefined;
    });
  }

  /**
   * A message that has crossed.
   * @param first takes the place of the first place for an answer
   * @throws TroupeError PROTOCOL_VIOLATION for a ref that was never sent
   */
  in(message: unknown, first?: ReplyTo<unknown>): unknown {
    let instead = first;
    return walk(message, new Map(), (value) => {
      const crossed = markOf(value);
      if (crossed === undefined) return undefined;
      const [kind, id, leftMs] = crossed;
      if (kind === 'answer') {
        const reply = instead ?? this.#owe(id, leftMs);
        instead = undefined;
        return { as: reply };
      }
      if (kind === 'ref') return { as: this.#standIn(id) };
      const known = kind === 'ref back' ? this.#lent.get(id) : this.#asked.get(id)?.reply;
      if (known === undefined && kind === 'answer back') return { as: FORGOTTEN };
      if (known === undefined)
        throw new TroupeError('PROTOCOL_VIOLATION', `the other thread was never given ref ${id}`);
      return { as: known };
    });
  }

  #outRef(ref: Ref<never>): Mark {
    const origin = this.#originOf.get(ref);
    if (origin !== undefined) return ['ref back', origin, 0];
    const known = this.#idOf.get(ref);
    if (known !== undefined) return ['ref', known, 0];
    if (this.#lent.size >= CROSSED_MAX) throw new TroupeError('OVERLOADED', `${CROSSED_MAX} refs have crossed already`);
    const id = ++this.#lastId;
    this.#lent.set(id, ref);
    this.#idOf.set(ref, id);
    this.#watch(ref, id);
    return ['ref', id, 0];
  }

  #watch(ref: Ref<never>, id: number): void {
    this.#parts.spawn<undefined>(() => ({
      start: (ctx) => {
        try {
          ctx.watch(ref, () => undefined);
        } catch {
          // What can't be watched, as a router, has no end of its own.
          ctx.stopSelf();
        }
      },
      receive: async (_ended, ctx) => {
        this.#lent.delete(id);
        this.#idOf.delete(ref);
        ctx.stopSelf();
        await this.#note('gone', id);
      },
    }));
  }

  #outReply(reply: ReplyTo<unknown>): Mark {
    const owed = this.#owedIdOf.get(reply);
    if (owed !== undefined) return ['answer back', owed, 0];
    const id = ++this.#lastId;
    const onLost = (): void => {
      this.#asked.delete(id);
      void this.#note('lost', { id, error: toWireError(reply.signal.reason) });
    };
    const settle = (): void => {
      this.#asked.delete(id);
      reply.signal.removeEventListener('abort', onLost);
    };
    this.#asked.set(id, { reply, settle });
    // Who has given up already is told of behind the message.
    if (reply.signal.aborted) queueMicrotask(onLost);
    else reply.signal.addEventListener('abort', onLost, { once: true });
    const [oldest] = this.#asked.values();
    if (this.#asked.size > CROSSED_MAX) oldest?.settle();
    return ['answer', id, Math.max(0, reply.deadline - this.#parts.clock.monotonic())];
  }

  #standIn(id: number): Ref<unknown> {
    const known = this.#standIns.get(id);
    if (known !== undefined) return known;
    if (this.#standIns.size >= CROSSED_MAX)
      throw new TroupeError('OVERLOADED', `${CROSSED_MAX} refs have crossed already`);
    const standIn = this.#parts.spawn<unknown>(
      () => ({
        receive: (message, ctx) => {
          if (message === GONE) ctx.stopSelf();
          else return this.#parts.note('tell', { to: id, message: this.out(message) });
        },
      }),
      STAND_IN,
    );
    this.#standIns.set(id, standIn);
    this.#originOf.set(standIn, id);
    return standIn;
  }

  #gone(id: number): void {
    const standIn = this.#standIns.get(id);
    if (standIn === undefined) return;
    this.#standIns.delete(id);
    this.#originOf.delete(standIn);
    standIn.tell(GONE);
  }

  #told({ to, message }: Told): void {
    const ref = this.#lent.get(to) as Ref<unknown> | undefined;
    // It has ended, and the other side is about to hear.
    if (ref !== undefined) this.deliver(ref, message, (own) => own);
  }

  /**
   * Gives an actor of this side a message that has crossed. One with a place for its answer is an ask here too: with its deadline, its
   * cancellation, and an answer from whoever refuses it, dies or crashes on it.
   *
   * @returns what `wrap` made of the message; undefined when nobody is there to take it
   */
  deliver<M>(ref: Ref<M>, message: unknown, wrap: (message: unknown) => M): M | undefined {
    const question = firstAnswer(message);
    if (question === undefined) {
      const own = wrap(this.in(message));
      return ref.tell(own) ? own : undefined;
    }
    const [, id, leftMs] = question;
    const answer = this.#owe(id, leftMs);
    let given: M | undefined;
    const ask = (reply: ReplyTo<unknown>): M => {
      // Sent on to the other side, it needs no detour by this one.
      this.#owedIdOf.set(reply, id);
      given = wrap(this.in(message, reply));
      return given;
    };
    ref.ask(ask, { timeoutMs: leftMs, signal: answer.signal }).then(answer.tell, answer.fail);
    return given;
  }

  #owe(id: number, leftMs: number): Answer {
    const answer = new Answer(this.#parts.clock.monotonic() + leftMs, (answered) => {
      this.#owed.delete(id);
      void this.#note(
        'answer',
        'error' in answered ? { id, error: toWireError(answered.error) } : { id, value: this.out(answered.value) },
      );
    });
    this.#owed.set(id, answer);
    this.#owedIdOf.set(answer, id);
    return answer;
  }

  #answered(answered: Answered): void {
    const asked = this.#asked.get(answered.id);
    if (asked === undefined) return;
    asked.settle();
    if ('error' in answered) asked.reply.fail(fromWireError(answered.error));
    else asked.reply.tell(this.in(answered.value));
  }

  #lost({ id, error }: { readonly id: number; readonly error: WireError }): void {
    const owed = this.#owed.get(id);
    this.#owed.delete(id);
    owed?.lose(fromWireError(error));
  }

  /** What can't be said any more needn't be: the channel is closed, and with it both sides know. */
  #note(name: string, value: unknown): Promise<void> {
    return this.#parts.note(name, value).catch(() => undefined);
  }
}
