import { type Clock, errorMessage, type Logger, type NodeId, type NodeRef, type Timer } from '../core/index.ts';

/** What keep-alives are made of. */
export interface KeepAliveParts {
  /** Every voter hears them, and whoever may soon be one, so that a new leader judges at once. Asked at each period. */
  readonly voters: () => readonly NodeId[];
  readonly periodMs: number;
  /** Delivers one; rejects when the voter can't be reached. */
  readonly send: (to: NodeId, life: NodeRef, timeoutMs: number) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Tells the voters that this life of the node goes on. One is under way to each voter at a time; a late one is skipped, not queued. */
export class KeepAlive {
  readonly #parts: KeepAliveParts;
  readonly #underWay: Set<NodeId> = new Set();
  readonly #timer: Timer;
  #life: NodeRef | undefined;

  constructor(parts: KeepAliveParts) {
    this.#parts = parts;
    this.#timer = parts.clock.repeat(parts.periodMs, () => this.#tick());
  }

  /** The life to speak for from now on; undefined is silent. */
  set life(life: NodeRef | undefined) {
    this.#life = life;
    this.#tick();
  }

  close(): void {
    this.#timer.cancel();
    this.#life = undefined;
  }

  #tick(): void {
    const life = this.#life;
    if (life === undefined) return;
    const { voters, send, periodMs, logger } = this.#parts;
    for (const voter of voters()) {
      if (this.#underWay.has(voter)) continue;
      this.#underWay.add(voter);
      send(voter, life, periodMs * 2)
        .catch((error) => logger.debug('keep-alive not delivered', { voter, error: errorMessage(error) }))
        .finally(() => this.#underWay.delete(voter));
    }
  }
}
