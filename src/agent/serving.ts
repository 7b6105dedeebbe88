import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ActorContext } from '../actor/index.ts';
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
import { encodePayload, fitting } from '../wire/index.ts';
import { type AgentSpec, keepsNoMail, type Protocol, type Schema, VOTE_METHOD, type VoteRequest } from './define.ts';
import type { Asker, Delivery } from './delivery.ts';
import type { HeldMessage } from './held.ts';
import { JournalFailure } from './journal.ts';
import { RUNTIME_MAIL } from './mail.ts';
import type { AgentMemory } from './memory.ts';
import type { Post } from './post.ts';
import type { Recalls } from './recalls.ts';
import type { Resident } from './resident.ts';
import type { ShardGate } from './shard-gate.ts';
import type { Turn } from './turn.ts';
import type { TurnHouse } from './turn-parts.ts';

/** What all agents of one shard have in common while one epoch of it lasts on one node. */
export interface Household extends TurnHouse {
  readonly fence: Fence;
  readonly spec: AgentSpec<unknown, Protocol>;
  readonly coordinator: Coordinator;
  readonly store: JournalStore;
  reply(asker: Asker, value: Uint8Array | undefined, error: TroupeError | undefined, spent?: Amount): void;
  readonly recalls: Recalls;
  readonly post: Post;
  readonly gate: ShardGate;
  /** What an agent remembers may take another number of bytes now. */
  weigh(resident: Resident, memory: AgentMemory): void;
  /** Called when a delivery's turn begins. */
  began(delivery: Delivery): void;
  /** Called when a delivery is done with, whatever came of it. */
  settled(delivery: Delivery): void;
}

/** Errors that say nothing about the agent: the asker hears of them, the agent goes on. */
const HARMLESS = new Set([
  'SCHEMA_MISMATCH',
  'UNKNOWN_MESSAGE',
  'CANCELLED',
  'TIMEOUT',
  'ASK_CYCLE',
  'STEP_UNKNOWN',
  'STEP_FAILED',
  'STEP_MISMATCH',
  'MESSAGE_TOO_LARGE',
  // Its node ends: what a handler wants of that can't be had, here.
  'SHUTTING_DOWN',
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

/** Whether a message's turn is to begin; it has begun then. Else nobody waits for it any more, and it is done with. */
export function wanted({ clock, began, settled }: Household, delivery: Delivery): boolean {
  const now = clock.monotonic();
  if (delivery.cancelled || delivery.deadlineAt <= now) {
    settled(delivery);
    return false;
  }
  delivery.resident.begin(delivery, now);
  began(delivery);
  return true;
}

/** A message's turn didn't begin: it moves with its agent, or nobody waits for it any more. */
export function unread({ settled }: Household, delivery: Delivery, actor: ActorContext<Delivery>): void {
  if (!movesAlong(delivery, actor)) settled(delivery);
}

/** The span of a turn, where it is sampled. */
export function startSpan(
  { tracer, node }: Household,
  { kind, key }: AgentAddress,
  { traceparent, method }: HeldMessage,
): Span | undefined {
  if (!tracer.enabled || traceparent === undefined) return undefined;
  const attributes = {
    'gen_ai.operation.name': 'invoke_agent',
    'gen_ai.agent.name': kind,
    'gen_ai.agent.id': key,
    'troupe.message': method,
    'troupe.node': node.node,
  };
  return tracer.start('invoke_agent', { parent: traceparent, kind: 'consumer', attributes });
}

/** Replies to whoever asked. @throws TroupeError INVALID_ARGUMENT or MESSAGE_TOO_LARGE for what can't be encoded */
export function answer(house: Household, delivery: Delivery, value: unknown, spent: Amount | undefined): void {
  const payload = encodePayload(value);
  for (const asker of delivery.askers) house.reply(asker, payload, undefined, spent);
  house.settled(delivery);
}

/** Whether a turn that has failed did so because its agent is being moved: the message goes along, and the next activation answers it. */
export function movesAlong(delivery: Delivery, { signal }: ActorContext<Delivery>): boolean {
  if (signal.aborted) return true;
  const { resident } = delivery;
  if (resident.stopping) resident.cut = delivery;
  return resident.stopping;
}

/** A turn has failed: whoever asked hears why. @throws the error, when that is a crash of the agent */
export function fail(
  house: Household,
  address: AgentAddress,
  delivery: Delivery,
  error: unknown,
  spent: Amount | undefined,
): void {
  if (error instanceof JournalFailure) {
    refuse(house, delivery, unreachable(error.cause), spent);
    return;
  }
  const known = asTroupeError(error, 'HANDLER_FAILED', { address: agentAddressKey(address) });
  refuse(house, delivery, known, spent);
  if (HARMLESS.has(known.code)) return;
  crashed(house, address, delivery.envelope.traceparent, error);
  throw error;
}

/** Puts the crash into the trace of the message that caused it; the supervisor starts the agent again. */
function crashed({ tracer }: Household, address: AgentAddress, traceparent: string | undefined, error: unknown): void {
  if (!tracer.enabled || traceparent === undefined) return;
  const attributes = { 'gen_ai.agent.name': address.kind, 'gen_ai.agent.id': address.key };
  tracer.start('agent.restart', { parent: traceparent, attributes }).end(error);
}

/** Tells whoever asked that there will be no answer; without an asker it is logged, and a tell is a dead letter. */
export function refuse(house: Household, delivery: Delivery, error: TroupeError, spent?: Amount): void {
  const { askers } = delivery;
  for (const asker of askers) house.reply(asker, undefined, error, spent);
  if (askers.length === 0) {
    house.logger.warn('message failed', {
      to: delivery.envelope.to,
      method: delivery.envelope.method,
      code: error.code,
    });
    house.actors.bury(delivery.envelope, error);
  }
  house.settled(delivery);
}

/** The ledger's refusal in the asker's terms: it asks the current owner, or again. */
export function unreachable(error: unknown): TroupeError {
  if (isTroupeError(error, 'STALE_EPOCH'))
    return new TroupeError('NOT_OWNER', 'the shard has another owner', { cause: error });
  // The next try would find it as full.
  if (isTroupeError(error, 'OVERLOADED') && error.data?.full === 'history') return error;
  if (isTroupeError(error) && PASSING.has(error.code))
    return new TroupeError('NODE_UNAVAILABLE', error.message, { cause: error });
  return asTroupeError(error, 'HANDLER_FAILED');
}

/** What a message makes the agent do. */
export type Run = (turn: Turn<unknown>) => unknown;

/** Reads a message: what the agent has no handler for, or doesn't fit its schema, is refused before anything happens. */
export function read(house: Household, address: AgentAddress, { method, payload }: HeldMessage): Run | Promise<Run> {
  const { spec } = house;
  const input = house.actors.decode(payload);
  if (method === VOTE_METHOD) return (turn) => vote(house, address, turn, input as VoteRequest);
  const message = Object.hasOwn(spec.messages, method) ? spec.messages[method] : undefined;
  if (message === undefined) {
    // Whoever has a journal has dealt with these.
    if (RUNTIME_MAIL.has(method)) throw keepsNoMail(address);
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
  const accept = (result: StandardSchemaV1.Result<unknown>): unknown => fitting(result, `${kind}.${method} ${part}`);
  if (checked instanceof Promise) return checked.then(accept);
  return checked.issues === undefined ? checked.value : accept(checked);
}
