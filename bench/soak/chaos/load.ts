/** `load.ts FOLDER TOOL AGENTS`: asks agents without end, each its next number when the last is acknowledged. A line each second; ends when told so. */
import { createInterface } from 'node:readline';
import { connectApi } from '../../../src/api/index.ts';
import { nullLogger, systemClock } from '../../../src/core/index.ts';
import { ClusterFolder } from '../../../src/node/index.ts';
import { nullTelemetry } from '../../../src/telemetry/index.ts';
import { sleep } from '../../resources.ts';

/** Longest that one try may take, ms. */
const ASK_MS = 15_000;
/**
 * Least time between two numbers for one agent, ms. It remembers its last 64 replies (`REPLIES_MAX`), and a try that a node got before it was
 * stopped comes up to `ASK_MS` and a fault later: it is to find its reply.
 */
const PACE_MS = 500;
/** How often progress is told, ms. */
const TELL_MS = 1_000;
/** Pause after a failed try, ms. */
const RETRY_MS = 100;
/** Time for what is open when the load ends, and for reading each agent, ms. */
const END_MS = 120_000;

/** What the load has to say. */
export interface LoadReport {
  readonly acknowledged: number;
  /** Longest time without an acknowledgement, of any agent, ms. */
  readonly silenceMs: number;
  /** Turns that were not acknowledged in the end. */
  readonly unknown: number;
  /** Only at the end: what each agent says of itself, against what was acknowledged to it. */
  readonly agents?: readonly { readonly acknowledged: number; readonly told: unknown }[];
  readonly error?: string;
}

const [path = '', tool = '', agents = '0'] = process.argv.slice(2);
const folder = new ClusterFolder(path);
const client = connectApi({
  addresses: () => folder.cards().map((card) => card.addresses.api),
  clock: systemClock,
  logger: nullLogger,
  tracer: nullTelemetry.tracer,
});
let ending = false;
let acknowledged = 0;
let unknown = 0;
let silenceMs = 0;
let lastAt = performance.now();
let error: string | undefined;

function heard(): void {
  const now = performance.now();
  silenceMs = Math.max(silenceMs, now - lastAt);
  lastAt = now;
}

/** Asks until there is an answer, and the same again after a failure: so each request takes effect once. */
async function insist<T>(work: () => Promise<T>, untilMs: () => number): Promise<T | undefined> {
  for (;;) {
    try {
      return await work();
    } catch (thrown) {
      error = String(thrown);
      if (performance.now() > untilMs()) return undefined;
      await sleep(RETRY_MS);
    }
  }
}

let endAt = Number.POSITIVE_INFINITY;
const work = Array.from({ length: Number(agents) }, async (_, i) => {
  const address = { kind: 'clerk', key: `c${i}` };
  let last = -1;
  while (!ending) {
    const n = last + 1;
    const paced = sleep(PACE_MS);
    const options = { requestId: `${address.key}-${n}`, timeoutMs: ASK_MS };
    const done = await insist(
      () => client.ask(address, 'take', { n, tool }, options),
      () => endAt,
    );
    if (done === undefined) {
      unknown++;
      break;
    }
    heard();
    acknowledged++;
    last = n;
    await paced;
  }
  const told = await insist(
    () => client.ask(address, 'read', null, { timeoutMs: ASK_MS }),
    () => endAt,
  );
  return { acknowledged: last, told };
});

const tell = (more: Partial<LoadReport> = {}): void => {
  const report: LoadReport = { acknowledged, silenceMs: Math.round(silenceMs), unknown, ...more };
  process.stdout.write(`${JSON.stringify(error === undefined ? report : { ...report, error })}\n`);
  error = undefined;
};
const telling = setInterval(() => tell(), TELL_MS);
createInterface({ input: process.stdin }).on('line', async () => {
  ending = true;
  endAt = performance.now() + END_MS;
  const all = await Promise.all(work);
  clearInterval(telling);
  tell({ agents: all });
  await client.close();
  process.exit(0);
});
