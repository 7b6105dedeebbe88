import { type FormationStep, type Founding, formationStep, hear, type Standing } from '../../coordinator/index.ts';
import { type Clock, delay, errorMessage, type Logger, type NodeId } from '../../core/index.ts';

/** Pause before a voter that isn't there yet is asked again, ms. */
const ASK_MS = 100;
/** How often a person is told whom a new cluster waits for, ms. */
const TELL_MS = 5_000;

/** Of whom, and what; the first is the speaker's own. */
export type Words = readonly (readonly [NodeId, Standing])[];

/** What founding needs of the node. */
export interface FoundingParts {
  readonly self: NodeId;
  /** Configured voters, this one included. */
  readonly founders: readonly NodeId[];
  /** What this node's disk says; undefined as soon as it is decided what becomes of it. */
  readonly own: () => Founding | undefined;
  /** What this node says of itself. */
  readonly standing: () => Standing;
  /** Makes a step true, durably; rejects when the node is to stop. */
  readonly take: (step: Exclude<FormationStep, { readonly do: 'wait' }>) => Promise<void>;
  /** Runs work that changes who this node is, after other such work. */
  readonly alone: (work: () => Promise<void>) => Promise<void>;
  /** Tells a peer these words, and brings back its own. */
  readonly ask: (peer: NodeId, words: Words) => Promise<Words>;
  readonly failed: (error: unknown) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly closing: AbortSignal;
}

/** Talks with the other configured voters until the cluster has formed, with this node or without it. */
export class FoundingTalk {
  readonly #parts: FoundingParts;
  /** What the others said of themselves last. */
  readonly #heard: Map<NodeId, Standing> = new Map();
  /** Fires when there is something new to tell. */
  #news: AbortController = new AbortController();

  constructor(parts: FoundingParts) {
    this.#parts = parts;
  }

  /** Asks everybody, again and again, until it is decided. */
  begin(): void {
    const { founders, clock, logger, closing } = this.#parts;
    logger.info('a new cluster forms', { founders });
    const timer = clock.repeat(TELL_MS, () => {
      const step = this.#step();
      if (step === undefined) timer.cancel();
      else if (step.do === 'wait') logger.warn('the cluster waits for its other voters', { missing: step.missing });
    });
    closing.addEventListener('abort', () => {
      timer.cancel();
      this.#news.abort();
    });
    void this.#advance();
    for (const peer of this.#others()) void this.#askOn(peer);
  }

  /** Hears what a peer says. @returns what there is to say to it then */
  async answer(from: NodeId, words: Words): Promise<Words> {
    if (this.#step() !== undefined) await this.#hear(from, words);
    return this.words();
  }

  /** What this node knows, passed on, so that nobody waits for a connection that comes up late. */
  words(): Words {
    const { self, standing } = this.#parts;
    const passedOn = [...this.#heard].filter(([, { state }]) => state === 'unformed' || state === 'pledged');
    return [[self, standing()], ...passedOn];
  }

  /** Waits until everybody else has heard that the cluster is formed, which makes them form, or can't be reached. */
  async tellAll(): Promise<void> {
    await Promise.allSettled(this.#others().map((peer) => this.#parts.ask(peer, this.words())));
  }

  #others(): readonly NodeId[] {
    return this.#parts.founders.filter((peer) => peer !== this.#parts.self);
  }

  #step(): FormationStep | undefined {
    const own = this.#parts.own();
    return own && formationStep(own, this.#parts.founders, this.#heard);
  }

  /** Goes as far as what is known allows. */
  async #advance(): Promise<void> {
    const { take, alone, failed, closing } = this.#parts;
    try {
      await alone(async () => {
        for (let step = this.#step(); step !== undefined && step.do !== 'wait'; step = this.#step()) {
          await take(step);
          this.#news.abort();
          this.#news = new AbortController();
        }
      });
    } catch (error) {
      if (!closing.aborted) failed(error);
    }
  }

  async #askOn(peer: NodeId): Promise<void> {
    const { ask, clock, logger, closing } = this.#parts;
    while (this.#step() !== undefined && !closing.aborted) {
      const { signal } = this.#news;
      try {
        await this.#hear(peer, await ask(peer, this.words()));
      } catch (error) {
        logger.debug('a voter does not answer yet', { peer, error: errorMessage(error) });
      }
      await delay(clock, ASK_MS, signal);
    }
  }

  async #hear(from: NodeId, words: Words): Promise<void> {
    for (const [of, standing] of words) {
      if (of !== this.#parts.self) hear(this.#heard, of, standing, of === from);
    }
    await this.#advance();
  }
}
