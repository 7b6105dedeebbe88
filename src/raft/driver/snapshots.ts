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
 * The log reaches back to the snapshot before so many others at most, however far behind a member is: with the defaults 640,000 entries
 * or about 512 MiB.
 */
const REACH_SNAPSHOTS_MAX = 64;

/**
 * Takes snapshots as the log grows, one at a time, and so keeps it short. It is cut behind what members that live still need: else
 * one that takes longer to fetch a snapshot than the log takes to grow past it would have to start over for ever.
 */
export class Snapshots {
  readonly #context: SnapshotsContext;
  /** Applied when one was last taken, tried or installed, and bytes applied since. */
  #index: number;
  #bytes = 0;
  #saving: Promise<void> | undefined;
  /** Where the last snapshots were taken. */
  readonly #taken: number[] = [];

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
    const { everyEntries, everyBytes, logger } = this.#context;
    this.#bytes += bytes;
    if (index - this.#index < everyEntries && this.#bytes < everyBytes) return;
    if (this.#saving !== undefined) return;
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
    this.installed(index);
    if (index <= (log.snapshot()?.index ?? 0)) return;
    await log.saveSnapshot(meta, stateMachine.snapshot(), Math.max(keepEntries, index - this.#reach(index)));
    logger.debug('took a snapshot', { index, term });
  }

  /** How far back the log is to reach. */
  #reach(index: number): number {
    if (this.#taken.push(index) > REACH_SNAPSHOTS_MAX) this.#taken.shift();
    return Math.max(this.#taken[0] as number, this.#context.neededAfter() ?? index);
  }
}
