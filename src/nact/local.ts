import { type LogFields, type Logger, systemClock, systemRandom } from '../core/index.ts';
import type { NactHost } from './home.ts';

/** Writes what a person should see to standard error: nact does so too. */
function consoleLogger(fields: LogFields): Logger {
  const write = (message: string, more?: LogFields): void => console.error(message, { ...fields, ...more });
  return {
    debug() {},
    info: write,
    warn: write,
    error: write,
    child: (more) => consoleLogger({ ...fields, ...more }),
  };
}

/** This process alone, with its clock and its console. */
export const localHost: NactHost = { clock: systemClock, random: systemRandom, logger: consoleLogger({}) };
