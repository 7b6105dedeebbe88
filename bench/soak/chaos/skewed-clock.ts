/**
 * Loaded before a node by `--import`, in each of its threads: wall-clock time is off by the milliseconds that the file of `CHAOS_CLOCK` holds.
 * Monotonic time is left alone, as machines' clocks do when they are set.
 */
import { readFileSync } from 'node:fs';

/** How often the file is read, ms. */
const LOOK_MS = 200;

const file = process.env.CHAOS_CLOCK;
if (file !== undefined) {
  const now = Date.now.bind(Date);
  let offMs = 0;
  const look = (): void => {
    try {
      offMs = Number(readFileSync(file, 'utf8')) || 0;
    } catch {
      // Nobody has set it yet.
    }
  };
  look();
  setInterval(look, LOOK_MS).unref();
  Date.now = () => now() + offMs;
}
