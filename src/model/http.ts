import { createHash } from 'node:crypto';
import { type Clock, type ErrorCode, systemClock, TroupeError } from '../core/index.ts';
import { decodeFailure, decodeResponse, encodeRequest } from './completions.ts';
import { withDeadline } from './deadline.ts';
import type { ChatOptions, ChatRequest, ChatResponse, ModelProvider } from './provider.ts';
import { costOf, type Price, type PriceTable } from './usage.ts';

/** Longest answer that is read when the options don't say, bytes. */
const RESPONSE_BYTES_MAX = 8 * 1024 * 1024;

/** No connection was made, so no work was done. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Which service is asked, and how. */
export interface HttpModelOptions {
  /** Up to and without `/chat/completions`, e.g. `https://api.openai.com/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  /** Sent as a bearer token; never in an error or a log line. */
  readonly apiKey?: string;
  /** Default: the host of `baseUrl`. */
  readonly name?: string;
  readonly prices?: PriceTable;
  /** Longest answer that is read, bytes after decompression. Default 8 MiB. */
  readonly responseBytesMax?: number;
  /** How the service calls `outputTokensMax`. Default `max_tokens`, which most know; OpenAI's newer models want the other. */
  readonly tokensField?: 'max_tokens' | 'max_completion_tokens';
  /** More headers, e.g. `api-key`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** More fields of the request's body, e.g. `{ reasoning_effort: 'low' }`. */
  readonly body?: Readonly<Record<string, unknown>>;
  readonly clock?: Clock;
}

/**
 * A model behind any service that speaks the chat-completions protocol. One call is one request: it never retries and never
 * follows a redirect, so a prompt and a key go nowhere else. A call that is given up closes its connection.
 */
export class HttpModel implements ModelProvider {
  readonly name: string;
  readonly model: string;
  readonly price: Price | undefined;
  readonly #options: HttpModelOptions;
  readonly #url: string;
  readonly #headers: Headers;
  readonly #clock: Clock;

  /** @throws TroupeError INVALID_ARGUMENT when the address or a header can't be sent */
  constructor(options: HttpModelOptions) {
    const { baseUrl, model, apiKey, prices, headers, clock = systemClock } = options;
    if (!/^https?:/i.test(baseUrl) || !URL.canParse(baseUrl)) {
      throw new TroupeError('INVALID_ARGUMENT', `baseUrl must be an http or https address, not '${baseUrl}'`);
    }
    this.#headers = headersOf(apiKey, headers);
    this.#url = `${baseUrl.replace(/\/+$/, '')}/chat/completions`;
    this.name = options.name ?? new URL(baseUrl).host;
    this.model = model;
    this.price = prices !== undefined && Object.hasOwn(prices, model) ? prices[model] : undefined;
    this.#options = options;
    this.#clock = clock;
  }

  chat(request: ChatRequest, options: ChatOptions): Promise<ChatResponse> {
    return withDeadline(this.#clock, options, async (signal) => {
      const { tokensField = 'max_tokens', body: more } = this.#options;
      const body = JSON.stringify({ ...encodeRequest(this.model, request, tokensField), ...more });
      const headers = new Headers(this.#headers);
      if (options.idempotencyKey !== undefined) headers.set('idempotency-key', headerSafe(options.idempotencyKey));
      const init: RequestInit = { method: 'POST', headers, body, redirect: 'manual', signal };
      const { response, text } = await this.#exchange(init);
      if (!response.ok) throw this.#refusal(response, text);
      const answer = decodeResponse(text, request, this.name);
      return { ...answer, model: answer.model ?? this.model, costMicroUsd: costOf(answer.usage, this.price) };
    });
  }

  async #exchange(init: RequestInit): Promise<{ response: Response; text: string }> {
    try {
      const response = await fetch(this.#url, init);
      return { response, text: await this.#read(response) };
    } catch (error) {
      if (error instanceof TroupeError) throw error;
      // fetch says only that it failed; its cause says why, sometimes by a code alone.
      const { code = '', message } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
      throw new TroupeError('NODE_UNAVAILABLE', `no answer from ${this.name}: ${message || code}`, {
        address: this.name,
        cause: error,
        data: NEVER_SENT.has(code) ? {} : { outcome: 'unknown' },
      });
    }
  }

  async #read(response: Response): Promise<string> {
    const limit = this.#options.responseBytesMax ?? RESPONSE_BYTES_MAX;
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    // Leaving the loop cancels the body, which closes the connection.
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > limit) {
        if (!response.ok) break;
        throw new TroupeError('MESSAGE_TOO_LARGE', `the answer is over ${limit} bytes`, { address: this.name });
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  #refusal({ status, headers }: Response, text: string): TroupeError {
    const { message, outOfQuota } = decodeFailure(text);
    const retryAfterMs = readRetryAfter(headers.get('retry-after'), this.#clock.now());
    return new TroupeError(codeOf(status, outOfQuota), `${this.name} answered ${status}: ${message}`, {
      address: this.name,
      data: { status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
    });
  }
}

function codeOf(status: number, outOfQuota: boolean): ErrorCode {
  if (status === 429) return outOfQuota ? 'BUDGET_EXCEEDED' : 'OVERLOADED';
  if (status === 408 || status === 504) return 'TIMEOUT';
  return status >= 500 ? 'NODE_UNAVAILABLE' : 'INVALID_ARGUMENT';
}

/** Seconds or a date (RFC 9110, 10.2.3), in ms from now; undefined when it is neither. */
function readRetryAfter(after: string | null, nowMs: number): number | undefined {
  if (after === null) return undefined;
  const waitMs = /^\d+$/.test(after) ? Number(after) * 1_000 : Date.parse(after) - nowMs;
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}

function headersOf(apiKey: string | undefined, more: Readonly<Record<string, string>> = {}): Headers {
  try {
    return new Headers({
      'content-type': 'application/json',
      ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      ...more,
    });
  } catch {
    // The cause would quote the key.
    throw new TroupeError('INVALID_ARGUMENT', 'apiKey or headers hold a character that HTTP does not allow');
  }
}

/** Keys are any text to us, and printable ASCII to HTTP. */
function headerSafe(key: string): string {
  return /^[\x21-\x7e]{1,200}$/.test(key) ? key : createHash('sha256').update(key).digest('hex');
}
