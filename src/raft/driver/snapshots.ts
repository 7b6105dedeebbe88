import { errorMessage, invariant, type Logger } from '../../core/index.ts';
import type { SnapshotMeta } from '../consensus/index.ts';
import type { RaftLog } from '../log/index.ts';
import type { StateMachine } from './port.ts';

/** What taking snapshots needs of the member. */
export interface SnapshotsContext {
  readonly log: RaftLog;
  readonly stateMachine: StateMachine;
  readonly logger: Logger;
  /** What names a snapshot of the state machine as it is now: index, term, and the members as of that index. */
  meta(): SnapshotMeta;
  /** Entries up to here are needed by no member that is heard of; undefined when this one doesn't know. */
  neededAfter(): number | undefined;
  readonly everyEntries: number;
  readonly everyBytes: number;
  readonly keepEntries: number;
}

/**
 * Bytes of log for each byte of the last snapshot before the next one is taken, so that taking them costs a fixed share of what is written,
 * however large the state is. (The Raft dissertation, section 5.1.3, has a factor like this.)
 */
const GROWTH = 2;
/**
 * Most of the log, in units of `everyEntries` or `everyBytes`: a snapshot is taken then whatever its size, and the log reaches back so far
 * at most, however far behind a member is. With the defaults 640,000 entries or 512 MiB each time.
 */
const UNITS_MAX = 64;

/**
 * Takes snapshots as the log grows, one at a time, and so keeps it short. It is cut behind what members that live still need: else
 * one that takes longer to fetch a snapshot than the log takes to grow past it would have to start over for ever.
 */
export class Snapshots {
  readonly #context: SnapshotsContext;
  /** Applied when one was last taken, tried or installed, and bytes applied since. */
  #index: number;
  #bytes = 0;
  /** Size of the last one that was taken here. */
  #imageBytes = 0;
  #saving: Promise<void> | undefined;
  /** Where the last ones were taken, and by how many units the log had grown before each. */
  readonly #taken: { readonly index: number; readonly units: number }[] = [];

  constructor(context: SnapshotsContext) {
    this.#context = context;
    this.#index = context.log.snapshot()?.index ?? 0;
  }

  /** Settles when the one that is being taken is done, if there is one; never rejects. */
  async idle(): Promise<void> {
    await this.#saving?.catch(() => {});
  }

  /** The state machine was replaced by one of another member's. */
  installed(index: number): void {
    this.#index = index;
    this.#bytes = 0;
  }

  /** Entries of so many bytes were applied, up to `index`. */
  applied(index: number, bytes: number): void {
    const { everyBytes, logger } = this.#context;
    this.#bytes += bytes;
    const wanted = Math.min(UNITS_MAX, Math.max(1, (GROWTH * this.#imageBytes) / everyBytes));
    if (this.#saving !== undefined || this.#units(index) < wanted) return;
    // The log itself says when it can't go on; until then a missing snapshot only means a longer log.
    this.take().catch((error) => logger.error('no snapshot was taken', { error: errorMessage(error) }));
  }

  /** Takes one now, or joins the one that is being taken. */
  take(): Promise<void> {
    this.#saving ??= this.#save().finally(() => {
      this.#saving = undefined;
    });
    return this.#saving;
  }

  async #save(): Promise<void> {
    const { log, stateMachine, keepEntries, logger } = this.#context;
    const meta = this.#context.meta();
    const { index, term } = meta;
    invariant(index === stateMachine.appliedIndex, 'a snapshot is named after what the state machine has applied');
    const units = Math.max(1, this.#units(index));
    this.installed(index);
    if (index <= (log.snapshot()?.index ?? 0)) return;
    this.#taken.push({ index, units });
    await log.saveSnapshot(
      meta,
      this.#weighed(stateMachine.snapshot()),
      Math.max(keepEntries, index - this.#reach(index)),
    );
    logger.debug('took a snapshot', { index, term, bytes: this.#imageBytes });
  }

  /** Passes an image on and notes its size. */
  async *#weighed(chunks: ReturnType<StateMachine['snapshot']>): AsyncGenerator<Uint8Array> {
    let bytes = 0;
    for await (const chunk of chunks) {
      bytes += chunk.byteLength;
      yield chunk;
    }
    this.#imageBytes = bytes;
  }

  /** By how much the log has grown since the last one. */
  #units(index: number): number {
    const { everyEntries, everyBytes } = this.#context;
    return Math.max((index - this.#index) / everyEntries, this.#bytes / everyBytes);
  }

  /** How far back the log is to reach. */
  #reach(index: number): number {
    const taken = this.#taken;
    const span = (): number => taken.slice(1).reduce((sum, { units }) => sum + units, 0);
    while (span() > UNITS_MAX) taken.shift();
    return Math.max(taken[0]?.index ?? index, this.#context.neededAfter() ?? index);
  }
}
