import type { Clock } from '../core/index.ts';
import type { Interrupts } from './interrupts.ts';
import type { Terminal } from './terminal.ts';

/** What every command works with. */
export interface CliContext {
  readonly terminal: Terminal;
  readonly interrupts: Interrupts;
  readonly clock: Clock;
  /** Ends the command with this code instead of 0. */
  exitWith(code: number): void;
  /** Does `work` before the process leaves at once, after a second signal. It can't wait for anything. */
  onStopNow(work: () => void): void;
}
