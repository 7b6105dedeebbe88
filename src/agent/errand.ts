import { agentTarget } from '../cluster/index.ts';
import { type AgentAddress, agentAddressKey, type Fence, TroupeError } from '../core/index.ts';
import type { Envelope } from '../remote/index.ts';
import { encodePayload } from '../wire/index.ts';
import { ACCEPTED_MAX, AGENDA_BYTES_MAX, fired } from './agenda.ts';
import type { HeldMessage } from './held.ts';
import type { AgentJournal } from './journal.ts';
import { ACCEPT_METHOD, DUE_METHOD, FORGET_METHOD, type RuntimeMail, SETTLED_METHOD, TAKE_METHOD } from './mail.ts';
import { checkSize } from './outbox.ts';
import type { Origin, Pending } from './pending.ts';
import type { Post } from './post.ts';

/** The turn that a message of the runtime's own stands for. */
export interface Errand {
  readonly message: HeldMessage;
  readonly requestId: string;
  readonly origin: Origin;
}

/** Whose errand it is. */
export interface ErrandParts {
  readonly post: Post;
  readonly fence: Fence;
  readonly address: AgentAddress;
  readonly memory: AgentJournal;
  /** Of the message itself. */
  readonly requestId: string;
  readonly traceparent: string | undefined;
}

/** An agent's message of the runtime's own, as the node that has the agent gives it to it. */
export function runtimeMail(address: AgentAddress, method: string): Envelope {
  const to = agentTarget(address);
  return { kind: 'tell', to, correlation: 0, method, payload: encodePayload(undefined), requestId: method };
}

/**
 * Does what a message of the runtime's own asks for.
 *
 * @param input what it carries
 * @param check whether the agent can take a message
 * @returns the turn to run, or undefined when there is none
 * @throws TroupeError MAILBOX_FULL, MESSAGE_TOO_LARGE and what `check` throws for a message to accept; JournalFailure
 */
export async function errandOf(
  parts: ErrandParts,
  method: string,
  input: unknown,
  check: (message: HeldMessage) => unknown,
): Promise<Errand | undefined> {
  const { post, fence, address, memory, requestId, traceparent } = parts;
  const { pending } = memory;
  if (method === TAKE_METHOD) {
    const { from, seq, ...message } = input as RuntimeMail[typeof TAKE_METHOD];
    if (pending.inbox.has({ from, seq })) return undefined;
    return { message: { ...message, traceparent }, requestId, origin: { taken: { from, seq } } };
  }
  if (method === DUE_METHOD) {
    const { n, at } = input as RuntimeMail[typeof DUE_METHOD];
    const entry = pending.agenda.get(n);
    if (entry?.at !== at) return undefined;
    if (entry.method === FORGET_METHOD) {
      const gone = await memory.delete();
      if (!gone) await memory.mailEnded({ arrived: [], given: [fired(entry, post.nowMs)], parcels: [] });
      return undefined;
    }
    const { request = `timer/${n}@${at}` } = entry;
    return { message: entry, requestId: request, origin: { entry } };
  }
  if (method === ACCEPT_METHOD) {
    const message = input as RuntimeMail[typeof ACCEPT_METHOD];
    const done = memory.reply(requestId) !== undefined || memory.isPast(requestId);
    if (done || pending.agenda.byRequest(requestId) !== undefined) {
      await memory.settled();
    } else {
      await check(message);
      checkRoom(pending, message, address);
      // What arrives is a view of its frame.
      const payload = Uint8Array.from(message.payload);
      await memory.accept({ ...message, payload, at: post.nowMs, request: requestId, traceparent });
    }
    const entry = pending.agenda.byRequest(requestId);
    // Only that: a turn may run beside it, and what that one leaves isn't durable yet.
    if (entry !== undefined) post.accepted(fence, address, entry);
    return undefined;
  }
  if (method === SETTLED_METHOD) {
    const ended = post.ended(fence, address, pending);
    if (ended !== undefined) {
      if (ended.arrived.length + ended.given.length > 0) await memory.mailEnded(ended);
      post.told(fence, address, ended);
    }
  }
  post.tend(fence, address, pending);
  return undefined;
}

function checkRoom({ agenda }: Pending, { method, payload }: HeldMessage, address: AgentAddress): void {
  const to = agentAddressKey(address);
  checkSize(payload, `"${method}" for ${to}`);
  if (agenda.accepted < ACCEPTED_MAX && agenda.bytes + payload.byteLength <= AGENDA_BYTES_MAX) return;
  throw new TroupeError('MAILBOX_FULL', `${to} has accepted as many messages as it can keep`, { address: to });
}
