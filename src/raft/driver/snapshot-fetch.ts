import { errorMessage, type Logger } from '../../core/index.ts';
import type { Message, SnapshotMeta } from '../consensus/index.ts';
import type { RaftLog } from '../log/index.ts';
import type { RaftTransport } from './port.ts';

/** What fetching needs of the member. */
export interface FetchContext {
  readonly transport: RaftTransport;
  readonly log: RaftLog;
  readonly logger: Logger;
  /** Ticks without a byte after which a fetch is given up. */
  readonly idleTicksMax: number;
  /** The message may be taken in now: the bytes it names are here, and durable. */
  deliver(message: Message): void;
}

/**
 * Pulls the bytes of a snapshot that a leader named before consensus hears of it, so that consensus never waits for a leader
 * that may be gone. One at a time; a failure is forgotten, as the leader names its snapshot again.
 */
export class SnapshotFetch {
  readonly #context: FetchContext;
  #running: Promise<void> | undefined;
  #abort = new AbortController();
  #idleTicks = 0;

  constructor(context: FetchContext) {
    this.#context = context;
  }

  /** Starts fetching, unless a fetch is under way. */
  start(message: Message, meta: SnapshotMeta): void {
    if (this.#running !== undefined) return;
    this.#abort = new AbortController();
    this.#idleTicks = 0;
    this.#running = this.#run(message, meta).finally(() => {
      this.#running = undefined;
    });
  }

  tick(): void {
    if (this.#running !== undefined && ++this.#idleTicks >= this.#context.idleTicksMax) this.#abort.abort();
  }

  /** Gives up what is under way and waits for its end. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(message: Message, meta: SnapshotMeta): Promise<void> {
    const { log, logger, deliver } = this.#context;
    const { from } = message;
    logger.info('fetching a snapshot', { from, index: meta.index });
    try {
      await log.stageSnapshot(meta, this.#chunks(message, meta));
      logger.info('fetched a snapshot', { from, index: meta.index });
    } catch (error) {
      logger.warn('a snapshot could not be fetched', { from, index: meta.index, error: errorMessage(error) });
      return;
    }
    if (!this.#abort.signal.aborted) deliver(message);
  }

  async *#chunks(message: Message, meta: SnapshotMeta): AsyncGenerator<Uint8Array> {
    const { signal } = this.#abort;
    for await (const chunk of this.#context.transport.fetchSnapshot(message.from, meta, signal)) {
      signal.throwIfAborted();
      this.#idleTicks = 0;
      yield chunk;
    }
    signal.throwIfAborted();
  }
}
