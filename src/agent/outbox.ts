import { type AgentAddress, TroupeError } from '../core/index.ts';

/** Messages that an agent has sent and that aren't known to have arrived; a further one is refused. */
export const OUTBOX_MESSAGES_MAX = 1_000;
/** Their payloads together, bytes encoded. */
export const OUTBOX_BYTES_MAX: number = 2 * 1024 * 1024;
/** One durable message, a timer's too, bytes encoded. */
export const SEND_BYTES_MAX: number = 256 * 1024;
/** Senders whose last number an agent remembers; the one that has been silent for longest is forgotten. */
export const SENDERS_MAX = 1_000;

/** A message that has been written and not yet numbered. */
export interface Draft {
  readonly to: AgentAddress;
  readonly method: string;
  /** Encoded. */
  readonly payload: Uint8Array;
  readonly traceparent: string | undefined;
}

/** A durable message under way. */
export interface Outgoing extends Draft {
  /** Grows with each message of its agent. */
  readonly seq: number;
}

/** A message of another agent that an agent has taken: who sent it, and its number there. */
export interface Taken {
  readonly from: string;
  readonly seq: number;
}

/**
 * What an agent has sent and nobody has acknowledged yet. It is part of its journal: a message is in it from the append on that keeps the
 * turn which sent it, until an append says that it has arrived.
 */
export class Outbox {
  readonly #waiting: Map<number, Outgoing> = new Map();
  #bytes = 0;
  #seq = 0;
  #life = '';

  get size(): number {
    return this.#waiting.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Number of the last message. */
  get seq(): number {
    return this.#seq;
  }

  /** Names this life of the journal, since numbers begin anew in the next; '' before the first message. */
  get life(): string {
    return this.#life;
  }

  has(seq: number): boolean {
    return this.#waiting.has(seq);
  }

  /** In order. */
  get waiting(): Iterable<Outgoing> {
    return this.#waiting.values();
  }

  add(life: string, message: Outgoing): void {
    this.#life = life;
    this.#seq = message.seq;
    this.#waiting.set(message.seq, message);
    this.#bytes += message.payload.byteLength;
  }

  remove(seq: number): void {
    this.#bytes -= this.#waiting.get(seq)?.payload.byteLength ?? 0;
    this.#waiting.delete(seq);
  }

  image(): OutboxImage | undefined {
    return this.#life === '' ? undefined : { life: this.#life, seq: this.#seq, waiting: [...this.#waiting.values()] };
  }

  restore({ life, seq, waiting }: OutboxImage): void {
    for (const message of waiting) this.add(life, message);
    this.#life = life;
    this.#seq = seq;
  }
}

/** An outbox in a snapshot. */
export interface OutboxImage {
  readonly life: string;
  readonly seq: number;
  readonly waiting: readonly Outgoing[];
}

/**
 * The number of the last message that was taken from each sender. A sender sends the next one only when the last has arrived, so what isn't
 * larger has been here before.
 */
export class Inbox {
  readonly #last: Map<string, number> = new Map();

  has({ from, seq }: Taken): boolean {
    return (this.#last.get(from) ?? -1) >= seq;
  }

  take({ from, seq }: Taken): void {
    this.#last.delete(from);
    this.#last.set(from, seq);
    if (this.#last.size > SENDERS_MAX) this.#last.delete(this.#last.keys().next().value as string);
  }

  image(): readonly (readonly [string, number])[] | undefined {
    return this.#last.size === 0 ? undefined : [...this.#last];
  }

  restore(image: readonly (readonly [string, number])[]): void {
    for (const [from, seq] of image) this.#last.set(from, seq);
  }
}

/** @throws TroupeError MESSAGE_TOO_LARGE */
export function checkSize(payload: Uint8Array, what: string): void {
  if (payload.byteLength <= SEND_BYTES_MAX) return;
  const data = { bytesMax: SEND_BYTES_MAX };
  throw new TroupeError('MESSAGE_TOO_LARGE', `${what} is over ${SEND_BYTES_MAX} bytes`, { data });
}
