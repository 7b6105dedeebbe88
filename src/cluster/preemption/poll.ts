import {
  asTroupeError,
  type BackoffPolicy,
  backoffMs,
  type Clock,
  delay,
  type Random,
  type TroupeError,
} from '../../core/index.ts';
import type { Notice, PreemptionSource, SourceListener } from './source.ts';

/** Longest pause between two looks while a source doesn't answer, ms: the shortest notices are 30 s. */
export const RETRY_MS_MAX = 5_000;
/** Longest pause that a source may ask for (429 with Retry-After), ms. */
export const RETRY_AFTER_MS_MAX = 60_000;

/** Something that is asked again and again whether the machine will be taken. */
export interface Endpoint {
  readonly name: string;
  /** Pause between two looks while all is well, ms. */
  readonly everyMs: number;
  /** Longest pause while it isn't, ms. Default `RETRY_MS_MAX`. */
  readonly retryMsMax?: number;
  /** How long silence (TIMEOUT) before the first answer is no trouble yet, ms. Default 0. */
  readonly graceMs?: number;
  /** Asks once. @throws TroupeError when there is no answer, or none that makes sense */
  look(signal: AbortSignal): Promise<readonly Notice[]>;
  /** See `SourceWatch.drained`. */
  drained?(): Promise<void>;
}

/** A source that looks at an endpoint, one look at a time, and more slowly while there is trouble. */
export function pollSource(endpoint: Endpoint, clock: Clock, random: Random): PreemptionSource {
  return {
    name: endpoint.name,
    start(listener) {
      const stopped = new AbortController();
      void poll(endpoint, clock, random, listener, stopped.signal);
      return { stop: () => stopped.abort(), drained: async () => endpoint.drained?.() };
    },
  };
}

async function poll(
  endpoint: Endpoint,
  clock: Clock,
  random: Random,
  listener: SourceListener,
  stopped: AbortSignal,
): Promise<void> {
  const { everyMs, retryMsMax = RETRY_MS_MAX, graceMs = 0 } = endpoint;
  const backoff: BackoffPolicy = { minMs: everyMs, maxMs: retryMsMax, jitter: 0.2 };
  let patientUntil = clock.monotonic() + graceMs;
  for (let failures = 0; ; ) {
    let notices: readonly Notice[] | undefined;
    let trouble: TroupeError | undefined;
    try {
      notices = await endpoint.look(stopped);
    } catch (error) {
      trouble = asTroupeError(error, 'NODE_UNAVAILABLE');
    }
    if (stopped.aborted) return;
    failures = trouble === undefined ? 0 : failures + 1;
    if (trouble?.code !== 'TIMEOUT') patientUntil = 0;
    if (clock.monotonic() >= patientUntil) listener.trouble(trouble);
    if (notices !== undefined) listener.standing(notices);
    const pauseMs =
      trouble === undefined ? everyMs : Math.max(backoffMs(backoff, failures - 1, random), retryAfterMs(trouble));
    await delay(clock, pauseMs, stopped);
    if (stopped.aborted) return;
  }
}

/** What the source itself asked us to wait, ms. */
function retryAfterMs({ data }: TroupeError): number {
  const asked = data.retryAfterMs;
  return typeof asked === 'number' ? Math.min(asked, RETRY_AFTER_MS_MAX) : 0;
}
