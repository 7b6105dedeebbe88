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
  readonly everyEntries: number;
  readonly everyBytes: number;
  readonly keepEntries: number;
}

/** Takes snapshots as the log grows, one at a time, and so keeps it short. */
export class Snapshots {
  readonly #context: SnapshotsContext;
  /** Applied when one was last taken, tried or installed, and bytes applied since. */
  #index: number;
  #bytes = 0;
  #saving: Promise<void> | undefined;

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
    await log.saveSnapshot(meta, stateMachine.snapshot(), keepEntries);
    logger.debug('took a snapshot', { index, term });
  }
}
