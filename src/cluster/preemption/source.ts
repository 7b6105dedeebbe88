import type { TroupeError } from '../../core/index.ts';

/** What a cloud says before it takes a machine. */
export interface Notice {
  /** The cloud's own name of the event, or a hash of what it said: the same notice told twice acts once. */
  readonly id: string;
  /** `advisory` cordons the node while it stands; `final` drains it. */
  readonly kind: 'advisory' | 'final';
  readonly reason: string;
  /** Time from now until the machine is gone, ms; a final notice without it leaves none. */
  readonly leftMs?: number;
}

/** Who hears a source. */
export interface SourceListener {
  /** All that the source says at this moment. What it said before and says no more was cancelled. */
  standing(notices: readonly Notice[]): void;
  /** What keeps the source from answering; undefined when it answers. A matter of health, never a notice. */
  trouble(error: TroupeError | undefined): void;
}

/** A source while it is watched. */
export interface SourceWatch {
  stop(): void;
  /** The node is empty: tells the cloud, where it wants to hear that. @throws TroupeError when it can't be told */
  drained(): Promise<void>;
}

/** Where notices come from. */
export interface PreemptionSource {
  readonly name: string;
  start(listener: SourceListener): SourceWatch;
}
