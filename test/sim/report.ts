import type { SimWorld } from './mutations/index.ts';
import type { SimResult } from './simulation.ts';
import { Tally } from './tally.ts';

const HOUR_MS = 3_600_000;

/** Adds up what many seeds came to. */
export class Report {
  readonly #tally = new Tally();
  #seeds = 0;
  #operations = 0;
  #events = 0;
  #simulatedMs = 0;
  #wallMs = 0;
  #processorMs = 0;

  /** Runs a seed and takes its result in. */
  async measure(run: () => Promise<SimResult>): Promise<SimResult> {
    const began = performance.now();
    const processor = process.cpuUsage();
    const result = await run();
    this.#wallMs += performance.now() - began;
    const { user, system } = process.cpuUsage(processor);
    this.#processorMs += (user + system) / 1000;
    this.#seeds++;
    this.#operations += result.operations;
    this.#events += result.events;
    this.#simulatedMs += result.simulatedMs;
    this.#tally.add(result.counts);
    return result;
  }

  /** How many seeds have run. */
  get seeds(): number {
    return this.#seeds;
  }

  /** Wall time that they took, ms. */
  get wallMs(): number {
    return this.#wallMs;
  }

  /** How often each thing happened, in all seeds together. */
  get counts(): Readonly<Record<string, number>> {
    return this.#tally.counts;
  }

  /** For people: what was simulated, how fast, and how much went wrong on purpose. */
  get text(): string {
    const { counts } = this;
    const width = Math.max(0, ...Object.keys(counts).map((name) => name.length));
    return [
      `${this.#seeds} seeds, ${(this.#simulatedMs / HOUR_MS).toFixed(2)} simulated hours in ${(this.#wallMs / 1000).toFixed(1)} s: ` +
        `${Math.round(this.#simulatedMs / this.#wallMs)} times faster than real time ` +
        `(${Math.round(this.#simulatedMs / this.#processorMs)} by processor time); ` +
        `${this.#events} events, ${this.#operations} operations checked`,
      ...Object.entries(counts).map(([name, times]) => `  ${name.padEnd(width)} ${String(times).padStart(9)}`),
    ].join('\n');
  }
}

/** What a failed seed says, with the command that runs it again. */
export function replay(
  result: SimResult,
  {
    world,
    voters,
    mutation,
  }: { readonly world?: SimWorld; readonly voters?: number | undefined; readonly mutation?: string | undefined } = {},
): string {
  const flags = [
    ...(world === undefined || world === 'coordinator' ? [] : [`--world ${world}`]),
    `--seeds 1 --start ${result.seed}`,
    ...(voters === undefined ? [] : [`--voters ${voters}`]),
    ...(mutation === undefined ? [] : [`--mutation ${mutation}`]),
  ];
  return [
    ...result.tail,
    `seed ${result.seed} failed after ${(result.simulatedMs / 1000).toFixed(1)} simulated seconds: ${result.reason}`,
    `replay it: npm run sim -- ${flags.join(' ')}`,
  ].join('\n');
}
