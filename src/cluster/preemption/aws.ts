import { type Clock, type Random, TroupeError } from '../../core/index.ts';
import { parseNotice } from './file.ts';
import { Metadata, type MetadataAnswer, type MetadataFetch } from './metadata.ts';
import { FINAL_BEFORE_MS, fields, fieldsOf, itemsOf, json, payloadId, timeOf, word } from './parse.ts';
import { pollSource } from './poll.ts';
import type { Notice, PreemptionSource } from './source.ts';

/** Where the instance metadata service is. */
export const AWS_ADDRESS = 'http://169.254.169.254';
/** How often each answer is looked at, ms. */
const POLL_MS = 2_000;
/** Life that is asked for a token, s: the longest there is. A token is renewed in the middle of it. */
const TOKEN_S = 21_600;
/** What an instance has left once its group ends it, ms: nothing says how much, so plan for little. */
const TERMINATED_LEFT_MS = 15_000;

/** What an autoscaling group may have in mind with an instance. */
const LIFECYCLES: Readonly<Record<string, Notice['kind'] | 'none'>> = {
  InService: 'none',
  Standby: 'advisory',
  Detached: 'advisory',
  Terminated: 'final',
  'Warmed:Running': 'advisory',
  'Warmed:Stopped': 'final',
  'Warmed:Hibernated': 'final',
  'Warmed:Terminated': 'final',
};

/** Reads an answer. `nowMs` and `sinceMs` (when this process began to look) are wall-clock times, ms since 1970. */
type Parse = (body: string, nowMs: number, sinceMs: number) => readonly Notice[];

const QUESTIONS: readonly { readonly name: string; readonly path: string; readonly parse: Parse }[] = [
  { name: 'aws interruption', path: '/latest/meta-data/spot/instance-action', parse: parseInterruption },
  { name: 'aws rebalance', path: '/latest/meta-data/events/recommendations/rebalance', parse: parseRebalance },
  { name: 'aws maintenance', path: '/latest/meta-data/events/maintenance/scheduled', parse: parseMaintenance },
  { name: 'aws lifecycle', path: '/latest/meta-data/autoscaling/target-lifecycle-state', parse: parseLifecycle },
];

/**
 * What EC2's instance metadata service (IMDSv2) says, four sources with one token: spot interruptions, rebalance
 * recommendations, scheduled maintenance, and what an autoscaling group has in mind.
 *
 * @param address without a path; `AWS_ADDRESS` unless it is tested
 */
export function awsSources(address: string, clock: Clock, random: Random, fetch: MetadataFetch): PreemptionSource[] {
  const session = new TokenSession(new Metadata(address, clock, fetch), clock);
  const sinceMs = clock.now();
  return QUESTIONS.map(({ name, path, parse }) => {
    const look = async (signal: AbortSignal): Promise<readonly Notice[]> => {
      const { status, body } = await session.get(path, signal);
      return status === 404 ? [] : parse(body, clock.now(), sinceMs);
    };
    return pollSource({ name, everyMs: POLL_MS, look }, clock, random);
  });
}

/** Spot interruption: `{"action":"terminate","time":"2026-01-01T00:00:00Z"}`. @throws TroupeError PROTOCOL_VIOLATION */
export function parseInterruption(body: string, nowMs: number): readonly Notice[] {
  return [{ ...parseNotice(body, nowMs), kind: 'final' }];
}

/** Rebalance recommendation: `{"noticeTime":"…"}`, when it was made. @throws TroupeError PROTOCOL_VIOLATION */
export function parseRebalance(body: string): readonly Notice[] {
  timeOf(fields(body).noticeTime);
  return [{ id: payloadId(body), kind: 'advisory', reason: 'rebalance recommended' }];
}

/**
 * Scheduled maintenance: a list of events. One is advisory until `FINAL_BEFORE_MS` before its time. One whose time had
 * come before this process began stays advisory: the machine may just have been rebooted by it, and the list lags.
 *
 * @throws TroupeError PROTOCOL_VIOLATION
 */
export function parseMaintenance(body: string, nowMs: number, sinceMs: number): readonly Notice[] {
  return itemsOf(json(body))
    .map(fieldsOf)
    .filter(({ State }) => State === undefined || State === 'active')
    .map(({ EventId, Code, NotBefore }) => {
      const atMs = timeOf(NotBefore);
      return {
        id: word(EventId, 'EventId'),
        kind: atMs >= sinceMs && atMs - nowMs <= FINAL_BEFORE_MS ? 'final' : 'advisory',
        reason: `maintenance: ${word(Code, 'Code')}`,
        leftMs: Math.max(0, atMs - nowMs),
      };
    });
}

/** Target lifecycle state of an autoscaling group: one word. @throws TroupeError PROTOCOL_VIOLATION */
export function parseLifecycle(body: string): readonly Notice[] {
  const state = body.trim();
  const kind = Object.hasOwn(LIFECYCLES, state) ? LIFECYCLES[state] : undefined;
  if (kind === undefined) throw new TroupeError('PROTOCOL_VIOLATION', 'the answer is no known lifecycle state');
  if (kind === 'none') return [];
  return [{ id: state, kind, reason: `autoscaling: ${state}`, leftMs: TERMINATED_LEFT_MS }];
}

/** The token that questions need, fetched when there is none, when it grows old, and when it is refused. */
class TokenSession {
  readonly #metadata: Metadata;
  readonly #clock: Clock;
  #token: Promise<string> | undefined;
  /** Monotonic time at which a new one is fetched, ms. */
  #renewAt = 0;

  constructor(metadata: Metadata, clock: Clock) {
    this.#metadata = metadata;
    this.#clock = clock;
  }

  /** @returns status 200 or 404 @throws TroupeError what `Metadata.ask` says */
  async get(path: string, signal: AbortSignal): Promise<MetadataAnswer> {
    const token = this.#present(signal);
    const answer = await this.#ask(path, await token, signal, [401, 404]);
    if (answer.status !== 401) return answer;
    // Several questions may hear this of one token: the first to come fetches the next.
    if (this.#token === token) this.#token = undefined;
    return this.#ask(path, await this.#present(signal), signal, [404]);
  }

  #ask(path: string, token: string, signal: AbortSignal, expected: readonly number[]): Promise<MetadataAnswer> {
    const headers = { 'x-aws-ec2-metadata-token': token };
    return this.#metadata.ask({ method: 'GET', path, headers }, signal, expected);
  }

  #present(signal: AbortSignal): Promise<string> {
    if (this.#token !== undefined && this.#clock.monotonic() < this.#renewAt) return this.#token;
    const fetched = this.#fetch(signal);
    this.#token = fetched;
    this.#renewAt = this.#clock.monotonic() + (TOKEN_S * 1_000) / 2;
    fetched.catch(() => {
      if (this.#token === fetched) this.#token = undefined;
    });
    return fetched;
  }

  async #fetch(signal: AbortSignal): Promise<string> {
    const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_S) };
    const { body } = await this.#metadata.ask({ method: 'PUT', path: '/latest/api/token', headers }, signal);
    const token = body.trim();
    if (/^[\x21-\x7e]+$/.test(token)) return token;
    throw new TroupeError('PROTOCOL_VIOLATION', 'the answer is no token');
  }
}
