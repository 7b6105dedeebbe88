/** The part of a process that tells it to stop. */
export interface SignalSource {
  on(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP', listener: () => void): unknown;
  off(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP', listener: () => void): unknown;
}

/** What a signal ends the process with: 128 and its number. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Turns signals into an orderly stop, and a second one into an immediate one. */
export class Interrupts {
  readonly #controller = new AbortController();
  readonly #source: SignalSource;
  readonly #listeners: [keyof typeof EXIT_CODES, () => void][] = [];
  #exitCode: number | undefined;

  /**
   * @param stopNow leaves at once, with this exit code; called at the second signal
   * @param say tells a person what is going on
   */
  constructor(source: SignalSource, stopNow: (exitCode: number) => void, say: (text: string) => void) {
    this.#source = source;
    for (const signal of Object.keys(EXIT_CODES) as (keyof typeof EXIT_CODES)[]) {
      const listener = (): void => {
        const code = EXIT_CODES[signal];
        if (this.#exitCode === undefined) {
          say(signal === 'SIGINT' ? 'stopping; Ctrl-C again stops at once' : 'stopping');
          this.stop(code);
        } else stopNow(code);
      };
      source.on(signal, listener);
      this.#listeners.push([signal, listener]);
    }
  }

  /** Fires when the program should stop. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What the program should end with; undefined when nobody stopped it. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** Stops the program in order, as if a signal had come. */
  stop(exitCode: number): void {
    this.#exitCode ??= exitCode;
    this.#controller.abort();
  }

  /** Gives the signals back. */
  close(): void {
    for (const [signal, listener] of this.#listeners) this.#source.off(signal, listener);
  }
}
