import { Report } from '../report.ts';
import type { BenchOptions, Suite } from '../suite.ts';
import { FIGURES } from './figures.ts';
import { lanes } from './lanes.ts';
import { loads, type Slice } from './loads.ts';

const FULL: Slice = { warmUpMs: 1_000, durationMs: 1_000 };
const QUICK: Slice = { warmUpMs: 200, durationMs: 200 };

/** What `--only` may name; each part makes its own rounds. */
const PARTS: Readonly<Record<string, (options: BenchOptions, slice: Slice, report: Report) => Promise<void>>> = {
  loads,
  lanes,
};

/** Messages between two processes on loopback, against Erlang's distribution and a bare gRPC stream. */
export const remoteSuite: Suite = {
  name: 'remote',
  parts: Object.keys(PARTS),
  rounds: 5,
  async run(options) {
    const report = new Report('remote', FIGURES);
    for (const [name, part] of Object.entries(PARTS)) {
      if (options.only.size === 0 || options.only.has(name)) await part(options, options.quick ? QUICK : FULL, report);
    }
    return report;
  },
};
