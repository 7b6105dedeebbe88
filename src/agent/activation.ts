import type { ActorContext, Behavior } from '../actor/index.ts';
import type { Coordinator } from '../coordinator/index.ts';
import {
  type AgentAddress,
  agentAddressKey,
  asTroupeError,
  type Clock,
  type Fence,
  isTroupeError,
  type Logger,
  type NodeRef,
  type Tracer,
  TroupeError,
  traced,
} from '../core/index.ts';
import type { Envelope } from '../remote/index.ts';
import { decodePayload, encodePayload } from '../wire/index.ts';
import type { AgentSpec, Protocol, Schema, VoteRequest } from './define.ts';
import type { Asker, Delivery } from './delivery.ts';
import type { Host } from './host.ts';
import { AgentJournal, JournalFailure } from './journal.ts';
import { Turn } from './turn.ts';

/** Name of the message by which a team asks a member for its vote. */
export const VOTE_METHOD = '$vote';

/** What one activation of an agent is made of. */
export interface ActivationParts {
  readonly address: AgentAddress;
  readonly fence: Fence;
  readonly node: NodeRef;
  readonly spec: AgentSpec<unknown, Protocol>;
  readonly coordinator: Coordinator;
  readonly host: Host;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tracer: Tracer;
  reply(asker: Asker, value: Uint8Array | undefined, error: TroupeError | undefined): void;
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
export function activation(parts: ActivationParts): Behavior<Delivery> {
  let journal: AgentJournal | undefined;
  return {
    async receive(delivery, actor) {
      if (delivery.cancelled.signal.aborted || delivery.deadlineAt <= parts.clock.monotonic())
        return parts.settled(delivery);
      parts.began(delivery);
      let run: Run;
      try {
        run = await read(parts, delivery.envelope);
        journal ??= await AgentJournal.load(parts.coordinator, parts.fence, parts.address.key);
      } catch (error) {
        return refuse(parts, delivery, unreachable(error));
      }
      try {
        const value = await answer(parts, journal, delivery, actor, run);
        for (const asker of delivery.askers) parts.reply(asker, value, undefined);
        parts.settled(delivery);
      } catch (error) {
        // The agent is being moved: its message goes along and is answered by its next activation.
        if (actor.signal.aborted) return;
        const { resident } = delivery;
        if (resident.stopping) {
          resident.cut = delivery;
          return;
        }
        // The handler may have changed the state in place: go on from what is durable.
        journal = undefined;
        if (error instanceof JournalFailure) return refuse(parts, delivery, unreachable(error.cause));
        const known = asTroupeError(error, 'HANDLER_FAILED', { address: agentAddressKey(parts.address) });
        refuse(parts, delivery, known);
        if (HARMLESS.has(known.code)) return;
        crashed(parts, delivery.envelope.traceparent, error);
        throw error;
      }
    },
  };
}

/** Puts the crash into the trace of the message that caused it; the supervisor starts the agent again. */
function crashed(parts: ActivationParts, traceparent: string | undefined, error: unknown): void {
  const { tracer, address } = parts;
  if (!tracer.enabled || traceparent === undefined) return;
  const attributes = { 'gen_ai.agent.name': address.kind, 'gen_ai.agent.id': address.key };
  tracer.start('agent.restart', { parent: traceparent, attributes }).end(error);
}

function refuse(parts: ActivationParts, delivery: Delivery, error: TroupeError): void {
  for (const asker of delivery.askers) parts.reply(asker, undefined, error);
  if (delivery.askers.length === 0) {
    parts.logger.warn('message failed', {
      to: delivery.envelope.to,
      method: delivery.envelope.method,
      code: error.code,
    });
  }
  parts.settled(delivery);
}

/** The ledger's refusal in the asker's terms: it asks the current owner, or again. */
function unreachable(error: unknown): TroupeError {
  if (isTroupeError(error, 'STALE_EPOCH'))
    return new TroupeError('NOT_OWNER', 'the shard has another owner', { cause: error });
  if (isTroupeError(error) && PASSING.has(error.code))
    return new TroupeError('NODE_UNAVAILABLE', error.message, { cause: error });
  return asTroupeError(error, 'HANDLER_FAILED');
}

async function answer(
  parts: ActivationParts,
  journal: AgentJournal,
  delivery: Delivery,
  actor: ActorContext<Delivery>,
  run: Run,
): Promise<Uint8Array> {
  const { envelope, requestId } = delivery;
  const recorded = journal.reply(requestId);
  if (recorded !== undefined) return encodePayload(recorded.value);
  const attributes = {
    'gen_ai.operation.name': 'invoke_agent',
    'gen_ai.agent.name': parts.address.kind,
    'gen_ai.agent.id': parts.address.key,
    'troupe.message': envelope.method,
    'troupe.node': parts.node.node,
  };
  return traced(
    parts.tracer,
    'invoke_agent',
    { parent: envelope.traceparent, kind: 'consumer', attributes },
    async (span) => {
      const limit = new AbortController();
      const timer =
        delivery.deadlineAt === Number.POSITIVE_INFINITY
          ? undefined
          : parts.clock.schedule(delivery.deadlineAt - parts.clock.monotonic(), () =>
              limit.abort(new TroupeError('TIMEOUT', 'the deadline of the turn passed')),
            );
      journal.traceparent = span.traceparent ?? envelope.traceparent;
      const turn = new Turn<unknown>({
        address: parts.address,
        node: parts.node,
        requestId,
        traceparent: span.traceparent ?? envelope.traceparent,
        state: journal.state === undefined ? parts.spec.state() : journal.state.value,
        journal,
        host: parts.host,
        signal: AbortSignal.any([actor.signal, delivery.cancelled.signal, limit.signal]),
        stopping: () => delivery.resident.stopping,
        deadlineAt: delivery.deadlineAt,
        clock: parts.clock,
        logger: parts.logger,
        tracer: parts.tracer,
      });
      try {
        const value = await run(turn);
        if (turn.stopped) throw new TroupeError('CANCELLED', 'the agent is being moved');
        if (turn.durable) await journal.turnDone(requestId, value, turn.changedState);
        return encodePayload(value);
      } finally {
        timer?.cancel();
      }
    },
  );
}

/** What a message makes the agent do. */
type Run = (turn: Turn<unknown>) => Promise<unknown>;

/** Reads a message: what the agent has no handler for, or doesn't fit its schema, is refused before anything happens. */
async function read(parts: ActivationParts, { method, payload }: Envelope): Promise<Run> {
  const { spec, address } = parts;
  const input = decodePayload(payload);
  if (method === VOTE_METHOD) return (turn) => vote(parts, turn, input as VoteRequest);
  const message = Object.hasOwn(spec.messages, method) ? spec.messages[method] : undefined;
  if (message === undefined) {
    throw new TroupeError('UNKNOWN_MESSAGE', `agents of kind "${address.kind}" have no message "${method}"`, {
      address: agentAddressKey(address),
    });
  }
  const { output } = message;
  const handler = spec.handlers[method] as (ctx: Turn<unknown>, input: unknown) => unknown;
  const checked = await check(message.input, input, `${address.kind}.${method} input`);
  return async (turn) => {
    const value = await handler(turn, checked);
    return output === undefined ? value : check(output, value, `${address.kind}.${method} output`);
  };
}

/** The vote is cast under the agent's epoch before it is told: a zombie's ballot is refused by the ledger. */
async function vote(parts: ActivationParts, turn: Turn<unknown>, request: VoteRequest): Promise<unknown> {
  const member = agentAddressKey(parts.address);
  if (parts.spec.vote === undefined) {
    throw new TroupeError('UNKNOWN_MESSAGE', `agents of kind "${parts.address.kind}" do not vote`, { address: member });
  }
  const given = await parts.spec.vote(turn, request);
  const ballot = {
    member,
    ...(given.choice === undefined ? {} : { choice: given.choice }),
    ...(given.reason === undefined ? {} : { reason: given.reason }),
  };
  try {
    const options = { traceparent: turn.traceparent };
    await parts.coordinator.execute('decision.cast', { id: request.decision, ballot, fence: parts.fence }, options);
  } catch (error) {
    // The decision has its result, or this member's ballot of an earlier run: that one stands.
    if (isTroupeError(error, 'DECISION_CLOSED') || isTroupeError(error, 'ALREADY_EXISTS')) return given;
    if (isTroupeError(error) && (error.code === 'STALE_EPOCH' || PASSING.has(error.code)))
      throw new JournalFailure(error);
    throw error;
  }
  return given;
}

async function check(schema: Schema, value: unknown, what: string): Promise<unknown> {
  const result = await schema['~standard'].validate(value);
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(
    (issue) =>
      `${(issue.path ?? []).map((p) => String(typeof p === 'object' ? p.key : p)).join('.') || 'value'}: ${issue.message}`,
  );
  throw new TroupeError('SCHEMA_MISMATCH', `${what} does not fit its schema: ${issues.join('; ')}`);
}
