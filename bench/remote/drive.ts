import type { Wire } from './wire.ts';

/** What a sender does: messages one way, as many as it may, or so many questions at a time. */
export type Load =
  | { readonly kind: 'tell'; readonly bodyBytes: number }
  | { readonly kind: 'ask'; readonly bodyBytes: number; readonly inFlight: number };

/** What came of it. */
export interface Outcome {
  /** Messages or questions, all of which arrived or were answered within `elapsedMs`. */
  readonly count: number;
  readonly elapsedMs: number;
}

/** Messages between two looks at the clock, and at whether the way there is full. */
const BATCH = 64;

/** Makes load until the time is over, then waits until all of it has arrived. */
export async function drive(wire: Wire, load: Load, durationMs: number): Promise<Outcome> {
  const body = Buffer.alloc(load.bodyBytes, 'x');
  const start = performance.now();
  const until = start + durationMs;
  const count = load.kind === 'tell' ? await tell(wire, body, until) : await ask(wire, body, until, load.inFlight);
  return { count, elapsedMs: performance.now() - start };
}

async function tell(wire: Wire, body: Uint8Array, until: number): Promise<number> {
  let count = 0;
  while (performance.now() < until) {
    for (let n = 1; n < BATCH; n++) wire.tell(body);
    await wire.offer(body);
    count += BATCH;
  }
  // It stands behind all of them.
  await wire.ask(body);
  return count;
}

async function ask(wire: Wire, body: Uint8Array, until: number, inFlight: number): Promise<number> {
  let count = 0;
  const loop = async (): Promise<void> => {
    while (performance.now() < until) {
      const answer = await wire.ask(body);
      if (answer.byteLength !== body.byteLength) throw new Error(`${answer.byteLength} bytes came back`);
      count++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
  return count;
}
