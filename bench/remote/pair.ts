import type { Load } from './drive.ts';

/** Two processes of one kind on loopback, one of which sends to the other. */
export interface Pair extends AsyncDisposable {
  /**
   * @returns messages that arrived, or questions that were answered, a second
   * @throws Error when fewer arrived than were sent
   */
  perSecond(load: Load, durationMs: number): Promise<number>;
}
