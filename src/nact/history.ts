import { errorMessage, type Logger } from '../core/index.ts';
import { type Coding, type PersistenceEngine, replayed, requireKey, snapshotPeriod } from './persistence.ts';

/** What a persistent actor's context has besides. */
export interface Persist<Msg> {
  /** Keeps a message: it is replayed when the actor starts again. Await it before you change the state. */
  readonly persist: (message: Msg, tags?: readonly string[]) => Promise<void>;
}

/** What a persistent actor has been through: its events at an engine, and how its state is made from them. */
export class History<State, Msg> {
  readonly extras: Persist<Msg>;
  readonly #engine: PersistenceEngine;
  readonly #key: string;
  readonly #coding: Coding<State, Msg>;
  readonly #snapshotEvery: number;
  readonly #now: () => number;
  readonly #logger: Logger;
  #sequenceNumber = 0;
  /** Events since the last snapshot. */
  #fresh = 0;

  /** @throws TroupeError INVALID_ARGUMENT */
  constructor(
    engine: PersistenceEngine,
    key: string,
    coding: Coding<State, Msg> & { readonly snapshotEvery?: number },
    now: () => number,
    logger: Logger,
  ) {
    requireKey(key);
    this.#engine = engine;
    this.#key = key;
    this.#coding = coding;
    this.#snapshotEvery = snapshotPeriod(coding.snapshotEvery);
    this.#now = now;
    this.#logger = logger;
    this.extras = { persist: (message, tags) => this.#persist(message, tags) };
  }

  /**
   * The state that all events make, from the latest snapshot on.
   *
   * @throws what the engine or `replay` throws
   */
  async recover(state: State, replay: (state: State, message: Msg) => Promise<State>): Promise<State> {
    const snapshot = await this.#engine.latestSnapshot(this.#key);
    const { snapshotDecoder = same, decoder = same } = this.#coding;
    const from = snapshot
      ? { state: snapshotDecoder(snapshot.data) as State, sequenceNumber: snapshot.sequenceNumber }
      : { state, sequenceNumber: 0 };
    const events = this.#engine.events(this.#key, from.sequenceNumber);
    const now = await replayed(events, from, decoder as (data: unknown) => Msg, replay);
    this.#sequenceNumber = now.sequenceNumber;
    this.#fresh = now.count;
    this.after(now.state);
    return now.state;
  }

  /** A message was handled: takes a snapshot of the state when it is time. */
  after(state: State): void {
    if (this.#fresh < this.#snapshotEvery) return;
    this.#fresh = 0;
    const { snapshotEncoder = same } = this.#coding;
    const failed = (error: unknown): void =>
      this.#logger.warn('nact: no snapshot', { key: this.#key, error: errorMessage(error) });
    try {
      const snapshot = { key: this.#key, sequenceNumber: this.#sequenceNumber, createdAt: this.#now() };
      this.#engine.takeSnapshot({ ...snapshot, data: snapshotEncoder(state) }).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  async #persist(message: Msg, tags: readonly string[] = []): Promise<void> {
    const { encoder = same } = this.#coding;
    const sequenceNumber = this.#sequenceNumber + 1;
    await this.#engine.persist({
      key: this.#key,
      sequenceNumber,
      data: encoder(message),
      tags: tags.toSorted(),
      createdAt: this.#now(),
      isDeleted: false,
    });
    this.#sequenceNumber = sequenceNumber;
    this.#fresh++;
  }
}

function same<T>(value: unknown): T {
  return value as T;
}
