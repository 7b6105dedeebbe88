import type { WireError } from '../core/index.ts';
import type { Amount } from '../model/index.ts';
import type { Ruling } from './held.ts';
import { bare, type Kept, kept } from './large-values.ts';
import { PastRequests } from './past-requests.ts';
import { type Dealt, Pending, type PendingImage, type PendingLine } from './pending.ts';

/** Replies remembered per agent, so that a repeated request is answered; of older ones only that they were carried out. */
const REPLIES_MAX = 64;
/** Turns that failed or were cut short, whose finished steps are remembered. */
const OPEN_TURNS_MAX = 64;

/** One line of an agent's journal. Short names: each is replicated. */
export type JournalLine =
  | PendingLine
  /** A step of request `r` began. */
  | { readonly t: 'step'; readonly r: string; readonly n: string; readonly k: string }
  /** It ended, with value `v`, which is blob `i` where it is large. */
  | { readonly t: 'done'; readonly r: string; readonly n: string; readonly v: unknown; readonly i?: string }
  /** Its function threw: error `e`. */
  | { readonly t: 'fail'; readonly r: string; readonly n: string; readonly e: WireError }
  /** It is held under number `h`. */
  | { readonly t: 'held'; readonly r: string; readonly n: string; readonly h: number }
  /** A person settled it so. */
  | { readonly t: 'ruled'; readonly r: string; readonly n: string; readonly v: Ruling }
  /** The turn for request `r`, once held, ended by failing. */
  | { readonly t: 'over'; readonly r: string }
  /** The turn for request `r` ended with reply `v`; `s` is the new state when it changed. Either is a blob where it is large. */
  | ({
      readonly t: 'turn';
      readonly r: string;
      readonly v: unknown;
      readonly i?: string;
      readonly s?: { readonly state: unknown; readonly i?: string };
      /** What it spent of its asker's budget. */
      readonly b?: Amount;
    } & Dealt);

/** What is known of a step. Begun is all that is known when nothing else is there: its outcome is unknown. */
export interface StepReceipt {
  readonly key: string;
  readonly done?: Kept;
  /** Its function threw, or a person said that it counts as failed: that is final. */
  readonly failed?: { readonly error: WireError; readonly final: boolean };
  /** A person said that it is to run again. */
  readonly again?: true;
}

/** A turn that is held: under which number, and whether its ruling was followed. */
export interface HoldMark {
  readonly hold: number;
  readonly step: string;
  readonly ruled: boolean;
}

/** What the lines of a journal come to. */
export interface Folded {
  state: Kept | undefined;
  /** Oldest first. */
  readonly replies: Map<string, unknown>;
  /** Names of those that are blobs. */
  readonly replyBlobs: Map<string, string>;
  /** What their turns had spent, where that was anything. */
  readonly spent: Map<string, Amount>;
  /** Requests whose replies are forgotten. */
  readonly past: PastRequests;
  /** Those of a turn that settled come last, in the order in which they did. */
  readonly steps: Map<string, Map<string, StepReceipt>>;
  /** Their turns' receipts stay, however many others fail. */
  readonly held: Map<string, HoldMark>;
  pending: Pending;
}

/** What a journal without lines comes to. */
export function nothingYet(): Folded {
  return {
    state: undefined,
    replies: new Map(),
    replyBlobs: new Map(),
    spent: new Map(),
    past: new PastRequests(),
    steps: new Map(),
    held: new Map(),
    pending: new Pending(),
  };
}

/** All of that as a snapshot has it. What is left out had nothing in it, or was not known when the snapshot was written. */
export interface Image {
  readonly state: Folded['state'];
  readonly replies: readonly (readonly [string, unknown])[];
  readonly spent?: readonly (readonly [string, Amount])[];
  readonly replyBlobs?: readonly (readonly [string, string])[];
  readonly past?: readonly number[];
  readonly steps: readonly (readonly [string, readonly (readonly [string, StepReceipt])[]])[];
  readonly held?: readonly (readonly [string, HoldMark])[];
  readonly pending?: PendingImage;
}

/** What a snapshot is to have. @param nowMs monotonic */
export function imageOf(folded: Folded, nowMs: number): Image {
  const { state, replies, replyBlobs, spent, steps, held, pending: going } = folded;
  const pending = going.image();
  const past = folded.past.snapshot(nowMs);
  return {
    state: state && bare(state),
    replies: [...replies].map(([request, value]) => [request, replyBlobs.has(request) ? undefined : value]),
    ...(replyBlobs.size === 0 ? {} : { replyBlobs: [...replyBlobs] }),
    ...(spent.size === 0 ? {} : { spent: [...spent] }),
    ...(past.length === 0 ? {} : { past }),
    steps: [...steps].map(([request, receipts]) => [request, [...receipts].map(bareReceipt)]),
    ...(held.size === 0 ? {} : { held: [...held] }),
    ...(pending && { pending }),
  };
}

/** Takes over what a snapshot had. */
export function restoreFrom(image: Image, folded: Folded): void {
  folded.state = image.state;
  for (const [request, value] of image.replies) folded.replies.set(request, value);
  for (const [request, id] of image.replyBlobs ?? []) folded.replyBlobs.set(request, id);
  for (const [request, amount] of image.spent ?? []) folded.spent.set(request, amount);
  folded.past.restore(image.past ?? []);
  for (const [request, mark] of image.held ?? []) folded.held.set(request, mark);
  for (const [request, receipts] of image.steps) folded.steps.set(request, new Map(receipts));
  if (image.pending !== undefined) folded.pending.restore(image.pending);
}

function isPending(line: JournalLine): line is PendingLine {
  return line.t === 'out' || line.t === 'sent' || line.t === 'plan' || line.t === 'unplan';
}

/** Takes one more line in. */
export function fold(folded: Folded, line: JournalLine): void {
  if (isPending(line)) {
    folded.pending.fold(line);
    return;
  }
  if (line.t === 'turn') {
    if (line.z === true) {
      folded.state = undefined;
      for (const request of folded.steps.keys()) if (!folded.held.has(request)) folded.steps.delete(request);
    } else if (line.s !== undefined) folded.state = kept(line.s.state, line.s.i);
    folded.steps.delete(line.r);
    folded.held.delete(line.r);
    if (folded.pending.dealtWith(line)) return;
    folded.replies.set(line.r, line.v);
    for (const request of folded.replies.keys()) {
      if (folded.replies.size <= REPLIES_MAX) break;
      folded.replies.delete(request);
      folded.past.add(request);
    }
    if (line.i === undefined) folded.replyBlobs.delete(line.r);
    else folded.replyBlobs.set(line.r, line.i);
    for (const request of folded.replyBlobs.keys()) {
      if (!folded.replies.has(request)) folded.replyBlobs.delete(request);
    }
    if (line.b !== undefined) folded.spent.set(line.r, line.b);
    trim(folded.spent, REPLIES_MAX);
    return;
  }
  if (line.t === 'over') {
    folded.held.delete(line.r);
    return;
  }
  let receipts = folded.steps.get(line.r);
  if (receipts === undefined) {
    receipts = new Map();
    folded.steps.set(line.r, receipts);
    trim(folded.steps, OPEN_TURNS_MAX, folded.held);
  }
  if (line.t === 'held') {
    folded.held.set(line.r, { hold: line.h, step: line.n, ruled: false });
    return;
  }
  if (line.t === 'ruled') {
    const mark = folded.held.get(line.r);
    if (mark !== undefined) folded.held.set(line.r, { ...mark, ruled: true });
  }
  const known = receipts.get(line.n);
  const settled = known?.done !== undefined || known?.failed?.final === true;
  // A person may be asked about a turn whose step was settled long ago: that says to go on.
  if (settled && line.t === 'ruled' && line.v.type === 'retry') return;
  const receipt = receiptOf(line, known?.key ?? '');
  if (line.t !== 'step' && !settled) receipts.delete(line.n);
  receipts.set(line.n, receipt);
}

/** What is known of a step after a line about it. */
function receiptOf(
  line: Exclude<JournalLine, PendingLine | { t: 'turn' | 'over' | 'held' }>,
  key: string,
): StepReceipt {
  if (line.t === 'step') return { key: line.k };
  if (line.t === 'done') return { key, done: kept(line.v, line.i) };
  if (line.t === 'fail') return { key, failed: { error: line.e, final: false } };
  const { v: ruling } = line;
  if (ruling.type === 'done') return { key, done: { value: ruling.value } };
  if (ruling.type === 'retry') return { key, again: true };
  return { key, failed: { error: { code: 'STEP_FAILED', message: ruling.reason }, final: true } };
}

/** A step's receipt as a snapshot has it. */
function bareReceipt([name, receipt]: readonly [string, StepReceipt]): readonly [string, StepReceipt] {
  return [name, receipt.done === undefined ? receipt : { ...receipt, done: bare(receipt.done) }];
}

/** Forgets the oldest beyond `most`, but none that `kept` has. */
function trim(map: Map<string, unknown>, most: number, kept?: ReadonlyMap<string, unknown>): void {
  if (map.size <= most) return;
  for (const key of map.keys()) {
    if (map.size <= most) return;
    if (!kept?.has(key)) map.delete(key);
  }
}
