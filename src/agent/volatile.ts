import type { ActorContext, Behavior, Pending } from '../actor/index.ts';
import { type AgentAddress, asTroupeError, type Span, soundError } from '../core/index.ts';
import { decodePayload } from '../wire/index.ts';
import type { Delivery } from './delivery.ts';
import { RESUME_METHOD } from './held.ts';
import { VolatileMemory } from './memory.ts';
import { answer, fail, type Household, movesAlong, type Run, read, refuse, startSpan, wanted } from './serving.ts';
import { Turn } from './turn.ts';

/**
 * One activation of an agent whose kind has `durability: 'none'`, its own memory too. Nothing is kept, so nothing stands between a message and its handler,
 * or between that and the reply: the only promise of a turn is the handler's own. A handler that throws crashes the actor, whose
 * supervisor starts it again with new state.
 */
export class VolatileActivation extends VolatileMemory implements Behavior<Delivery> {
  readonly #house: Household;
  readonly #address: AgentAddress;

  constructor(house: Household, address: AgentAddress) {
    super();
    this.#house = house;
    this.#address = address;
  }

  receive(delivery: Delivery, actor: ActorContext<Delivery>): Pending | undefined {
    const held = this.#house.gate.enter();
    if (held === undefined) this.#enter(delivery, actor);
    else void this.#wait(held, delivery, actor);
    return delivery.outcome;
  }

  /** The shard is about to move: the turn begins when that is put off, or elsewhere. */
  async #wait(held: Promise<void>, delivery: Delivery, actor: ActorContext<Delivery>): Promise<void> {
    await held;
    if (movesAlong(delivery, actor)) delivery.done();
    else this.#enter(delivery, actor);
  }

  #enter(delivery: Delivery, actor: ActorContext<Delivery>): void {
    if (!wanted(this.#house, delivery)) delivery.done();
    else if (delivery.envelope.method === RESUME_METHOD) this.#forgetHeld(delivery);
    else this.#serve(delivery, actor);
  }

  /** Its kind has had a journal once, and this turn was held then. */
  #forgetHeld(delivery: Delivery): void {
    const { hold } = decodePayload(delivery.envelope.payload) as { readonly hold: number };
    void this.#house.held.release(this.#address.key, hold);
    this.#house.settled(delivery);
    delivery.done();
  }

  #serve(delivery: Delivery, actor: ActorContext<Delivery>): void {
    let run: Run | Promise<Run>;
    try {
      run = read(this.#house, this.#address, delivery.envelope);
    } catch (error) {
      this.#refuse(delivery, error);
      return;
    }
    if (!(run instanceof Promise)) this.#run(run, delivery, actor);
    else {
      run.then(
        (ready) => this.#run(ready, delivery, actor),
        (error: unknown) => this.#refuse(delivery, error),
      );
    }
  }

  #refuse(delivery: Delivery, error: unknown): void {
    refuse(this.#house, delivery, asTroupeError(error, 'HANDLER_FAILED'));
    delivery.done();
  }

  #run(run: Run, delivery: Delivery, actor: ActorContext<Delivery>): void {
    const span = startSpan(this.#house, this.#address, delivery.envelope);
    let turn: Turn<unknown> | undefined;
    try {
      const begun = this.#begin(delivery, actor, span?.traceparent);
      turn = begun;
      const value = run(begun);
      if (typeof (value as PromiseLike<unknown> | undefined)?.then !== 'function') {
        this.#finish(begun, delivery, actor, value, span);
        return;
      }
      Promise.resolve(value).then(
        (result) => this.#finish(begun, delivery, actor, result, span),
        (error: unknown) => this.#fail(begun, delivery, actor, error, span),
      );
    } catch (error) {
      this.#fail(turn, delivery, actor, error, span);
    }
  }

  #begin(delivery: Delivery, actor: ActorContext<Delivery>, traceparent: string | undefined): Turn<unknown> {
    const house = this.#house;
    const message = delivery.envelope;
    return new Turn<unknown>({
      house,
      address: this.#address,
      delivery,
      requestId: delivery.requestId,
      message,
      traceparent: traceparent ?? message.traceparent,
      state: this.state === undefined ? house.spec.state() : this.state.value,
      memory: this,
      actor,
    });
  }

  #finish(
    turn: Turn<unknown>,
    delivery: Delivery,
    actor: ActorContext<Delivery>,
    value: unknown,
    span: Span | undefined,
  ): void {
    try {
      turn.end();
      if (turn.durable) this.turnDone(delivery.requestId, value, turn.changedState);
      answer(this.#house, delivery, value, turn.spent);
    } catch (error) {
      this.#fail(turn, delivery, actor, error, span);
      return;
    }
    span?.end();
    turn.close();
    delivery.done();
  }

  #fail(
    turn: Turn<unknown> | undefined,
    delivery: Delivery,
    actor: ActorContext<Delivery>,
    thrown: unknown,
    span: Span | undefined,
  ): void {
    const error = soundError(thrown);
    let crash: { readonly error: unknown } | undefined;
    try {
      turn?.end();
      span?.end(error);
      if (!movesAlong(delivery, actor)) fail(this.#house, this.#address, delivery, error, turn?.spent);
    } catch (failure) {
      crash = { error: failure };
    }
    turn?.close();
    if (crash === undefined) delivery.done();
    else delivery.crashed(crash.error);
  }
}
