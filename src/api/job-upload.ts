import type { JobSpec, WorkItem } from '../agent/index.ts';
import { asTroupeError, TroupeError } from '../core/index.ts';
import type { Job__Output } from '../wire/generated/troupe/v1/Job.ts';
import type { SubmitJobRequest } from '../wire/generated/troupe/v1/SubmitJobRequest.ts';
import { toJobHeader, toWorkItem } from './job-message.ts';
import { type Connected, traceMetadata } from './node-channel.ts';

const ITEMS_PER_MESSAGE = 256;
const BYTES_PER_MESSAGE = 262_144;
/** Items of one job; they are kept until the job is stored, for a second try. */
export const JOB_ITEMS_MAX = 1_000_000;

type Message = ReturnType<typeof toWorkItem>;

/** The items of a job, which may have to be sent more than once: what was read from the source is kept. */
export class JobUpload {
  readonly #id: string;
  readonly #spec: JobSpec;
  readonly #source: AsyncIterator<WorkItem> | Iterator<WorkItem>;
  readonly #read: Message[] = [];
  #sourceDone = false;

  constructor(id: string, spec: JobSpec, items: AsyncIterable<WorkItem> | Iterable<WorkItem>) {
    this.#id = id;
    this.#spec = spec;
    this.#source = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  }

  /** Sends everything over one connection, no faster than it is read there; resolves when the list is stored. */
  async send({ client }: Connected, remainingMs: number, nowMs: number): Promise<Job__Output> {
    let over = false;
    let wake: () => void = () => undefined;
    const reply = Promise.withResolvers<Job__Output>();
    reply.promise.catch(() => undefined);
    const deadline = nowMs + remainingMs;
    const metadata = traceMetadata(this.#spec.traceparent);
    const call = client.SubmitJob(metadata, { deadline }, (error, job) => {
      over = true;
      wake();
      if (error === null && job !== undefined) reply.resolve(job);
      else reply.reject(error);
    });
    call.on('drain', () => wake());
    try {
      call.write({ header: toJobHeader(this.#id, this.#spec) });
      let count = 0;
      for await (const items of this.#batches()) {
        if (over) break;
        count += items.length;
        const message: SubmitJobRequest = { items: { items } };
        if (!call.write(message) && !over) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
      if (!over) call.end({ end: { items: count } });
    } catch (error) {
      call.cancel();
      throw asTroupeError(error, 'INVALID_ARGUMENT', { address: this.#id });
    }
    return reply.promise;
  }

  async *#batches(): AsyncGenerator<Message[]> {
    let batch: Message[] = [];
    let bytes = 0;
    for (let at = 0; ; at++) {
      const item = this.#read[at] ?? (await this.#next());
      if (item === undefined) break;
      batch.push(item);
      bytes += item.payload.byteLength;
      if (batch.length < ITEMS_PER_MESSAGE && bytes < BYTES_PER_MESSAGE) continue;
      yield batch;
      batch = [];
      bytes = 0;
    }
    if (batch.length > 0) yield batch;
  }

  async #next(): Promise<Message | undefined> {
    if (this.#sourceDone) return undefined;
    const next = await this.#source.next();
    if (next.done) {
      this.#sourceDone = true;
      return undefined;
    }
    if (this.#read.length === JOB_ITEMS_MAX) {
      throw new TroupeError('OVERLOADED', `a job takes at most ${JOB_ITEMS_MAX} items`, { address: this.#id });
    }
    const message = toWorkItem(next.value);
    this.#read.push(message);
    return message;
  }
}
