import type { Logger } from '../../core/index.ts';

/** What a cloud says before it takes a machine. */
export interface Notice {
  /** The same notice told twice acts once. */
  readonly id: string;
  /** `advisory` cordons the node; `final` drains it. */
  readonly kind: 'advisory' | 'final';
  readonly reason: string;
  /** Time left from now until the machine is gone, ms. */
  readonly leftMs: number;
}

/** Where notices come from. One that can't be reached is a health matter, never a notice. */
export interface PreemptionSource {
  readonly name: string;
  /** Starts watching; returns a function that stops it. */
  start(listener: (notice: Notice) => void, logger: Logger): () => void;
}
