import { setImmediate } from 'node:timers/promises';
import { isTroupeError, type TroupeNode } from 'troupe';
import { agentRef } from '../../src/agent/index.ts';
import { sleep } from '../resources.ts';
import { type Answer, guessOf, player } from './player.ts';

/** Asks begun in one turn of the event loop: replies are heard in between. */
const BURST = 500;
/** Asks that wait for their answers at a time; past it the next one waits. */
const OPEN_MAX = 150_000;
/** How long a player may take to answer, ms: its thinking, and another process that takes a lost one's place. */
const ANSWER_MS = 60_000;
/** Pause before a refused ask is made again, ms. */
const REFUSED_MS = 50;

/** What came of a round. */
export interface RoundResult {
  /** From the first ask to the last answer, ms. */
  readonly ms: number;
  /** Seats that have answered, each counted once. */
  readonly answers: number;
  /** Answers of seats that had been counted already. */
  readonly countedTwice: number;
  /** Answers that no seat of the round gives. */
  readonly wrong: number;
  readonly failures: number;
  readonly failure: unknown;
  /** Asks that were refused for a passing reason, and made again. */
  readonly refused: number;
  /** The most answers that were awaited at a time. */
  readonly openMax: number;
  /** Two thirds of the average. */
  readonly target: number;
}

/** Who asks: a node, as far as it is needed. */
export type Table = Pick<TroupeNode, 'host'>;

/** One round at one table: every seat is asked once for its guess. */
export class Round {
  readonly #table: Table;
  readonly #players: number;
  readonly #delayMs: number;
  readonly #firstSeat: number;
  readonly #allAsked: PromiseWithResolvers<void> = Promise.withResolvers();
  /** One bit a seat: counted. */
  readonly #counted: Uint8Array;
  #sum = 0;
  #answers = 0;
  #twice = 0;
  #wrong = 0;
  #refused = 0;
  #failures = 0;
  #failure: unknown;
  #open = 0;
  #openMax = 0;
  #answered: () => void = () => undefined;

  /**
   * @param delayMs how long each player thinks
   * @param firstSeat seats are numbered from here
   */
  constructor(table: Table, players: number, delayMs: number, firstSeat = 0) {
    this.#table = table;
    this.#players = players;
    this.#delayMs = delayMs;
    this.#firstSeat = firstSeat;
    this.#counted = new Uint8Array(Math.ceil(players / 8));
  }

  /** Seats that have answered so far. */
  get answers(): number {
    return this.#answers;
  }

  /** Resolves when every player has been asked. */
  get asked(): Promise<void> {
    return this.#allAsked.promise;
  }

  /** Plays it. */
  async play(): Promise<RoundResult> {
    const start = performance.now();
    for (let seat = 0; seat < this.#players; ) {
      for (let n = 0; n < BURST && seat < this.#players; n++) this.#ask(seat++);
      this.#openMax = Math.max(this.#openMax, this.#open);
      await setImmediate();
      await this.#until(OPEN_MAX - BURST);
    }
    this.#allAsked.resolve();
    await this.#until(0);
    return {
      ms: performance.now() - start,
      answers: this.#answers,
      countedTwice: this.#twice,
      wrong: this.#wrong,
      failures: this.#failures,
      failure: this.#failure,
      refused: this.#refused,
      openMax: this.#openMax,
      target: ((this.#sum / this.#answers) * 2) / 3,
    };
  }

  /** Resolves when so few answers are awaited. */
  #until(open: number): Promise<void> | undefined {
    if (this.#open <= open) return undefined;
    return new Promise((resolve) => {
      this.#answered = () => this.#open <= open && resolve();
    });
  }

  #ask(seat: number): void {
    this.#open++;
    this.#send(seat);
  }

  #send(seat: number): void {
    const ref = agentRef(this.#table.host, player, String(this.#firstSeat + seat));
    ref.ask('guess', { delayMs: this.#delayMs }, { timeoutMs: ANSWER_MS }).then(
      (answer) => {
        this.#count(answer as Answer);
        this.#done();
      },
      (error: unknown) => void this.#failed(seat, error),
    );
  }

  #count([number, guess]: Answer): void {
    const seat = number - this.#firstSeat;
    const [byte, bit] = [seat >> 3, 1 << (seat & 7)];
    const counted = this.#counted[byte] ?? 0;
    if (!(seat >= 0 && seat < this.#players) || guess !== guessOf(number)) this.#wrong++;
    else if ((counted & bit) !== 0) this.#twice++;
    else {
      this.#counted[byte] = counted | bit;
      this.#answers++;
      this.#sum += guess;
    }
  }

  async #failed(seat: number, error: unknown): Promise<void> {
    if (isTroupeError(error, 'OVERLOADED')) {
      this.#refused++;
      await sleep(REFUSED_MS);
      return this.#send(seat);
    }
    this.#failures++;
    this.#failure ??= error;
    this.#done();
  }

  #done(): void {
    this.#open--;
    this.#answered();
  }
}
