import type { DeadLetterReason, Kernel } from '../../actor/index.ts';
import type { ErrorCode, TroupeError } from '../../core/index.ts';
import type { Envelope } from '../../remote/index.ts';

/** What it says that a message for an agent wasn't handled; any other code says that the agent failed on it. */
const REASONS: ReadonlyMap<ErrorCode, DeadLetterReason> = new Map([
  ['MAILBOX_FULL', 'overflow'],
  ['OVERLOADED', 'overflow'],
  ['ACTOR_TERMINATED', 'terminated'],
  ['NODE_UNAVAILABLE', 'unreachable'],
  ['NOT_OWNER', 'unreachable'],
  ['SHUTTING_DOWN', 'unreachable'],
  ['UNKNOWN_AGENT', 'unreachable'],
  ['UNKNOWN_MESSAGE', 'unfit'],
  ['SCHEMA_MISMATCH', 'unfit'],
]);

/** A tell to an agent that nobody handled, as a dead letter shows it. */
export class LostTell {
  readonly method: string;
  readonly #payload: Uint8Array;
  readonly #decode: (bytes: Uint8Array) => unknown;

  constructor({ method, payload }: Envelope, decode: (bytes: Uint8Array) => unknown) {
    this.method = method;
    this.#payload = payload;
    this.#decode = decode;
  }

  /** Decoded when somebody looks: of a flood hardly one is looked at. @throws TroupeError PROTOCOL_VIOLATION */
  get input(): unknown {
    return this.#decode(this.#payload);
  }
}

/** What it takes to send a dead letter again. */
export interface AgentPost {
  readonly kernel: Kernel;
  decode(bytes: Uint8Array): unknown;
  /** Sends to an agent, wherever it is by now. */
  send(envelope: Envelope): void;
}

/**
 * Makes a tell to an agent a dead letter of this node. What else is for agents is repeated by whoever sent it: asks, and the runtime's own mail.
 * Sent again it is the same message, so an agent that has handled it all the same doesn't do so twice.
 *
 * @param error why nobody will handle it
 * @returns whether it is one
 */
export function buryTell({ kernel, decode, send }: AgentPost, envelope: Envelope, error: TroupeError): boolean {
  const { kind, to, method, payload, from } = envelope;
  // A held turn isn't lost.
  if (kind !== 'tell' || !to.startsWith('agent:') || method.startsWith('$') || error.code === 'STEP_UNKNOWN')
    return false;
  const addressee = {
    closed: false,
    accept: () => send({ ...envelope, epoch: undefined }),
  };
  const reason = REASONS.get(error.code) ?? 'crashed';
  const letter = {
    message: new LostTell(envelope, decode),
    to,
    reason,
    error,
    ...(from === undefined ? {} : { sender: from }),
  };
  kernel.deadLetters.add(letter, payload.byteLength, addressee);
  return true;
}
