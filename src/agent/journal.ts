import type { JournalRecord } from '../coordinator/index.ts';
import { type Clock, type Fence, TroupeError, type WireError } from '../core/index.ts';
import type { JournalStore } from '../journal/index.ts';
import type { Amount } from '../model/index.ts';
import { decodePayload, encodePayload } from '../wire/index.ts';
import { fired, type Plan } from './agenda.ts';
import {
  type Folded,
  fold,
  type HoldMark,
  type Image,
  imageOf,
  type JournalLine,
  nothingYet,
  restoreFrom,
  type StepReceipt,
} from './folded.ts';
import type { Ruling } from './held.ts';
import type { HistoryChange, HistoryItems, HistoryRange } from './history.ts';
import { type Kept, LINE_BYTES_MAX, namedBy, namedIn, putLarge, recallLarge, write } from './large-values.ts';
import type { AgentMemory, TurnRest } from './memory.ts';
import { Pending, type Settled } from './pending.ts';

/** Records after which the journal is folded into a snapshot. */
const RECORDS_PER_SNAPSHOT = 50;

/** What a journal takes of a clock. */
type JournalClock = Pick<Clock, 'monotonic' | 'yieldThen'>;
const NO_CLOCK: JournalClock = { monotonic: () => 0, yieldThen: queueMicrotask };

/** The store refused a write or couldn't be reached (the cause says which): the journal in memory can't be trusted any more. */
export class JournalFailure extends TroupeError {
  constructor(cause: unknown) {
    super('NODE_UNAVAILABLE', 'the journal was not written', { cause });
  }
}

/** Lines that will be written together. */
interface Gathering {
  readonly lines: { readonly line: JournalLine; readonly bytes: Uint8Array }[];
  /** What comes to the history with them. */
  readonly changes: HistoryChange[];
  readonly done: Promise<void>;
  /** Lets the write begin, as soon as those before it have ended. */
  readonly go: () => void;
  /** Why it can't be written: a line that can't be encoded. */
  broken: unknown;
}

/**
 * The journal of one agent under one epoch: state, receipts of steps, and the replies already given. A write is durable in
 * the store before it counts; a write under an old epoch is refused there (STALE_EPOCH), so a zombie commits nothing. After a
 * write failed, every later one fails too: the agent starts anew from what the store has.
 */
export class AgentJournal implements AgentMemory {
  traceparent: string | undefined;
  readonly #store: JournalStore;
  readonly #fence: Fence;
  readonly #key: string;
  readonly #folded: Folded = nothingYet();
  /** As the store has it. */
  #wake = 0;
  #range: HistoryRange = { first: 0, next: 0 };
  #version = 0;
  #sinceSnapshot = 0;
  #stateBytes = 0;
  #otherBytes = 0;
  /** Sizes of the blobs that are named here, bytes; most journals name none. */
  #blobBytes: Map<string, number> | undefined;
  #gathering: Gathering | undefined;
  #last: Promise<void> = Promise.resolve();
  /** The last write, until it is durable. */
  #unsettled: Promise<void> | undefined;
  readonly #decode: (bytes: Uint8Array) => unknown;
  readonly #clock: JournalClock;

  private constructor(
    store: JournalStore,
    fence: Fence,
    key: string,
    decode: (bytes: Uint8Array) => unknown,
    clock: JournalClock,
  ) {
    this.#decode = decode;
    this.#store = store;
    this.#fence = fence;
    this.#key = key;
    this.#clock = clock;
  }

  /**
   * Reads an agent's journal, linearizably.
   * @param decode reads what may hold refs of actors
   * @throws TroupeError STALE_EPOCH when the fence is old
   */
  static async load(
    store: JournalStore,
    fence: Fence,
    key: string,
    decode: (bytes: Uint8Array) => unknown = decodePayload,
    clock: JournalClock = NO_CLOCK,
  ): Promise<AgentJournal> {
    const journal = new AgentJournal(store, fence, key, decode, clock);
    await journal.#restore(await store.journals.read({ fence, key }), decode);
    return journal;
  }

  /** The last durable state, or undefined when the agent never wrote one. */
  get state(): Kept | undefined {
    return this.#folded.state;
  }

  /** The reply already given to a request, if it is still remembered, and what its turn had spent. */
  reply(request: string): { readonly value: unknown; readonly spent: Amount | undefined } | undefined {
    const { replies, spent } = this.#folded;
    return replies.has(request) ? { value: replies.get(request), spent: spent.get(request) } : undefined;
  }

  /** Whether a request was carried out, and its reply is forgotten. */
  isPast(request: string): boolean {
    return this.#folded.past.has(request);
  }

  /** What an earlier run of this request's turn recorded of a step. */
  step(request: string, name: string): StepReceipt | undefined {
    return this.#folded.steps.get(request)?.get(name);
  }

  /** What earlier runs of this request's turn recorded of its steps; the settled ones last, in the order in which they settled. */
  steps(request: string): ReadonlyMap<string, StepReceipt> | undefined {
    return this.#folded.steps.get(request);
  }

  /**
   * About what is remembered here, as encoded, bytes: the last image, and what was written since, of states only the latest. So what the
   * image held and is forgotten by now counts until the next one.
   */
  get bytes(): number {
    return this.#stateBytes + this.#otherBytes;
  }

  /** Whether the turn of this request is held. */
  held(request: string): HoldMark | undefined {
    return this.#folded.held.get(request);
  }

  /** How many turns are. */
  get heldTurns(): number {
    return this.#folded.held.size;
  }

  /** Records that a step begins; durable when it resolves. */
  stepStarted(request: string, name: string, key: string): Promise<void> {
    return this.#write({ t: 'step', r: request, n: name, k: key });
  }

  /** Records a step's result; durable when it resolves. */
  stepDone(request: string, name: string, value: unknown): Promise<void> {
    return this.#write({ t: 'done', r: request, n: name, v: value });
  }

  /**
   * Records a step's result together with what comes next: soon, but not at once.
   *
   * @returns a promise when it has to be waited for, as a large value is read only when it is written
   */
  stepDoneSoon(request: string, name: string, value: unknown): Promise<void> | undefined {
    const { lines, broken, go, done } = this.#add({ t: 'done', r: request, n: name, v: value });
    if (broken === undefined && (lines.at(-1)?.bytes.byteLength ?? 0) <= LINE_BYTES_MAX) {
      this.#clock.yieldThen(go);
      return undefined;
    }
    go();
    return done;
  }

  /** Resolves when all that was recorded is durable; undefined when it is. @throws JournalFailure when it won't be */
  settled(): Promise<void> | undefined {
    this.#gathering?.go();
    return this.#unsettled;
  }

  /** Records that a step's function threw; durable when it resolves. */
  stepFailed(request: string, name: string, error: WireError): Promise<void> {
    return this.#write({ t: 'fail', r: request, n: name, e: error });
  }

  /** Records that a turn is held at a step; durable when it resolves. */
  stepHeld(request: string, name: string, hold: number): Promise<void> {
    return this.#write({ t: 'held', r: request, n: name, h: hold });
  }

  /** Records how the held step was settled; durable when it resolves. */
  stepRuled(request: string, name: string, ruling: Ruling): Promise<void> {
    return this.#write({ t: 'ruled', r: request, n: name, v: ruling });
  }

  /** Records that a turn that was held has failed; durable when it resolves. */
  turnOver(request: string): Promise<void> {
    return this.#write({ t: 'over', r: request });
  }

  /** Records the end of a turn; durable when it resolves. `state` only when it changed. */
  turnDone(
    request: string,
    reply: unknown,
    state: { readonly state: unknown } | undefined,
    spent?: Amount,
    more?: TurnRest,
  ): Promise<void> {
    const line = { t: 'turn', r: request, v: reply, ...(state && { s: state }), ...(spent && { b: spent }) } as const;
    if (more === undefined) return this.#write(line);
    const { origin, effects, history, ended, nowMs } = more;
    if (effects !== undefined) for (const each of this.pending.linesOf(effects, more.freshId)) this.#add(each);
    if (ended !== undefined) this.#add(this.pending.endedLine(ended));
    const { taken, entry } = origin ?? {};
    const whence = {
      ...(taken && { x: [taken.from, taken.seq] as const }),
      ...(entry && { f: fired(entry, nowMs) }),
    };
    // Who sent such a message waits for no reply.
    const last = origin === undefined ? line : { ...line, ...whence, v: undefined };
    const forgets = effects?.forgets === true;
    const { go, done, changes } = this.#add(forgets ? { ...last, s: undefined, z: true } : last);
    if (forgets) {
      this.#add(this.pending.forgetLine(nowMs));
      changes.push({ items: [], from: this.#range.next });
      // Nothing of it stays in records.
      this.#sinceSnapshot = RECORDS_PER_SNAPSHOT;
    } else if (history !== undefined) changes.push(history);
    go();
    return done;
  }

  /** What it has sent, taken and is to do. */
  get pending(): Pending {
    return this.#folded.pending;
  }

  /** Which items its history has. */
  get historyRange(): HistoryRange {
    return this.#range;
  }

  /** A page of its history. @throws JournalFailure */
  async historyPage(from: number, limit: number): Promise<HistoryItems> {
    try {
      const page = await this.#store.journals.history({ fence: this.#fence, key: this.#key, from, limit });
      return { from: page.from, items: page.items.map((item) => this.#decode(item)) };
    } catch (error) {
      throw new JournalFailure(error);
    }
  }

  /**
   * Deletes the journal of an agent that was forgotten and hasn't been used since; it is empty then, as is what is known here.
   *
   * @returns whether it was deleted
   */
  async delete(): Promise<boolean> {
    const { state, steps, held, pending } = this.#folded;
    const unused = state === undefined && steps.size === 0 && held.size === 0 && this.#range.first === this.#range.next;
    if (!unused || pending.outbox.size > 0 || [...pending.agenda.entries].length > 1) return false;
    await this.settled();
    try {
      await this.#store.journals.delete({ fence: this.#fence, key: this.#key, version: this.#version });
    } catch (error) {
      throw new JournalFailure(error);
    }
    for (const map of [this.#folded.replies, this.#folded.replyBlobs, this.#folded.spent]) map.clear();
    this.#folded.past.clear();
    this.#folded.pending = new Pending();
    this.#blobBytes = undefined;
    this.#range = { first: 0, next: 0 };
    [this.#version, this.#wake, this.#sinceSnapshot, this.#stateBytes, this.#otherBytes] = [0, 0, 0, 0, 0];
    return true;
  }

  /** Keeps a message from outside until it is handled; durable when it resolves. */
  accept(plan: Plan): Promise<void> {
    return this.#write({ t: 'plan', e: plan });
  }

  /** Records that messages have arrived, and that entries of the agenda were given up; durable when it resolves. */
  mailEnded(ended: Settled): Promise<void> {
    return this.#write(this.pending.endedLine(ended));
  }

  #write(line: JournalLine): Promise<void> {
    const { go, done } = this.#add(line);
    go();
    return done;
  }

  /** Lines that come while a write is under way, or before the next one is to begin, share that. They are encoded as they are now. */
  #add(line: JournalLine): Gathering {
    const gathering = this.#gathering ?? this.#gather();
    try {
      gathering.lines.push({ line, bytes: encodePayload(line) });
    } catch (error) {
      gathering.broken = error;
    }
    return gathering;
  }

  #gather(): Gathering {
    const { promise: begun, resolve: go } = Promise.withResolvers<void>();
    const done = this.#last
      .then(() => begun)
      .then(() => {
        this.#gathering = undefined;
        return this.#append(gathering);
      });
    const gathering: Gathering = { lines: [], changes: [], done, go, broken: undefined };
    this.#gathering = gathering;
    this.#last = done;
    this.#unsettled = done;
    done.then(
      () => {
        if (this.#unsettled === done) this.#unsettled = undefined;
      },
      // Who doesn't wait for a line hears of its failure from the next one: after a failed append none succeeds.
      () => undefined,
    );
    return gathering;
  }

  /** @throws JournalFailure whatever went wrong: also a value that can't be encoded */
  async #append({ lines: added, changes, broken }: Gathering): Promise<void> {
    try {
      if (broken !== undefined) throw broken;
      const lines = added.map(({ line }) => line);
      const whole = added.map(({ bytes }) => bytes);
      const large = whole.some(({ byteLength }) => byteLength > LINE_BYTES_MAX);
      const named = large ? await Promise.all(lines.map((line) => putLarge(line, (bytes) => this.#put(bytes)))) : lines;
      const records = large ? named.map(write) : whole;
      const blobs = large ? namedIn(named) : [];
      for (const [i, line] of named.entries()) this.#take(line, whole[i]?.byteLength ?? 0);
      this.#sinceSnapshot += records.length;
      const { wake } = this.pending;
      const snapshot =
        this.#sinceSnapshot >= RECORDS_PER_SNAPSHOT
          ? { snapshot: encodePayload(imageOf(this.#folded, this.#clock.monotonic())), blobs: namedBy(this.#folded) }
          : {};
      const request = {
        fence: this.#fence,
        key: this.#key,
        version: this.#version,
        records,
        ...(blobs.length > 0 && { blobs }),
        ...(wake !== this.#wake && { wake }),
        ...(changes.length > 0 && historyOf(changes)),
        ...snapshot,
      };
      const { version } = await this.#store.journals.append(request, { traceparent: this.traceparent });
      this.#version = version;
      this.#wake = wake;
      for (const { items, from = 0 } of changes) {
        const { first, next } = this.#range;
        this.#range = { first: Math.max(first, from), next: next + items.length };
      }
      if (snapshot.snapshot === undefined) return;
      this.#sinceSnapshot = 0;
      this.#otherBytes = snapshot.snapshot.byteLength + this.#keepSizes(snapshot.blobs);
      this.#stateBytes = 0;
    } catch (error) {
      throw new JournalFailure(error);
    }
  }

  async #put(bytes: Uint8Array): Promise<string> {
    const blob = await this.#store.blobs.put(bytes);
    this.#sized(blob, bytes);
    return blob;
  }

  #sized(blob: string, { byteLength }: Uint8Array): void {
    this.#blobBytes ??= new Map();
    this.#blobBytes.set(blob, byteLength);
  }

  /** Forgets the sizes of all other blobs. @returns what these take together */
  #keepSizes(blobs: readonly string[]): number {
    const sizes = blobs.map((blob) => [blob, this.#blobBytes?.get(blob) ?? 0] as const);
    this.#blobBytes = sizes.length === 0 ? undefined : new Map(sizes);
    return sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
  }

  #take(line: JournalLine, bytes: number): void {
    fold(this.#folded, line);
    if (line.t === 'turn' && line.s !== undefined) this.#stateBytes = bytes;
    else this.#otherBytes += bytes;
  }

  async #restore(record: JournalRecord, decode: (bytes: Uint8Array) => unknown): Promise<void> {
    if (record.snapshot !== undefined) restoreFrom(decode(record.snapshot) as Image, this.#folded);
    this.#otherBytes = record.snapshot?.byteLength ?? 0;
    for (const bytes of record.records) this.#take(decode(bytes) as JournalLine, bytes.byteLength);
    this.#wake = this.pending.wake;
    this.#range = record.history ?? this.#range;
    this.#version = record.version;
    this.#sinceSnapshot = record.records.length;
    await recallLarge(this.#folded, async (blob) => {
      const bytes = await this.#store.blobs.get(blob);
      this.#otherBytes += bytes.byteLength;
      this.#sized(blob, bytes);
      return decode(bytes);
    });
  }
}

/** What turns that share an append do to the history. */
function historyOf(changes: readonly HistoryChange[]): { history: Uint8Array[]; historyFrom?: number } {
  const from = Math.max(...changes.map((change) => change.from ?? 0));
  return { history: changes.flatMap(({ items }) => items), ...(from > 0 && { historyFrom: from }) };
}
