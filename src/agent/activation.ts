import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ActorContext, Behavior } from '../actor/index.ts';
import type { Coordinator } from '../coordinator/index.ts';
import {
  type AgentAddress,
  agentAddressKey,
  asTroupeError,
  type Fence,
  isTroupeError,
  type Span,
  TroupeError,
} from '../core/index.ts';
import type { JournalStore } from '../journal/index.ts';
import type { Amount } from '../model/index.ts';
import { encodePayload } from '../wire/index.ts';
import { type AgentSpec, type Protocol, type Schema, VOTE_METHOD, type VoteRequest } from './define.ts';
import type { Asker, Delivery, Resident } from './delivery.ts';
import { type HeldMessage, heldError, RESUME_METHOD } from './held.ts';
import { AgentJournal, type HoldMark, JournalFailure } from './journal.ts';
import { type AgentMemory, VolatileMemory } from './memory.ts';
import type { Recalls } from './recalls.ts';
import type { ShardGate } from './shard-gate.ts';
import { Turn, type TurnHouse } from './turn.ts';

/** What all agents of one shard have in common while one epoch of it lasts on one node. */
export interface Household extends TurnHouse {
  readonly fence: Fence;
  readonly spec: AgentSpec<unknown, Protocol>;
  readonly coordinator: Coordinator;
  readonly store: JournalStore;
  reply(asker: Asker, value: Uint8Array | undefined, error: TroupeError | undefined, spent?: Amount): void;
  readonly recalls: Recalls;
  /** Closed while the shard is about to move. */
  readonly gate: ShardGate;
  /** What an agent remembers takes so many bytes now. */
  weigh(resident: Resident, bytes: number): void;
  /** Called when a delivery's turn begins. */
  began(delivery: Delivery): void;
  /** Called when a delivery is done with, whatever came of it. */
  settled(delivery: Delivery): void;
}

/** Thrown when a message's turn needn't begin. */
const UNWANTED = new TroupeError('CANCELLED', 'nobody waits for this any more');

/** Errors that say nothing about the agent: the asker hears of them, the agent goes on. */
const HARMLESS = new Set([
  'SCHEMA_MISMATCH',
  'UNKNOWN_MESSAGE',
  'CANCELLED',
  'TIMEOUT',
  'STEP_UNKNOWN',
  'STEP_FAILED',
  'STEP_MISMATCH',
  'MESSAGE_TOO_LARGE',
]);
/** Errors that say that a turn was cut short rather than that it failed. */
const CUT_SHORT = new Set(['CANCELLED', 'TIMEOUT', 'STEP_UNKNOWN']);
/** What the ledger says when it can't be reached for now: the asker sends again. */
const PASSING = new Set([
  'TIMEOUT',
  'NO_QUORUM',
  'PROPOSAL_DROPPED',
  'SESSION_EXPIRED',
  'OVERLOADED',
  'NODE_UNAVAILABLE',
  'SHUTTING_DOWN',
  // A write whose answer was lost had been made: what the ledger has is read again.
  'JOURNAL_CONFLICT',
]);

/**
 * One activation of an agent under one epoch: the behaviour of its actor. A message is a turn; what the turn did is durable
 * before its reply leaves. A handler that throws crashes the actor, whose supervisor starts it again from the journal.
 */
export class Activation implements Behavior<Delivery> {
  readonly #house: Household;
  readonly #address: AgentAddress;
  #memory: AgentMemory | undefined;

  constructor(house: Household, address: AgentAddress) {
    this.#house = house;
    this.#address = address;
    if (house.spec.durability === 'none') this.#memory = new VolatileMemory();
  }

  receive(delivery: Delivery, actor: ActorContext<Delivery>): void | Promise<void> {
    const { closed } = this.#house.gate;
    if (closed !== undefined) return this.#wait(closed, delivery, actor);
    const now = this.#house.clock.monotonic();
    if (delivery.cancelled || delivery.deadlineAt <= now) return this.#house.settled(delivery);
    delivery.resident.running = delivery;
    delivery.resident.runningSince = now;
    this.#house.began(delivery);
    return this.#serve(delivery, actor);
  }

  /** The shard is about to move: the turn begins when that is put off, or elsewhere. */
  async #wait(closed: Promise<void>, delivery: Delivery, actor: ActorContext<Delivery>): Promise<void> {
    await closed;
    if (actor.signal.aborted || delivery.resident.stopping) this.#unread(delivery, actor);
    else await this.receive(delivery, actor);
  }

  /** All of a turn in one function: each async function more would cost a turn that waits some hundred bytes. */
  async #serve(delivery: Delivery, actor: ActorContext<Delivery>): Promise<void> {
    const house = this.#house;
    const { requestId } = delivery;
    let message: HeldMessage = delivery.envelope;
    let run: Run;
    let memory: AgentMemory;
    try {
      if (message.method === RESUME_METHOD) {
        const held = await this.#resumed(delivery, actor);
        if (held === undefined) return this.#past(delivery);
        message = held;
      }
      const reading = read(house, this.#address, message);
      run = reading instanceof Promise ? await reading : reading;
      memory = this.#memory ?? (await this.#recall(delivery, actor));
    } catch (error) {
      if (error === UNWANTED) return this.#unread(delivery, actor);
      return refuse(house, delivery, unreachable(error));
    }
    let span: Span | undefined;
    let turn: Turn<unknown> | undefined;
    try {
      const recorded = memory.reply(requestId);
      if (recorded !== undefined) return this.#answer(delivery, recorded.value, recorded.spent);
      if (memory.held(requestId)?.ruled === false) await this.#follow(memory, requestId);
      span = this.#trace(message);
      turn = this.#begin(delivery, message, actor, memory, span?.traceparent ?? message.traceparent);
      const value = await run(turn);
      const rest = turn.end();
      if (rest !== undefined) await rest;
      if (turn.halted !== undefined) throw turn.halted;
      turn.complete();
      const mark = memory.held(requestId);
      if (turn.durable) await memory.turnDone(requestId, value, turn.changedState, turn.spent);
      this.#answer(delivery, value, turn.spent);
      if (mark !== undefined) void house.held.release(this.#address.key, mark.hold);
      span?.end();
    } catch (thrown) {
      const rest = turn?.end();
      if (rest !== undefined) await rest;
      // Finished steps stay: whoever runs the turn again reads the journal behind their receipts.
      let error: unknown = (await failureOf(memory.settled())) ?? turn?.halted ?? thrown;
      if (memory.held(requestId) !== undefined) error = await this.#giveUp(memory, delivery, message, actor, error);
      span?.end(error);
      this.#fail(delivery, actor, error, turn?.spent);
    } finally {
      turn?.close();
    }
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
  async #follow(memory: AgentMemory, requestId: string): Promise<void> {
    const { hold, step } = memory.held(requestId) as HoldMark;
    const ruling = await this.#house.held.ruling(this.#address.key, hold);
    if (ruling === undefined) throw heldError(this.#address, step, hold);
    await memory.stepRuled(requestId, step, ruling);
  }

  /** A turn that was held and went on fails for good, unless it was only cut short (not too often) or is held again. */
  async #giveUp(
    memory: AgentMemory,
    { requestId, resident }: Delivery,
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
  async #recall(delivery: Delivery, actor: ActorContext<Delivery>): Promise<AgentMemory> {
    const { store, fence, actors, recalls, gate, clock } = this.#house;
    await recalls.enter(delivery);
    try {
      // While it waited, its shard may have come to be about to move.
      if (gate.closed !== undefined) await gate.closed;
      const { cancelled, deadlineAt, resident } = delivery;
      if (cancelled || deadlineAt <= clock.monotonic() || resident.stopping || actor.signal.aborted) throw UNWANTED;
      const decode = (bytes: Uint8Array): unknown => actors.decode(bytes);
      const later = (run: () => void): void => clock.yieldThen(run);
      const journal = await AgentJournal.load(store, fence, this.#address.key, decode, later);
      this.#house.weigh(resident, journal.bytes);
      this.#memory = journal;
      return journal;
    } finally {
      recalls.done();
    }
  }

  /** Its turn didn't begin: it moves with its agent, or nobody waits for it any more. */
  #unread(delivery: Delivery, { signal }: ActorContext<Delivery>): void {
    if (signal.aborted) return;
    if (delivery.resident.stopping) delivery.resident.cut = delivery;
    else this.#house.settled(delivery);
  }

  #trace({ traceparent, method }: HeldMessage): Span | undefined {
    const { tracer, node } = this.#house;
    if (!tracer.enabled || traceparent === undefined) return undefined;
    const attributes = {
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.name': this.#address.kind,
      'gen_ai.agent.id': this.#address.key,
      'troupe.message': method,
      'troupe.node': node.node,
    };
    return tracer.start('invoke_agent', { parent: traceparent, kind: 'consumer', attributes });
  }

  #begin(
    delivery: Delivery,
    message: HeldMessage,
    actor: ActorContext<Delivery>,
    memory: AgentMemory,
    traceparent: string | undefined,
  ): Turn<unknown> {
    const house = this.#house;
    memory.traceparent = traceparent;
    const state = memory.state === undefined ? house.spec.state() : memory.state.value;
    return new Turn<unknown>({ house, address: this.#address, delivery, message, traceparent, state, memory, actor });
  }

  #answer(delivery: Delivery, value: unknown, spent: Amount | undefined): void {
    if (this.#memory !== undefined) this.#house.weigh(delivery.resident, this.#memory.bytes);
    const payload = encodePayload(value);
    for (const asker of delivery.askers) this.#house.reply(asker, payload, undefined, spent);
    this.#house.settled(delivery);
  }

  /** @throws what the handler threw, when that is a crash */
  #fail(delivery: Delivery, actor: ActorContext<Delivery>, error: unknown, spent: Amount | undefined): void {
    // The agent is being moved: its message goes along and is answered by its next activation.
    if (actor.signal.aborted) return;
    const { resident } = delivery;
    if (resident.stopping) {
      resident.cut = delivery;
      return;
    }
    const house = this.#house;
    // The handler may have changed the state in place: go on from what is durable, where anything is.
    if (house.spec.durability !== 'none') this.#memory = undefined;
    if (error instanceof JournalFailure) {
      refuse(house, delivery, unreachable(error.cause), spent);
      return;
    }
    const known = asTroupeError(error, 'HANDLER_FAILED', { address: agentAddressKey(this.#address) });
    refuse(house, delivery, known, spent);
    if (HARMLESS.has(known.code)) return;
    crashed(house, this.#address, delivery.envelope.traceparent, error);
    throw error;
  }
}

/** Puts the crash into the trace of the message that caused it; the supervisor starts the agent again. */
function crashed({ tracer }: Household, address: AgentAddress, traceparent: string | undefined, error: unknown): void {
  if (!tracer.enabled || traceparent === undefined) return;
  const attributes = { 'gen_ai.agent.name': address.kind, 'gen_ai.agent.id': address.key };
  tracer.start('agent.restart', { parent: traceparent, attributes }).end(error);
}

function refuse(house: Household, delivery: Delivery, error: TroupeError, spent?: Amount): void {
  for (const asker of delivery.askers) house.reply(asker, undefined, error, spent);
  if (delivery.askers.length === 0) {
    house.logger.warn('message failed', {
      to: delivery.envelope.to,
      method: delivery.envelope.method,
      code: error.code,
    });
  }
  house.settled(delivery);
}

async function failureOf(work: Promise<void> | undefined): Promise<unknown> {
  return work?.then(
    () => undefined,
    (error) => error,
  );
}

/** The ledger's refusal in the asker's terms: it asks the current owner, or again. */
function unreachable(error: unknown): TroupeError {
  if (isTroupeError(error, 'STALE_EPOCH'))
    return new TroupeError('NOT_OWNER', 'the shard has another owner', { cause: error });
  if (isTroupeError(error) && PASSING.has(error.code))
    return new TroupeError('NODE_UNAVAILABLE', error.message, { cause: error });
  return asTroupeError(error, 'HANDLER_FAILED');
}

/** What a message makes the agent do. */
type Run = (turn: Turn<unknown>) => unknown;

/** Reads a message: what the agent has no handler for, or doesn't fit its schema, is refused before anything happens. */
function read(house: Household, address: AgentAddress, { method, payload }: HeldMessage): Run | Promise<Run> {
  const { spec } = house;
  const input = house.actors.decode(payload);
  if (method === VOTE_METHOD) return (turn) => vote(house, address, turn, input as VoteRequest);
  const message = Object.hasOwn(spec.messages, method) ? spec.messages[method] : undefined;
  if (message === undefined) {
    throw new TroupeError('UNKNOWN_MESSAGE', `agents of kind "${address.kind}" have no message "${method}"`, {
      address: agentAddressKey(address),
    });
  }
  const handler = spec.handlers[method] as (ctx: Turn<unknown>, input: unknown) => unknown;
  const runOn = (checked: unknown): Run => {
    const { output } = message;
    if (output === undefined) return (turn) => handler(turn, checked);
    return async (turn) => check(output, await handler(turn, checked), address, method, 'output');
  };
  const checked = check(message.input, input, address, method, 'input');
  return checked instanceof Promise ? checked.then(runOn) : runOn(checked);
}

/** The vote is cast under the agent's epoch before it is told: a zombie's ballot is refused by the ledger. */
async function vote(
  { spec, coordinator, fence }: Household,
  address: AgentAddress,
  turn: Turn<unknown>,
  request: VoteRequest,
): Promise<unknown> {
  const member = agentAddressKey(address);
  if (spec.vote === undefined) {
    throw new TroupeError('UNKNOWN_MESSAGE', `agents of kind "${address.kind}" do not vote`, { address: member });
  }
  const given = await spec.vote(turn, request);
  await turn.settled();
  const ballot = {
    member,
    ...(given.choice === undefined ? {} : { choice: given.choice }),
    ...(given.reason === undefined ? {} : { reason: given.reason }),
  };
  try {
    const options = { traceparent: turn.traceparent };
    await coordinator.execute('decision.cast', { id: request.decision, ballot, fence }, options);
  } catch (error) {
    // The decision has its result, or this member's ballot of an earlier run: that one stands.
    if (isTroupeError(error, 'DECISION_CLOSED') || isTroupeError(error, 'ALREADY_EXISTS')) return given;
    if (isTroupeError(error) && (error.code === 'STALE_EPOCH' || PASSING.has(error.code)))
      throw new JournalFailure(error);
    throw error;
  }
  return given;
}

/** @returns the value as its schema gives it; a promise when that has to wait */
function check(schema: Schema, value: unknown, { kind }: AgentAddress, method: string, part: string): unknown {
  const checked = schema['~standard'].validate(value);
  const accept = (result: StandardSchemaV1.Result<unknown>): unknown => accepted(result, `${kind}.${method} ${part}`);
  if (checked instanceof Promise) return checked.then(accept);
  return checked.issues === undefined ? checked.value : accept(checked);
}

/** @throws TroupeError SCHEMA_MISMATCH with everything that doesn't fit */
function accepted(result: StandardSchemaV1.Result<unknown>, what: string): unknown {
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(
    (issue) =>
      `${(issue.path ?? []).map((p) => String(typeof p === 'object' ? p.key : p)).join('.') || 'value'}: ${issue.message}`,
  );
  throw new TroupeError('SCHEMA_MISMATCH', `${what} does not fit its schema: ${issues.join('; ')}`);
}
