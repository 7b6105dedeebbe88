import type { Peers } from '../cluster/index.ts';
import { type Clock, type NodeRef, nodeRefKey, TroupeError } from '../core/index.ts';
import { type Blobs, blobId, verified } from '../journal/index.ts';
import { encodePayload } from '../wire/index.ts';
import type { Kept } from './large-values.ts';

/** Copies that a node keeps for agents that may come to it, bytes; more are refused. */
const COPIED_BYTES_MAX = 256 * 1024 * 1024;
/** A copy that nobody asked for is dropped after this, ms. */
const COPIED_MS_MAX = 600_000;
/** Time for a target to take one copy, ms. */
const COPY_TIMEOUT_MS = 10_000;
/** States of one shard that go along with it, bytes; what is beyond is read from where it is kept. All else stands still for them. */
const ALONG_BYTES_MAX = 4 * 1024 * 1024;
/** Copies that are known to have been made; forgotten when there are more. */
const SENT_MAX = 100_000;

interface Copy {
  readonly bytes: Uint8Array;
  readonly atMs: number;
}

/** What precopying takes. */
export interface PrecopyParts {
  readonly peers: Peers;
  /** Where large values are kept for good. */
  readonly blobs: Blobs;
  readonly clock: Clock;
}

/**
 * Large states that are copied to the node to which their agents will probably move, while the agents still work; what has changed since goes
 * along with their shard. A copy is a blob, known by the hash of its bytes: it is used only where the agent's journal names that very blob,
 * so one that is old by then is merely not used. Whoever finds none reads the blob where it is kept.
 */
export class Precopy {
  readonly #parts: PrecopyParts;
  readonly #copies: Map<string, Copy> = new Map();
  #bytes = 0;
  /** Copies that were asked for last. */
  #last: Promise<void> = Promise.resolve();
  /** Blobs by the life that has them, as far as is known. */
  readonly #sent: Set<string> = new Set();

  constructor(parts: PrecopyParts) {
    this.#parts = parts;
    parts.peers.serve('precopy', async (id, bytes) => {
      if (!this.#fits(bytes)) {
        throw new TroupeError('OVERLOADED', `${COPIED_BYTES_MAX} bytes are copied ahead to this node`);
      }
      this.#keep(id, verified(id, bytes));
      return encodePayload(undefined);
    });
  }

  /** The store's blobs, of which those that were copied here needn't be fetched. A copy serves once. */
  readonly blobs: Blobs = {
    put: (bytes) => this.#parts.blobs.put(bytes),
    has: (id) => this.#parts.blobs.has(id),
    get: async (id) => this.#take(id) ?? this.#parts.blobs.get(id),
  };

  /**
   * Copies large values to a node; what it has already isn't sent again. One value of the whole node at a time, so that little stands
   * before a shard that moves meanwhile.
   * @throws TroupeError when the target takes no more
   */
  copy(values: Iterable<Kept>, target: NodeRef): Promise<void> {
    const copying = this.#last.then(() => this.#copy(values, target));
    this.#last = copying.catch(() => undefined);
    return copying;
  }

  async #copy(values: Iterable<Kept>, target: NodeRef): Promise<void> {
    for (const { value, blob } of values) {
      const sent = copyAt(target, blob);
      if (blob === undefined || this.#sent.has(sent)) continue;
      const bytes = encodePayload(value);
      // The agent is at work on it, or its bytes aren't the same twice: there is nothing to copy.
      if (blobId(bytes) !== blob) continue;
      await this.#parts.peers.request(target, 'bulk', 'precopy', blob, bytes, COPY_TIMEOUT_MS);
      if (this.#sent.size >= SENT_MAX) this.#sent.clear();
      this.#sent.add(sent);
    }
  }

  /** @returns the bytes of values that a node hasn't got, as far as they may go along with their shard */
  missing(values: Iterable<Kept>, target: NodeRef): Uint8Array[] {
    const missing: Uint8Array[] = [];
    let room = ALONG_BYTES_MAX;
    for (const { value, blob } of values) {
      // It is there. Taken from there once, it is there no more.
      if (this.#sent.delete(copyAt(target, blob))) continue;
      const bytes = encodePayload(value);
      if (bytes.byteLength > room) continue;
      room -= bytes.byteLength;
      missing.push(bytes);
    }
    return missing;
  }

  /** Keeps what came along with a shard, as far as there is room. */
  take(values: readonly Uint8Array[]): void {
    for (const bytes of values) if (this.#fits(bytes)) this.#keep(blobId(bytes), bytes);
  }

  /** Drops copies that nobody wanted. @param now monotonic, ms */
  sweep(now: number): void {
    for (const [id, { atMs }] of this.#copies) {
      // In the order in which they came.
      if (atMs + COPIED_MS_MAX > now) return;
      this.#take(id);
    }
  }

  #fits({ byteLength }: Uint8Array): boolean {
    return this.#bytes + byteLength <= COPIED_BYTES_MAX;
  }

  #keep(id: string, bytes: Uint8Array): void {
    this.#take(id);
    // A copy of its own: the frame that it came in needn't stay for it.
    this.#copies.set(id, { bytes: bytes.slice(), atMs: this.#parts.clock.monotonic() });
    this.#bytes += bytes.byteLength;
  }

  #take(id: string): Uint8Array | undefined {
    const copy = this.#copies.get(id);
    if (copy === undefined) return undefined;
    this.#copies.delete(id);
    this.#bytes -= copy.bytes.byteLength;
    return copy.bytes;
  }
}

function copyAt(node: NodeRef, blob: string | undefined): string {
  return `${nodeRefKey(node)} ${blob}`;
}
