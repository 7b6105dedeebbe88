import { type Clock, type Random, TroupeError } from '../../core/index.ts';
import { Metadata, type MetadataFetch } from './metadata.ts';
import { pollSource } from './poll.ts';
import type { Notice, PreemptionSource } from './source.ts';

/** Where the metadata server is. */
export const GOOGLE_ADDRESS = 'http://169.254.169.254';
/** How long the server holds a question while nothing changes, s: below the limit of a request. */
const WAIT_S = 1;
/** Pause between two questions, ms. A change in between is told at once: the question says what was last heard. */
const PAUSE_MS = 200;
/** From the word of a maintenance that stops the machine until it does, ms. */
const MAINTENANCE_LEFT_MS = 60_000;

/** Where a metadata server of Google is, and what the machine gets. */
export interface GoogleOptions {
  /** Without a path; `GOOGLE_ADDRESS` unless it is tested. */
  readonly address: string;
  /** Time from the word of a preemption until the machine is gone, ms: 30,000 unless configured there; 15,000 for pods. */
  readonly noticeMs: number;
}

/** What Google's metadata server says, two sources: preemptions and host maintenance. */
export function googleSources(
  { address, noticeMs }: GoogleOptions,
  clock: Clock,
  random: Random,
  fetch: MetadataFetch,
): PreemptionSource[] {
  const metadata = new Metadata(address, clock, fetch);
  const source = (name: string, key: string, parse: (body: string) => readonly Notice[]): PreemptionSource => {
    // 0 is no tag that the server ever gives, so the first answer comes at once.
    let etag = '0';
    const look = async (signal: AbortSignal): Promise<readonly Notice[]> => {
      const query = `wait_for_change=true&timeout_sec=${WAIT_S}&last_etag=${encodeURIComponent(etag)}`;
      const path = `/computeMetadata/v1/instance/${key}?${query}`;
      const answer = await metadata.ask(
        { method: 'GET', path, headers: { 'metadata-flavor': 'Google' } },
        signal,
        [404],
      );
      if (answer.status === 404) return [];
      const notices = parse(answer.body);
      etag = typeof answer.headers.etag === 'string' ? answer.headers.etag : '0';
      return notices;
    };
    return pollSource({ name, everyMs: PAUSE_MS, look }, clock, random);
  };
  return [
    source('google preemption', 'preempted', (body) => parsePreempted(body, noticeMs)),
    source('google maintenance', 'maintenance-event', parseMaintenanceEvent),
  ];
}

/** `TRUE` or `FALSE`. @throws TroupeError PROTOCOL_VIOLATION */
export function parsePreempted(body: string, noticeMs: number): readonly Notice[] {
  const answer = body.trim();
  if (answer === 'FALSE') return [];
  if (answer !== 'TRUE') throw new TroupeError('PROTOCOL_VIOLATION', 'the answer is neither TRUE nor FALSE');
  return [{ id: 'preempted', kind: 'final', reason: 'preempted', leftMs: noticeMs }];
}

/**
 * `NONE`; `MIGRATE_ON_HOST_MAINTENANCE`, after which the machine goes on elsewhere; `TERMINATE_ON_HOST_MAINTENANCE`. Where
 * there is no maintenance to tell of, also `TRUE` and `FALSE`.
 *
 * @throws TroupeError PROTOCOL_VIOLATION
 */
export function parseMaintenanceEvent(body: string): readonly Notice[] {
  const event = body.trim();
  const notice = { id: event, reason: `host maintenance: ${event}`, leftMs: MAINTENANCE_LEFT_MS };
  if (event === 'NONE' || event === 'FALSE') return [];
  if (event === 'MIGRATE_ON_HOST_MAINTENANCE') return [{ ...notice, kind: 'advisory' }];
  if (event === 'TERMINATE_ON_HOST_MAINTENANCE' || event === 'TRUE') return [{ ...notice, kind: 'final' }];
  throw new TroupeError('PROTOCOL_VIOLATION', 'the answer is no known maintenance event');
}
