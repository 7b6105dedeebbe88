import type { ActorContext, Behavior } from '../actor/index.ts';
import {
  type AgentAddress,
  agentAddressKey,
  isTroupeError,
  type Span,
  soundError,
  TroupeError,
} from '../core/index.ts';
import type { Amount } from '../model/index.ts';
import type { Delivery } from './delivery.ts';
import { errandOf } from './errand.ts';
import type { HoldMark } from './folded.ts';
import { type HeldMessage, heldError, RESUME_METHOD } from './held.ts';
import { AgentJournal, JournalFailure } from './journal.ts';
import { RUNTIME_MAIL } from './mail.ts';
import type { Origin } from './pending.ts';
import type { Aside } from './post.ts';
import {
  answer,
  fail,
  type Household,
  movesAlong,
  type Run,
  read,
  refuse,
  startSpan,
  unreachable,
  unread,
  wanted,
} from './serving.ts';
import { Turn } from './turn.ts';
import { VolatileActivation } from './volatile.ts';

/** Thrown when a message's turn needn't begin. */
const UNWANTED = new TroupeError('CANCELLED', 'nobody waits for this any more');

/** Errors that say that a turn was cut short rather than that it failed. */
const CUT_SHORT = new Set(['CANCELLED', 'TIMEOUT', 'STEP_UNKNOWN']);

/** The behaviour of an agent's actor, as long as one incarnation of it lasts. */
export function activate(house: Household, address: AgentAddress): Behavior<Delivery> {
  return house.spec.durability === 'none' ? new VolatileActivation(house, address) : new Activation(house, address);
}

/**
 * One activation of an agent with a journal under one epoch: the behaviour of its actor. A message is a turn; what the turn did is durable
 * before its reply leaves. A handler that throws crashes the actor, whose supervisor starts it again from the journal.
 */
class Activation implements Behavior<Delivery>, Aside {
  readonly #house: Household;
  readonly #address: AgentAddress;
  #memory: AgentJournal | undefined;

  constructor(house: Household, address: AgentAddress) {
    this.#house = house;
    this.#address = address;
  }

  receive(delivery: Delivery, actor: ActorContext<Delivery>): void | Promise<void> {
    const held = this.#house.gate.enter();
    if (held !== undefined) return this.#wait(held, delivery, actor);
    return wanted(this.#house, delivery) ? this.#serve(delivery, actor) : undefined;
  }

  /** The shard is about to move: the turn begins when that is put off, or elsewhere. */
  async #wait(held: Promise<void>, delivery: Delivery, actor: ActorContext<Delivery>): Promise<void> {
    await held;
    if (actor.signal.aborted || delivery.resident.stopping) unread(this.#house, delivery, actor);
    else await this.receive(delivery, actor);
  }

  /** All of a turn in one function: each async function more would cost a turn that waits some hundred bytes. */
  async #serve(delivery: Delivery, actor: ActorContext<Delivery>): Promise<void> {
    const house = this.#house;
    let { requestId } = delivery;
    let message: HeldMessage = delivery.envelope;
    /** What it stands for: not itself when it is the runtime's own. */
    let content = message;
    let origin: Origin | undefined;
    let run: Run;
    let memory: AgentJournal;
    try {
      if (message.method === RESUME_METHOD) {
        const held = await this.#resumed(delivery, actor);
        if (held === undefined) return this.#past(delivery);
        message = held;
      }
      content = message;
      if (RUNTIME_MAIL.has(message.method)) {
        memory = this.#memory ?? (await this.#recall(delivery, actor));
        const errand = await this.#errand(memory, requestId, message);
        if (errand === undefined) return this.#answer(delivery, undefined, undefined);
        ({ message: content, requestId, origin } = errand);
      }
      const reading = read(house, this.#address, content);
      run = reading instanceof Promise ? await reading : reading;
      memory = this.#memory ?? (await this.#recall(delivery, actor));
    } catch (error) {
      if (error === UNWANTED) return unread(this.#house, delivery, actor);
      if (error instanceof JournalFailure) this.#memory = undefined;
      return refuse(house, delivery, unreachable(error));
    }
    let span: Span | undefined;
    let turn: Turn<unknown> | undefined;
    try {
      const recorded = memory.reply(requestId);
      if (recorded !== undefined) return this.#answer(delivery, recorded.value, recorded.spent);
      if (origin === undefined && memory.isPast(requestId)) return refuse(house, delivery, forgotten(this.#address));
      house.post.asides.set(delivery.resident, this);
      if (memory.held(requestId)?.ruled === false) await this.#follow(memory, requestId);
      span = startSpan(house, this.#address, content);
      turn = this.#begin(delivery, requestId, message, actor, memory, span?.traceparent ?? content.traceparent);
      const value = await run(turn);
      const rest = turn.end();
      if (rest !== undefined) await rest;
      if (turn.halted !== undefined) throw turn.halted;
      turn.complete();
      const mark = memory.held(requestId);
      if (turn.durable || origin !== undefined) await this.#keep(memory, turn, value, origin);
      this.#answer(delivery, value, turn.spent);
      if (mark !== undefined) void house.held.release(this.#address.key, mark.hold);
      span?.end();
    } catch (thrown) {
      const rest = turn?.end();
      if (rest !== undefined) await rest;
      // Finished steps stay: whoever runs the turn again reads the journal behind their receipts.
      let error = (await failureOf(memory.settled())) ?? turn?.halted ?? soundError(thrown);
      if (memory.held(requestId) !== undefined)
        error = await this.#giveUp(memory, delivery, requestId, message, actor, error);
      span?.end(error);
      this.#fail(delivery, actor, error, turn?.spent);
    } finally {
      house.post.asides.delete(delivery.resident);
      turn?.close();
    }
  }

  /** What a message of the runtime's own stands for; undefined when it is done. */
  #errand(memory: AgentJournal, requestId: string, message: HeldMessage) {
    const { fence, post, actors } = this.#house;
    const { method, payload, traceparent } = message;
    const parts = { post, fence, address: this.#address, memory, requestId, traceparent };
    return errandOf(parts, method, actors.decode(payload), (content) => read(this.#house, this.#address, content));
  }

  /** A message to accept doesn't wait for the turn that runs: that may take as long as a language model does. */
  async aside(delivery: Delivery): Promise<void> {
    try {
      await this.#errand(this.#memory as AgentJournal, delivery.requestId, delivery.envelope);
      this.#answer(delivery, undefined, undefined);
    } catch (error) {
      refuse(this.#house, delivery, unreachable(error));
    }
  }

  /** Makes durable what a turn did, and lets what it left to do begin. */
  #keep(memory: AgentJournal, turn: Turn<unknown>, value: unknown, origin: Origin | undefined): Promise<void> {
    const { post, fence } = this.#house;
    const { effects, historyChange: history } = turn;
    const { pending } = memory;
    const ended = post.ended(fence, this.#address, pending);
    const more = origin ?? effects ?? history ?? ended;
    const rest = more && { origin, effects, history, ended, nowMs: post.nowMs, freshId: post.freshId };
    const kept = memory.turnDone(turn.requestId, value, turn.changedState, turn.spent, rest);
    if (rest === undefined) return kept;
    return kept.then(() => {
      if (ended !== undefined) post.told(fence, this.#address, ended);
      post.tend(fence, this.#address, pending);
    });
  }

  /** The message of a turn that a person has settled. Undefined when the turn is over, and only its place among the held is left. */
  async #resumed(delivery: Delivery, actor: ActorContext<Delivery>): Promise<HeldMessage | undefined> {
    const { envelope, requestId } = delivery;
    const { held, actors } = this.#house;
    const { key } = this.#address;
    const memory = this.#memory ?? (await this.#recall(delivery, actor));
    const { hold } = actors.decode(envelope.payload) as { readonly hold: number };
    const open = memory.held(requestId) ?? (memory.reply(requestId) === undefined && memory.steps(requestId));
    const message = open ? await held.message(key, hold) : undefined;
    if (message === undefined) await held.release(key, hold);
    return message;
  }

  /** A held turn was over before its agent was told to go on. Who has asked for the same since then gets its answer, or asks anew. */
  #past(delivery: Delivery): void {
    const recorded = this.#memory?.reply(delivery.requestId);
    if (recorded !== undefined) this.#answer(delivery, recorded.value, recorded.spent);
    else if (delivery.askers.length === 0) this.#house.settled(delivery);
    else refuse(this.#house, delivery, new TroupeError('NODE_UNAVAILABLE', 'the held turn is over; ask again'));
  }

  /** Puts a person's ruling into the journal. @throws TroupeError STEP_UNKNOWN while there is none */
  async #follow(memory: AgentJournal, requestId: string): Promise<void> {
    const { hold, step } = memory.held(requestId) as HoldMark;
    const ruling = await this.#house.held.ruling(this.#address.key, hold);
    if (ruling === undefined) throw heldError(this.#address, step, hold);
    await memory.stepRuled(requestId, step, ruling);
  }

  /** A turn that was held and went on fails for good, unless it was only cut short (not too often) or is held again. */
  async #giveUp(
    memory: AgentJournal,
    { resident }: Delivery,
    requestId: string,
    message: HeldMessage,
    { signal }: ActorContext<Delivery>,
    error: unknown,
  ): Promise<unknown> {
    const mark = memory.held(requestId);
    const moving = signal.aborted || resident.stopping;
    if (mark?.ruled !== true || moving || error instanceof JournalFailure) return error;
    const { held } = this.#house;
    const { key } = this.#address;
    try {
      if (isTroupeError(error) && CUT_SHORT.has(error.code)) {
        const idempotencyKey = memory.step(requestId, mark.step)?.key ?? '';
        const names = { request: requestId, step: mark.step, idempotencyKey };
        const again = await held.cutShort(key, { ...names, message, after: mark.hold }, error);
        if (again === undefined) return error;
        await memory.stepHeld(requestId, mark.step, again.hold);
        return heldError(this.#address, mark.step, again.hold);
      }
      await memory.turnOver(requestId);
    } catch (failure) {
      return failure;
    }
    void held.release(key, mark.hold);
    return error;
  }

  /** @throws UNWANTED when the message, after waiting for its turn, needs no answer from here */
  async #recall(delivery: Delivery, actor: ActorContext<Delivery>): Promise<AgentJournal> {
    const { store, fence, actors, recalls, gate, clock } = this.#house;
    await recalls.enter(delivery);
    try {
      // While it waited, its shard may have come to be about to move.
      const held = gate.enter();
      if (held !== undefined) await held;
      const { cancelled, deadlineAt, resident } = delivery;
      if (cancelled || deadlineAt <= clock.monotonic() || resident.stopping || actor.signal.aborted) throw UNWANTED;
      const decode = (bytes: Uint8Array): unknown => actors.decode(bytes);
      const journal = await AgentJournal.load(store, fence, this.#address.key, decode, clock);
      this.#house.weigh(resident, journal);
      this.#memory = journal;
      if (journal.pending.wake > 0) this.#house.post.tend(fence, this.#address, journal.pending);
      return journal;
    } finally {
      recalls.done();
    }
  }

  #begin(
    delivery: Delivery,
    requestId: string,
    message: HeldMessage,
    actor: ActorContext<Delivery>,
    memory: AgentJournal,
    traceparent: string | undefined,
  ): Turn<unknown> {
    const house = this.#house;
    memory.traceparent = traceparent;
    const state = memory.state === undefined ? house.spec.state() : memory.state.value;
    return new Turn<unknown>({
      house,
      address: this.#address,
      delivery,
      requestId,
      message,
      traceparent,
      state,
      memory,
      actor,
    });
  }

  #answer(delivery: Delivery, value: unknown, spent: Amount | undefined): void {
    if (this.#memory !== undefined) this.#house.weigh(delivery.resident, this.#memory);
    answer(this.#house, delivery, value, spent);
  }

  /** @throws what the handler threw, when that is a crash */
  #fail(delivery: Delivery, actor: ActorContext<Delivery>, error: unknown, spent: Amount | undefined): void {
    if (movesAlong(delivery, actor)) return;
    // The handler may have changed the state in place: go on from what is durable.
    this.#memory = undefined;
    fail(this.#house, this.#address, delivery, error, spent);
  }
}

function forgotten(address: AgentAddress): TroupeError {
  const message = 'the request was carried out before, and its reply is not kept any more';
  return new TroupeError('REPLY_FORGOTTEN', message, { address: agentAddressKey(address) });
}

async function failureOf(work: Promise<void> | undefined): Promise<unknown> {
  return work?.then(
    () => undefined,
    (error) => error,
  );
}
