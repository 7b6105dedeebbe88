import { Deque, errorMessage, invariant, isTroupeError, TroupeError } from '../../core/index.ts';
import type { ReplicatedLog } from '../port.ts';
import { fromValue, type LogContext, toValue, writeFenced } from './context.ts';
import { describeParts, encodeRecord, recordBytes } from './record.ts';

type Appended = Awaited<ReturnType<ReplicatedLog['append']>>;

interface Append {
  readonly data: Uint8Array;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
}

/** What a writer needs of its member. */
export interface WriterOptions {
  readonly context: LogContext;
  readonly term: number;
  /** Called when this writer can't go on: its term is over, or etcd didn't say what became of a write. */
  readonly gaveUp: (reason: string) => void;
  /** Called when applying failed. */
  readonly failed: (error: unknown) => void;
  /** Called after entries were applied, with their number and bytes. */
  readonly wrote: (entries: number, bytes: number) => void;
}

/**
 * Writes the entries of one term. What comes while a transaction is under way goes into the next, as one record. Each
 * transaction asks that the leader's key is still the one of this term and that the log still ends where this writer left it.
 * So it can happen once only, however often it is sent and however late it arrives: the head never comes back to an earlier
 * value. That is also why the unanswered ones of a term need no other care than to be sent again, unchanged.
 */
export class Writer {
  readonly term: number;
  readonly #options: WriterOptions;
  readonly #context: LogContext;
  readonly #queue: Deque<Append> = new Deque();
  #writing: Append[] = [];
  #bytes = 0;
  #head: number;
  #pumping: Promise<void> | undefined;
  /** Why nothing more is taken. */
  #closed: (() => TroupeError) | undefined;
  #stopped = false;

  /** The consumer has applied the whole log. */
  constructor(options: WriterOptions) {
    this.#options = options;
    this.#context = options.context;
    this.term = options.term;
    this.#head = this.#context.applier.index;
  }

  append(data: Uint8Array): Promise<Appended> {
    const { entryBytesMax, appendsMax, appendBytesMax } = this.#context.limits;
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) throw this.#closed();
      if (data.byteLength > entryBytesMax) {
        throw new TroupeError('MESSAGE_TOO_LARGE', `an entry has at most ${entryBytesMax} bytes`);
      }
      const waiting = this.#queue.length + this.#writing.length;
      if (waiting >= appendsMax || (waiting > 0 && this.#bytes + data.byteLength > appendBytesMax)) {
        throw new TroupeError('OVERLOADED', `${waiting} entries wait for etcd`);
      }
      this.#bytes += data.byteLength;
      this.#queue.push({ data, resolve, reject });
      this.#pumping ??= this.#pump();
    });
  }

  /** Takes nothing more, and resolves when all that was taken is settled. */
  async drain(refusal: () => TroupeError): Promise<void> {
    this.#closed ??= refusal;
    await this.#pumping;
  }

  /** Ends at once. What is under way may happen yet or not; what waits doesn't. */
  stop(refusal: () => TroupeError): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#closed = refusal;
    for (const { reject } of this.#writing) {
      reject(new TroupeError('PROPOSAL_DROPPED', 'leadership ended before etcd said whether the entry is written'));
    }
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) next.reject(refusal());
  }

  async #pump(): Promise<void> {
    // What else this turn appends joins the first transaction.
    await Promise.resolve();
    try {
      while (this.#queue.length > 0) {
        this.#writing = this.#batch();
        const written = await this.#write(this.#writing);
        if (this.#stopped) return;
        if (written) this.#apply(this.#writing);
        else this.#options.gaveUp('another member took over');
        if (this.#stopped) return;
        this.#writing = [];
      }
    } catch (error) {
      if (this.#stopped) return;
      if (isTroupeError(error, 'INVARIANT_VIOLATED')) this.#options.failed(error);
      else this.#options.gaveUp(errorMessage(error));
    } finally {
      this.#pumping = undefined;
    }
  }

  #batch(): Append[] {
    const { valueBytesMax, recordEntriesMax } = this.#context.limits;
    const batch: Append[] = [];
    let bytes = 0;
    for (let next = this.#queue.peek(); next !== undefined; next = this.#queue.peek()) {
      bytes += recordBytes(next.data);
      if (batch.length > 0 && (bytes > valueBytesMax || batch.length >= recordEntriesMax)) break;
      batch.push(next);
      this.#queue.shift();
    }
    return batch;
  }

  /** Returns whether the entries are in the log; false when the term is over. */
  async #write(batch: readonly Append[]): Promise<boolean> {
    const { etcd, keys, limits } = this.#context;
    const { term } = this;
    const head = this.#head;
    const last = head + batch.length;
    const large = (batch[0] as Append).data;
    const inParts = recordBytes(large) > limits.valueBytesMax;
    if (inParts) await this.#writeParts(last, large);
    const value = encodeRecord({
      kind: inParts ? 'parts' : 'entries',
      term,
      firstIndex: head + 1,
      data: inParts ? [describeParts(large)] : batch.map(({ data }) => data),
    });
    const reply = await etcd.txn(
      {
        compare: [
          { key: keys.leader, createRevision: term },
          { key: keys.head, value: toValue(String(head)) },
        ],
        ops: [
          { type: 'put', key: keys.record(last), value },
          { type: 'put', key: keys.head, value: toValue(String(last)) },
        ],
        otherwise: [
          { type: 'range', key: keys.leader },
          { type: 'range', key: keys.head },
        ],
      },
      limits.answerMs,
    );
    if (!reply.succeeded) {
      const [leaders = [], heads = []] = reply.ranges;
      if (leaders[0]?.createRevision !== term) return false;
      // Nobody else writes in this term: an earlier try has done it, whose answer was lost.
      const found = heads[0] === undefined ? 'nothing' : fromValue(heads[0].value);
      invariant(found === String(last), `the log ends at ${found}, not at ${head} or ${last}`);
    }
    this.#head = last;
    return true;
  }

  async #writeParts(index: number, data: Uint8Array): Promise<void> {
    const { keys, limits } = this.#context;
    for (let at = 0, part = 0; at < data.byteLength; at += limits.valueBytesMax, part++) {
      const value = data.subarray(at, at + limits.valueBytesMax);
      await writeFenced(this.#context, this.term, [{ type: 'put', key: keys.part(index, this.term, part), value }]);
    }
  }

  #apply(batch: readonly Append[]): void {
    const { term } = this;
    const first = this.#head - batch.length + 1;
    let bytes = 0;
    try {
      const replies = this.#context.applier.apply(batch.map(({ data }, i) => ({ index: first + i, term, data })));
      for (const [i, { data, resolve }] of batch.entries()) {
        bytes += data.byteLength;
        resolve({ index: first + i, term, reply: replies[i] });
      }
    } catch (error) {
      this.#options.failed(error);
      return;
    }
    this.#bytes -= bytes;
    this.#options.wrote(batch.length, bytes);
  }
}
