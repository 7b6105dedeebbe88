import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ActorContext, Behavior } from '../actor/index.ts';
import type { Coordinator } from '../coordinator/index.ts';
import {
  type AgentAddress,
  agentAddressKey,
  asTroupeError,
  type Fence,
  isTroupeError,
  TroupeError,
  traced,
} from '../core/index.ts';
import type { Envelope } from '../remote/index.ts';
import { decodePayload, encodePayload } from '../wire/index.ts';
import type { AgentSpec, Protocol, Schema, VoteRequest } from './define.ts';
import type { Asker, Delivery } from './delivery.ts';
import { AgentJournal, JournalFailure } from './journal.ts';
import { type AgentMemory, VolatileMemory } from './memory.ts';
import { Turn, type TurnHouse } from './turn.ts';

/** Name of the message by which a team asks a member for its vote. */
export const VOTE_METHOD = '$vote';

/** What all agents of one shard have in common while one epoch of it lasts on one node. */
export interface Household extends TurnHouse {
  readonly fence: Fence;
  readonly spec: AgentSpec<unknown, Protocol>;
  readonly coordinator: Coordinator;
  reply(asker: Asker, value: Uint8Array | undefined, error: TroupeError | undefined): void;
  /** Called when a delivery is done with, whatever came of it. */
  settled(delivery: Delivery): void;
}

/** Errors that say nothing about the agent: the asker hears of them, the agent goes on. */
const HARMLESS = new Set([
  'SCHEMA_MISMATCH',
  'UNKNOWN_MESSAGE',
  'CANCELLED',
  'TIMEOUT',
  'STEP_UNKNOWN',
  'MESSAGE_TOO_LARGE',
]);
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
  }

  receive(delivery: Delivery, actor: ActorContext<Delivery>): void | Promise<void> {
    const now = this.#house.clock.monotonic();
    if (delivery.cancelled || delivery.deadlineAt <= now) return this.#house.settled(delivery);
    delivery.resident.running = delivery;
    delivery.resident.runningSince = now;
    return this.#serve(delivery, actor);
  }

  async #serve(delivery: Delivery, actor: ActorContext<Delivery>): Promise<void> {
    const house = this.#house;
    let run: Run;
    let memory: AgentMemory;
    try {
      const reading = read(house, this.#address, delivery.envelope);
      run = reading instanceof Promise ? await reading : reading;
      memory = this.#memory ?? (await this.#recall());
    } catch (error) {
      return refuse(house, delivery, unreachable(error));
    }
    try {
      const value = await this.#answer(memory, delivery, actor, run);
      for (const asker of delivery.askers) house.reply(asker, value, undefined);
      house.settled(delivery);
    } catch (error) {
      // The agent is being moved: its message goes along and is answered by its next activation.
      if (actor.signal.aborted) return;
      const { resident } = delivery;
      if (resident.stopping) {
        resident.cut = delivery;
        return;
      }
      // The handler may have changed the state in place: go on from what is durable, where anything is.
      if (memory instanceof AgentJournal) this.#memory = undefined;
      if (error instanceof JournalFailure) return refuse(house, delivery, unreachable(error.cause));
      const known = asTroupeError(error, 'HANDLER_FAILED', { address: agentAddressKey(this.#address) });
      refuse(house, delivery, known);
      if (HARMLESS.has(known.code)) return;
      crashed(house, this.#address, delivery.envelope.traceparent, error);
      throw error;
    }
  }

  async #recall(): Promise<AgentMemory> {
    const { spec, coordinator, fence } = this.#house;
    this.#memory =
      spec.durability === 'none'
        ? new VolatileMemory()
        : await AgentJournal.load(coordinator, fence, this.#address.key);
    return this.#memory;
  }

  #answer(
    memory: AgentMemory,
    delivery: Delivery,
    actor: ActorContext<Delivery>,
    run: Run,
  ): Uint8Array | Promise<Uint8Array> {
    const recorded = memory.reply(delivery.requestId);
    if (recorded !== undefined) return encodePayload(recorded.value);
    const { tracer, node } = this.#house;
    const { traceparent, method } = delivery.envelope;
    if (!tracer.enabled || traceparent === undefined) return this.#turn(memory, delivery, actor, run, traceparent);
    const attributes = {
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.name': this.#address.kind,
      'gen_ai.agent.id': this.#address.key,
      'troupe.message': method,
      'troupe.node': node.node,
    };
    return traced(tracer, 'invoke_agent', { parent: traceparent, kind: 'consumer', attributes }, (span) =>
      this.#turn(memory, delivery, actor, run, span.traceparent ?? traceparent),
    );
  }

  async #turn(
    memory: AgentMemory,
    delivery: Delivery,
    actor: ActorContext<Delivery>,
    run: Run,
    traceparent: string | undefined,
  ): Promise<Uint8Array> {
    const house = this.#house;
    memory.traceparent = traceparent;
    const state = memory.state === undefined ? house.spec.state() : memory.state.value;
    const turn = new Turn<unknown>({ house, address: this.#address, delivery, traceparent, state, memory, actor });
    try {
      const value = await run(turn);
      if (turn.stopped) throw new TroupeError('CANCELLED', 'the agent is being moved');
      if (turn.durable) await memory.turnDone(delivery.requestId, value, turn.changedState);
      return encodePayload(value);
    } finally {
      turn.close();
    }
  }
}

/** Puts the crash into the trace of the message that caused it; the supervisor starts the agent again. */
function crashed({ tracer }: Household, address: AgentAddress, traceparent: string | undefined, error: unknown): void {
  if (!tracer.enabled || traceparent === undefined) return;
  const attributes = { 'gen_ai.agent.name': address.kind, 'gen_ai.agent.id': address.key };
  tracer.start('agent.restart', { parent: traceparent, attributes }).end(error);
}

function refuse(house: Household, delivery: Delivery, error: TroupeError): void {
  for (const asker of delivery.askers) house.reply(asker, undefined, error);
  if (delivery.askers.length === 0) {
    house.logger.warn('message failed', {
      to: delivery.envelope.to,
      method: delivery.envelope.method,
      code: error.code,
    });
  }
  house.settled(delivery);
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
function read(house: Household, address: AgentAddress, { method, payload }: Envelope): Run | Promise<Run> {
  const { spec } = house;
  const input = decodePayload(payload);
  if (method === VOTE_METHOD) return (turn) => vote(house, address, turn, input as VoteRequest);
  const message = Object.hasOwn(spec.messages, method) ? spec.messages[method] : undefined;
  if (message === undefined) {
    throw new TroupeError('UNKNOWN_MESSAGE', `agents of kind "${address.kind}" have no message "${method}"`, {
      address: agentAddressKey(address),
    });
  }
  const { output } = message;
  const handler = spec.handlers[method] as (ctx: Turn<unknown>, input: unknown) => unknown;
  const where = (part: string): string => `${address.kind}.${method} ${part}`;
  const runOn =
    (checked: unknown): Run =>
    async (turn) => {
      const value = await handler(turn, checked);
      return output === undefined ? value : check(output, value, () => where('output'));
    };
  const checked = check(message.input, input, () => where('input'));
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

function check(schema: Schema, value: unknown, what: () => string): unknown {
  const checked = schema['~standard'].validate(value);
  return checked instanceof Promise ? checked.then((result) => accepted(result, what)) : accepted(checked, what);
}

/** @throws TroupeError SCHEMA_MISMATCH with everything that doesn't fit */
function accepted(result: StandardSchemaV1.Result<unknown>, what: () => string): unknown {
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(
    (issue) =>
      `${(issue.path ?? []).map((p) => String(typeof p === 'object' ? p.key : p)).join('.') || 'value'}: ${issue.message}`,
  );
  throw new TroupeError('SCHEMA_MISMATCH', `${what()} does not fit its schema: ${issues.join('; ')}`);
}
