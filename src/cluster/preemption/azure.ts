import type { Clock, Random } from '../../core/index.ts';
import { Metadata, type MetadataFetch } from './metadata.ts';
import { FINAL_BEFORE_MS, fields, fieldsOf, itemsOf, timeOf, word } from './parse.ts';
import { pollSource } from './poll.ts';
import type { Notice, PreemptionSource } from './source.ts';

/** Where the metadata service is. */
export const AZURE_ADDRESS = 'http://169.254.169.254';
/** How often events are looked at, ms. */
const POLL_MS = 1_000;
/** The first answer may take this long, while the service is being switched on, ms. */
const FIRST_ANSWER_MS = 120_000;
const EVENTS = '/metadata/scheduledevents?api-version=2020-07-01';
const NAME = '/metadata/instance/compute/name?api-version=2021-02-01&format=text';
const HEADERS = { metadata: 'true' };

/** The machine is gone for good. */
const ENDS = new Set(['Preempt', 'Terminate']);
/** The machine restarts. */
const RESTARTS = new Set(['Reboot', 'Redeploy']);

/** Which machine this is, and whether it may let an event begin. */
export interface AzureOptions {
  /** Without a path; `AZURE_ADDRESS` unless it is tested. */
  readonly address: string;
  /** The machine's name as events list it. Default: what the metadata service calls it. */
  readonly resource?: string | undefined;
  /** Whether a drained node lets its event begin at once. Not where something else on the machine needs the rest of the time. */
  readonly acknowledge: boolean;
}

/** An event that concerns this machine. */
export interface AzureNotice extends Notice {
  /** Whether it concerns no other machine: to acknowledge it lets it begin for all of them. */
  readonly alone: boolean;
}

/** What Azure's scheduled events say of this machine. */
export function azureSource(
  options: AzureOptions,
  clock: Clock,
  random: Random,
  fetch: MetadataFetch,
): PreemptionSource {
  const metadata = new Metadata(options.address, clock, fetch);
  let { resource } = options;
  let standing: readonly AzureNotice[] = [];
  const get = (path: string, signal: AbortSignal, expected: readonly number[] = []) =>
    metadata.ask({ method: 'GET', path, headers: HEADERS }, signal, expected);
  const look = async (signal: AbortSignal): Promise<readonly Notice[]> => {
    resource ??= word((await get(NAME, signal)).body.trim(), 'name of the machine');
    const { status, body } = await get(EVENTS, signal, [404]);
    const known = new Set(standing.map(({ id }) => id));
    standing = status === 404 ? [] : parseEvents(body, resource, clock.now(), known);
    return standing;
  };
  const drained = async (): Promise<void> => {
    const done = standing.filter(({ kind, alone }) => kind === 'final' && alone);
    if (done.length === 0 || !options.acknowledge) return;
    const body = JSON.stringify({ StartRequests: done.map(({ id }) => ({ EventId: id })) });
    const headers = { ...HEADERS, 'content-type': 'application/json' };
    await metadata.ask({ method: 'POST', path: EVENTS, headers, body }, new AbortController().signal);
  };
  return pollSource({ name: 'azure events', everyMs: POLL_MS, graceMs: FIRST_ANSWER_MS, look, drained }, clock, random);
}

/**
 * The events that concern a machine. What ends it is final; what restarts it is advisory until `FINAL_BEFORE_MS` before its
 * time; what only freezes it is advisory. A restart that had begun before anybody here knew of it stays advisory: the machine
 * may be just back from it.
 *
 * @param resource the machine's name; case doesn't matter
 * @param nowMs wall-clock time, ms since 1970
 * @param known ids of events heard of before
 * @throws TroupeError PROTOCOL_VIOLATION
 */
export function parseEvents(
  body: string,
  resource: string,
  nowMs: number,
  known: ReadonlySet<string>,
): readonly AzureNotice[] {
  const notices: AzureNotice[] = [];
  for (const event of itemsOf(fields(body).Events).map(fieldsOf)) {
    const resources = itemsOf(event.Resources).map((name) => String(name).toLowerCase());
    if (!resources.includes(resource.toLowerCase())) continue;
    const [id, type] = [word(event.EventId, 'EventId'), word(event.EventType, 'EventType')];
    const started = event.EventStatus === 'Started';
    const leftMs = started ? 0 : Math.max(0, timeOf(event.NotBefore) - nowMs);
    const restarts = RESTARTS.has(type) && leftMs <= FINAL_BEFORE_MS && (!started || known.has(id));
    const kind = ENDS.has(type) || restarts ? 'final' : 'advisory';
    notices.push({ id, kind, reason: `scheduled event: ${type}`, leftMs, alone: resources.length === 1 });
  }
  return notices;
}
