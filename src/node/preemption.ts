import {
  type DrainOptions,
  NoticeBoard,
  type PreemptionSource,
  type SourceWatch,
  type Wish,
} from '../cluster/index.ts';
import { type Clock, delay, errorMessage, isTroupeError, type Logger, type TroupeError } from '../core/index.ts';

/** Pause before the ledger is told again what it couldn't be told, ms. */
const MARK_RETRY_MS = 1_000;

/** Whether one source of notices answers. */
export interface SourceHealth {
  readonly source: string;
  /** Why it doesn't; absent when it does, or hasn't been asked yet. */
  readonly trouble?: string;
}

/** Takes no new work, or does again. What is expected keeps a word that comes late from undoing a drain. */
export type CordonMark =
  | { readonly state: 'cordoned'; readonly expect: 'up'; readonly reason: string }
  | { readonly state: 'up'; readonly expect: 'cordoned' };

/** What watching for preemption takes. */
export interface PreemptionParts {
  readonly sources: readonly PreemptionSource[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Gives the command `node.mark` for the present life. @throws TroupeError CONFLICT, NODE_FENCED, and what passes */
  readonly mark: (mark: CordonMark) => Promise<unknown>;
  /** Begins to drain, or hurries a drain that runs. */
  readonly drain: (options: DrainOptions) => void;
  /** Nothing asks for the drain any more. Once the ledger knows that the node stays, `rejoined` is called. */
  readonly takeBack: () => void;
  /** The health of some source has changed. */
  readonly onHealth?: (health: readonly SourceHealth[]) => void;
}

/**
 * Hears a node's sources, and does what their notices ask together: cordons it while an advisory one stands, drains it while a
 * final one does, by the earliest time that is said.
 */
export class Preemption {
  readonly #parts: PreemptionParts;
  readonly #board: NoticeBoard = new NoticeBoard();
  readonly #watches: SourceWatch[] = [];
  readonly #trouble: Map<string, TroupeError> = new Map();
  readonly #stopped: AbortController = new AbortController();
  #wish: Wish = { state: 'up' };
  /** What the ledger has been told of the present life, and which that is. */
  #told: Wish['state'] = 'up';
  #life = 0;
  #telling = false;

  constructor(parts: PreemptionParts) {
    this.#parts = parts;
  }

  /** Begins to listen. */
  start(): void {
    for (const source of this.#parts.sources) {
      const watch = source.start({
        standing: (notices) => this.#heard(source.name, notices),
        trouble: (error) => this.#health(source.name, error),
      });
      this.#watches.push(watch);
    }
  }

  stop(): void {
    this.#stopped.abort();
    for (const watch of this.#watches) watch.stop();
  }

  /** How the sources are. */
  get health(): readonly SourceHealth[] {
    return this.#parts.sources.map(({ name: source }) => {
      const trouble = this.#trouble.get(source);
      return trouble === undefined ? { source } : { source, trouble: `${trouble.code}: ${trouble.message}` };
    });
  }

  /** A new life has begun, or a drain was taken back: the ledger has the node as up, whatever it was told before. */
  rejoined(): void {
    this.#told = 'up';
    this.#life++;
    void this.#tell();
  }

  /** The node is empty: whoever waits for that hears it. */
  async drained(): Promise<void> {
    await Promise.all(
      this.#watches.map((watch) =>
        watch.drained().catch((error) => this.#parts.logger.warn('not acknowledged', { error: errorMessage(error) })),
      ),
    );
  }

  #heard(source: string, notices: Parameters<NoticeBoard['tell']>[1]): void {
    const { clock, logger, drain, takeBack } = this.#parts;
    const now = clock.monotonic();
    const { fresh, cancelled, wish } = this.#board.tell(source, notices, now);
    for (const notice of fresh) logger.warn('notice of preemption', { source, ...notice });
    for (const notice of cancelled) logger.info('notice cancelled', { source, ...notice });
    const before = this.#wish;
    this.#wish = wish;
    const draining = before.state === 'draining';
    if (wish.state === 'draining') {
      const sooner = !draining || wish.byMs < before.byMs;
      if (sooner) drain({ reason: wish.reason, deadlineMs: Math.max(0, wish.byMs - now) });
    } else if (draining) takeBack();
    else void this.#tell();
  }

  /** Tells the ledger until it has been told what is wished now. A drain says itself what it does. */
  async #tell(): Promise<void> {
    const { mark, clock, logger } = this.#parts;
    if (this.#telling) return;
    this.#telling = true;
    while (!this.#stopped.signal.aborted && this.#wish.state !== 'draining' && this.#wish.state !== this.#told) {
      const [wish, life] = [this.#wish, this.#life];
      let told = true;
      try {
        await mark(wish.state === 'up' ? { state: 'up', expect: 'cordoned' } : { ...wish, expect: 'up' });
        logger.info(wish.state === 'up' ? 'no longer cordoned' : 'cordoned');
      } catch (error) {
        logger.warn('not marked', { state: wish.state, error: errorMessage(error) });
        // The ledger has the node in another state, by another's word: that stands.
        told = isTroupeError(error, 'CONFLICT') || isTroupeError(error, 'NODE_FENCED');
        if (!told) await delay(clock, MARK_RETRY_MS, this.#stopped.signal);
      }
      if (told && life === this.#life) this.#told = wish.state;
    }
    this.#telling = false;
  }

  #health(source: string, error: TroupeError | undefined): void {
    const before = this.#trouble.get(source);
    if (error === undefined) this.#trouble.delete(source);
    else this.#trouble.set(source, error);
    if (before?.code === error?.code) return;
    const { logger, onHealth } = this.#parts;
    if (error === undefined) logger.info('source of notices answers again', { source });
    else logger.warn('source of notices in trouble', { source, error: error.toString() });
    onHealth?.(this.health);
  }
}
