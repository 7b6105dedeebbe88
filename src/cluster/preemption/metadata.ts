import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { asTroupeError, type Clock, TroupeError } from '../../core/index.ts';

/** Longest that one request may take, ms. */
export const REQUEST_MS_MAX = 2_000;
/** Longest answer that is read, bytes. */
export const ANSWER_BYTES_MAX = 65_536;

/** What is asked of a metadata service. */
export interface MetadataRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Authority that an https server's certificate must come from, PEM. */
  readonly ca?: string;
}

/** What came back, whatever its status. */
export interface MetadataAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/**
 * Makes one request. It never follows a redirect and never uses a proxy: a metadata service is on this machine.
 * @throws TroupeError NODE_UNAVAILABLE, MESSAGE_TOO_LARGE
 */
export type MetadataFetch = (request: MetadataRequest, signal: AbortSignal) => Promise<MetadataAnswer>;

/** `MetadataFetch` on Node's HTTP client; each request has a connection of its own. */
export const fetchMetadata: MetadataFetch = (request, signal) =>
  new Promise((resolve, reject) => {
    const { method, url, headers, body, ca } = request;
    const fail = (error: unknown): void => reject(asTroupeError(error, 'NODE_UNAVAILABLE', { address: url }));
    try {
      const send = url.startsWith('https:') ? httpsRequest : httpRequest;
      const outgoing = send(url, { method, headers, signal, agent: false, ...(ca === undefined ? {} : { ca }) });
      outgoing.on('error', fail);
      outgoing.on('response', (incoming) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        incoming.on('error', fail);
        incoming.on('data', (chunk: Buffer) => {
          bytes += chunk.byteLength;
          if (bytes <= ANSWER_BYTES_MAX) return void chunks.push(chunk);
          fail(new TroupeError('MESSAGE_TOO_LARGE', `the answer is over ${ANSWER_BYTES_MAX} bytes`, { address: url }));
          incoming.destroy();
        });
        incoming.on('end', () =>
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      });
      outgoing.end(body);
    } catch (error) {
      // An address or a header that can't be sent.
      fail(error);
    }
  });

/** Asks metadata services, each request inside its limit. */
export class Metadata {
  readonly #base: string;
  readonly #clock: Clock;
  readonly #fetch: MetadataFetch;

  /** @param address `http://host:port`, without a path */
  constructor(address: string, clock: Clock, fetch: MetadataFetch) {
    this.#base = address.replace(/\/+$/, '');
    this.#clock = clock;
    this.#fetch = fetch;
  }

  /**
   * Makes one request.
   *
   * @returns the answer when its status is 2xx, or one of `expected`
   * @throws TroupeError TIMEOUT after `REQUEST_MS_MAX`, NODE_UNAVAILABLE, OVERLOADED for 429 with `data.retryAfterMs`,
   *   PROTOCOL_VIOLATION for any other status, MESSAGE_TOO_LARGE
   */
  async ask(
    request: Omit<MetadataRequest, 'url'> & { readonly path: string },
    signal: AbortSignal,
    expected: readonly number[] = [],
  ): Promise<MetadataAnswer> {
    const { path, ...rest } = request;
    const limit = new AbortController();
    const timer = this.#clock.schedule(REQUEST_MS_MAX, () => limit.abort());
    let answer: MetadataAnswer;
    try {
      answer = await this.#fetch({ ...rest, url: this.#base + path }, AbortSignal.any([signal, limit.signal]));
    } catch (error) {
      if (!limit.signal.aborted) throw error;
      throw new TroupeError('TIMEOUT', `no answer within ${REQUEST_MS_MAX} ms`, { address: this.#base, cause: error });
    } finally {
      timer.cancel();
    }
    if ((answer.status >= 200 && answer.status < 300) || expected.includes(answer.status)) return answer;
    throw this.#refusal(path, answer);
  }

  #refusal(path: string, { status, headers }: MetadataAnswer): TroupeError {
    const details = { address: this.#base + path };
    const message = `answered with status ${status}`;
    if (status === 429) {
      const waitMs = retryAfter(headers['retry-after'], this.#clock.now());
      return new TroupeError('OVERLOADED', message, { ...details, data: { retryAfterMs: waitMs } });
    }
    return new TroupeError(status >= 500 ? 'NODE_UNAVAILABLE' : 'PROTOCOL_VIOLATION', message, details);
  }
}

/** Seconds or a date (RFC 9110, 10.2.3), in ms from now; 0 when it is neither. */
function retryAfter(value: string | readonly string[] | undefined, nowMs: number): number {
  if (typeof value !== 'string') return 0;
  const waitMs = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - nowMs;
  return Math.max(0, waitMs || 0);
}
