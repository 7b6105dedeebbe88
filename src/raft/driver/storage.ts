import { invariant, type Logger } from '../../core/index.ts';
import type { AppendWork, SnapshotMeta } from '../consensus/index.ts';
import type { RaftLog } from '../log/index.ts';
import type { StateMachine } from './port.ts';

/** What storing needs of the member. */
export interface StorageContext {
  readonly log: RaftLog;
  readonly stateMachine: StateMachine;
  readonly logger: Logger;
  /** Settles when no snapshot of this member's own is being taken. */
  idle(): Promise<void>;
  /** The state machine is at this snapshot now. */
  installed(meta: SnapshotMeta): void;
  /** This work is durable: its replies may go. */
  durable(work: AppendWork): void;
  failed(error: unknown): void;
}

/**
 * Makes work durable, in order. The log joins the writes of one sync by itself, so appends only follow each other; around a
 * snapshot that is being installed everything waits its turn.
 */
export class Storage {
  readonly #context: StorageContext;
  #installing: Promise<void> | undefined;

  constructor(context: StorageContext) {
    this.#context = context;
  }

  /** The end of the installation under way, if there is one. */
  get installing(): Promise<void> | undefined {
    return this.#installing;
  }

  /**
   * Tells `durable` when this work is, and all before it.
   *
   * @param atOnce whether nothing that was sent in this turn should leave first
   */
  persist(work: AppendWork, atOnce: boolean): void {
    const { log, durable, failed } = this.#context;
    if (work.snapshot === undefined && this.#installing === undefined) {
      log.append(work.hardState, work.entries, atOnce).then(() => durable(work), failed);
      return;
    }
    const done = (this.#installing ?? Promise.resolve()).then(() => this.#install(work));
    this.#installing = done;
    done.then(() => {
      if (this.#installing === done) this.#installing = undefined;
      durable(work);
    }, failed);
  }

  async #install({ hardState, entries, snapshot }: AppendWork): Promise<void> {
    const { log, stateMachine, logger, idle, installed } = this.#context;
    if (snapshot === undefined) return log.append(hardState, entries);
    await log.append(hardState, []);
    await idle();
    await log.installSnapshot(snapshot);
    await stateMachine.restore(snapshot, log.readSnapshot(snapshot.index));
    invariant(stateMachine.appliedIndex === snapshot.index, 'a restored state machine is at its snapshot');
    logger.info('installed a snapshot', { index: snapshot.index, term: snapshot.term });
    installed(snapshot);
    await log.append(undefined, entries);
  }
}
