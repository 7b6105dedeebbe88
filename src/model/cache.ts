import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type ErrorCode, TroupeError } from '../core/index.ts';
import { abortError, untilAborted } from './deadline.ts';
import type { ChatRequest, ChatResponse, ModelProvider } from './provider.ts';

/** Bytes of memory per entry beside its text, roughly: the key and the cache's own lists. */
const ENTRY_BYTES = 200;

/** What one caller's budget or time says about its call says nothing about the others'. */
const OWN: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['BUDGET_EXCEEDED', 'TIMEOUT']);

interface Flight {
  readonly answer: Promise<ChatResponse>;
  readonly controller: AbortController;
  waiters: number;
}

/** SHA-256 of what is asked and of whom, hex: equal for equal requests, whatever the order of their fields. */
export function requestHash({ name, model }: Pick<ModelProvider, 'name' | 'model'>, request: ChatRequest): string {
  return createHash('sha256')
    .update(JSON.stringify([name, model, request], sorted))
    .digest('hex');
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Answers that were given before, the least used forgotten first, and calls under way that others may join: concurrent
 * equal requests cost one call. A call goes on while anyone waits for it. Who joins shares its fate, except that an empty
 * budget or a time that is over is its owner's own: then the next of those who wait asks.
 * Leave the cache out where the same question should get different answers.
 */
export class ResponseCache {
  readonly #answers: LRUCache<string, string>;
  readonly #flights: Map<string, Flight> = new Map();

  /** @param options.bytesMax memory that answers may take, bytes */
  constructor({ bytesMax }: { readonly bytesMax: number }) {
    this.#answers = new LRUCache<string, string>({
      maxSize: bytesMax,
      sizeCalculation: (text) => text.length * 2 + ENTRY_BYTES,
    });
  }

  /** Memory that answers take, bytes. */
  get bytes(): number {
    return this.#answers.calculatedSize;
  }

  /**
   * The answer to the request of this hash, from memory, from a call under way, or by `call`.
   *
   * @param signal gives up this wait; `call` gets one that fires when all have given up
   * @throws TroupeError what `call` throws; CANCELLED or the signal's own reason
   */
  async get(
    key: string,
    signal: AbortSignal,
    call: (signal: AbortSignal) => Promise<ChatResponse>,
  ): Promise<ChatResponse> {
    for (;;) {
      if (signal.aborted) throw abortError(signal);
      const known = this.#answers.get(key);
      if (known !== undefined) return paid(JSON.parse(known) as ChatResponse);
      const joined = this.#flights.get(key);
      const flight = joined ?? this.#start(key, call);
      flight.waiters++;
      try {
        const answer = await untilAborted(signal, flight.answer);
        return joined === undefined ? answer : paid(structuredClone(answer));
      } catch (error) {
        const own = error instanceof TroupeError && OWN.has(error.code);
        if (joined === undefined || signal.aborted || !own) throw error;
      } finally {
        if (--flight.waiters === 0 && this.#flights.get(key) === flight) {
          this.#flights.delete(key);
          flight.controller.abort(signal.reason);
        }
      }
    }
  }

  #start(key: string, call: (signal: AbortSignal) => Promise<ChatResponse>): Flight {
    const controller = new AbortController();
    const answer = call(controller.signal)
      .then((response) => {
        // A filter's verdict or an odd ending may be different next time.
        if (response.finishReason !== 'content_filter' && response.finishReason !== 'other') {
          this.#answers.set(key, JSON.stringify(response));
        }
        return response;
      })
      .finally(() => {
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
      });
    const flight: Flight = { answer, controller, waiters: 0 };
    this.#flights.set(key, flight);
    return flight;
  }
}

function paid(response: ChatResponse): ChatResponse {
  return { ...response, costMicroUsd: response.costMicroUsd && 0, cached: true };
}
