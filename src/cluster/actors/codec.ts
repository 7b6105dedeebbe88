import { ActorCell, Ask, type Kernel, type Ref, RemoteActor, type ReplyTo } from '../../actor/index.ts';
import { TroupeError } from '../../core/index.ts';
import { decodePayload, encodePayload, extendPayload, REF_TYPE, readRef, readRefsAt } from '../../wire/index.ts';
import { type Answerable, Borrowed, type Loan, NOBODY } from './loans.ts';
import type { Neighbour } from './neighbour.ts';

/** Type of a place for an answer in bodies; part of the protocol. */
const REPLY = 2;

/** A place for an answer on its way: null for that of the ask which the message came with, else its number and the time left, ms. */
type ReplyOnTheWay = null | readonly [correlation: number, leftMs: number];

/** A node, as the refs in messages need it. */
export interface Home {
  /** Lets other nodes find an actor of this one. @returns its address in the cluster */
  addressOf(ref: Ref<never>): string;
  /** The ref of an address. */
  refOf(address: string): Ref<never>;
}

/** Which system's actors are which node's. */
const homes = new WeakMap<Kernel, Home>();

/** Lets the actors of a system travel as refs. */
export function settle(kernel: Kernel, home: Home): void {
  homes.set(kernel, home);
}

// What the message under way needs to know; encoding and decoding never pause.
let holder: Neighbour | undefined;
let receiver: unknown;
let ownLoan: Loan | undefined;
const lent: Loan[] = [];
let lender: Neighbour | undefined;
let ownReply: ReplyTo<unknown> | undefined;

/**
 * Encodes what goes to another node, and lets the places for answers in it to that node. If it can't be sent after all,
 * `takeBackLent` undoes that; call it before anything else is encoded.
 *
 * @param ref the actor it is for
 * @throws TroupeError MESSAGE_TOO_LARGE, INVALID_ARGUMENT
 */
export function encodeTo(neighbour: Neighbour, ref: unknown, message: unknown): Uint8Array {
  holder = neighbour;
  receiver = ref;
  ownLoan = undefined;
  if (lent.length > 0) lent.length = 0;
  try {
    return encodePayload(message);
  } finally {
    holder = undefined;
    receiver = undefined;
  }
}

/** The place for the answer of the ask that the last message encoded came with. */
export function lentForAnswer(): Loan | undefined {
  return ownLoan;
}

/** What the last message encoded has let doesn't leave. */
export function takeBackLent(neighbour: Neighbour): void {
  for (const { correlation } of lent) neighbour.loans.delete(correlation);
}

/**
 * Decodes what may hold refs of actors.
 *
 * @param at the node that it arrived at
 * @param from where it came from; without it places for answers are nobody's
 * @param reply the place for the answer, of an ask
 * @throws TroupeError PROTOCOL_VIOLATION
 */
export function decodeAt(
  at: Home,
  from: Neighbour | undefined,
  reply: ReplyTo<unknown> | undefined,
  bytes: Uint8Array,
): unknown {
  const before = readRefsAt(at);
  lender = from;
  ownReply = reply;
  try {
    return decodePayload(bytes);
  } finally {
    readRefsAt(before);
    lender = undefined;
    ownReply = undefined;
  }
}

function writeCell(cell: ActorCell<unknown>): string {
  const at = homes.get(cell.kernel);
  if (at !== undefined) return at.addressOf(cell);
  throw new TroupeError('INVALID_ARGUMENT', 'an actor of a system of its own has no address', { address: cell.path });
}

function writeReply(ask: Answerable): ReplyOnTheWay {
  if (holder === undefined)
    throw new TroupeError('INVALID_ARGUMENT', 'only an actor can be given a place for an answer');
  const own = ask instanceof Ask && ask.target === receiver;
  if (own && ownLoan !== undefined) return null;
  const loan = holder.lend(ask, own);
  lent.push(loan);
  if (!own) return [loan.correlation, holder.leftMs(ask.deadline)];
  ownLoan = loan;
  return null;
}

function readReply(written: ReplyOnTheWay): ReplyTo<unknown> {
  if (lender === undefined) return NOBODY;
  if (written !== null) return lender.borrow(written[0], written[1]);
  if (ownReply !== undefined) return ownReply;
  throw new TroupeError('PROTOCOL_VIOLATION', 'a place for an answer without an ask');
}

extendPayload(REF_TYPE, ActorCell<unknown>, writeCell, readRef);
extendPayload(REF_TYPE, RemoteActor<unknown>, (ref) => ref.path, readRef);
extendPayload(REPLY, Ask, writeReply, readReply);
extendPayload(REPLY, Borrowed, writeReply, readReply);
