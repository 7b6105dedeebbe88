import type { Notice, PreemptionSource, SourceListener } from './source.ts';

/** Notices from the program itself, for those who embed a node, and for tests. */
export class ManualSource implements PreemptionSource {
  readonly name = 'manual';
  #listener: SourceListener | undefined;
  #standing: readonly Notice[] = [];

  start(listener: SourceListener): ReturnType<PreemptionSource['start']> {
    this.#listener = listener;
    listener.standing(this.#standing);
    return {
      stop: () => {
        this.#listener = undefined;
      },
      drained: async () => undefined,
    };
  }

  /** Says all that stands from now on; what stood before and isn't among it is cancelled. */
  say(...notices: readonly Notice[]): void {
    this.#standing = notices;
    this.#listener?.standing(notices);
  }
}
