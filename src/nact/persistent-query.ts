import { type Clock, errorMessage, type Logger, type Timer, TroupeError } from '../core/index.ts';
import { type Coding, type PersistenceEngine, replayed, requireKey, snapshotPeriod } from './persistence.ts';

/** How a persistent query is kept. */
export interface PersistentQueryProps<State, Msg> extends Coding<State, Msg> {
  /** Where its own snapshots are kept; none are taken without it. */
  readonly snapshotKey?: string;
  readonly snapshotEvery?: number;
  /** Forgets what it knows when nobody has asked for so long, ms. Default: it keeps it. */
  readonly cacheDuration?: number;
  readonly initialState?: State;
}

/** Makes a state from the events of a persistent actor, without being that actor. */
export class PersistentQuery<State, Msg> {
  readonly #engine: PersistenceEngine;
  readonly #apply: (state: State, message: Msg) => State | Promise<State>;
  readonly #key: string;
  readonly #props: PersistentQueryProps<State, Msg>;
  readonly #snapshotEvery: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #known: { state: State; sequenceNumber: number; fresh: number } | undefined;
  #asking: Promise<State> | undefined;
  #forget: Timer | undefined;

  /** @throws TroupeError INVALID_ARGUMENT */
  constructor(
    engine: PersistenceEngine,
    apply: (state: State, message: Msg) => State | Promise<State>,
    key: string,
    props: PersistentQueryProps<State, Msg>,
    clock: Clock,
    logger: Logger,
  ) {
    requireKey(key);
    this.#snapshotEvery = snapshotPeriod(props.snapshotEvery);
    if (props.snapshotEvery && !props.snapshotKey) {
      throw new TroupeError('INVALID_ARGUMENT', 'snapshots of a query take a snapshotKey');
    }
    this.#engine = engine;
    this.#apply = apply;
    this.#key = key;
    this.#props = props;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** The state as of now; who asks while it is being made gets that one. @throws what the engine or the function throws */
  ask(): Promise<State> {
    this.#forget?.cancel();
    this.#asking ??= this.#make().finally(() => {
      this.#asking = undefined;
      const { cacheDuration } = this.#props;
      if (!cacheDuration) return;
      this.#forget?.cancel();
      this.#forget = this.#clock.schedule(cacheDuration, () => {
        this.#known = undefined;
      });
    });
    return this.#asking;
  }

  async #make(): Promise<State> {
    const { decoder = (data) => data as Msg } = this.#props;
    const from = this.#known ?? (await this.#fromSnapshot());
    this.#known = undefined;
    const events = this.#engine.events(this.#key, from.sequenceNumber);
    const { count, ...now } = await replayed(events, from, decoder, this.#apply);
    const fresh = from.fresh + count;
    const due = fresh >= this.#snapshotEvery;
    this.#known = { ...now, fresh: due ? 0 : fresh };
    if (due) void this.#takeSnapshot(now);
    return now.state;
  }

  async #fromSnapshot(): Promise<{ state: State; sequenceNumber: number; fresh: number }> {
    const { snapshotKey, snapshotDecoder = (data) => data as State, initialState } = this.#props;
    const snapshot = snapshotKey === undefined ? undefined : await this.#engine.latestSnapshot(snapshotKey);
    if (!snapshot) return { state: initialState as State, sequenceNumber: 0, fresh: 0 };
    return { state: snapshotDecoder(snapshot.data), sequenceNumber: snapshot.sequenceNumber, fresh: 0 };
  }

  async #takeSnapshot({ state, sequenceNumber }: { state: State; sequenceNumber: number }): Promise<void> {
    const { snapshotKey = '', snapshotEncoder = (data) => data } = this.#props;
    try {
      const data = snapshotEncoder(state);
      await this.#engine.takeSnapshot({ key: snapshotKey, sequenceNumber, data, createdAt: this.#clock.now() });
    } catch (error) {
      this.#logger.warn('nact: no snapshot', { key: snapshotKey, error: errorMessage(error) });
    }
  }
}
