/** Slots of a new ring: most actors never have two messages at once. */
const SMALLEST = 1;

/** A ring larger than this is given back when it runs empty, so that one burst doesn't stay in memory for ever. */
const KEPT_SLOTS = 64;

/**
 * A queue of messages with the time each one came, and its size where sizes count. It knows its depth; who may enter is
 * decided outside (overflow.ts). One flat ring: per message it allocates nothing.
 */
export class Mailbox<M> {
  /** Per message: the message, its stamp, and its size when sizes count. */
  #ring: unknown[];
  readonly #stride: 2 | 3;
  #mask: number = SMALLEST - 1;
  #head = 0;
  #length = 0;
  #bytes = 0;

  /** @param sized whether sizes are kept; without it `bytes` stays 0 */
  constructor(sized: boolean) {
    this.#stride = sized ? 3 : 2;
    this.#ring = new Array(SMALLEST * this.#stride).fill(undefined);
  }

  get length(): number {
    return this.#length;
  }

  /** Whether it keeps sizes. */
  get sized(): boolean {
    return this.#stride === 3;
  }

  /** Whether it is as small as a new one. */
  get small(): boolean {
    return this.#mask < SMALLEST;
  }

  /** Sum of the sizes of the waiting messages. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @param stamp when it came, whole ms; @param size bytes */
  push(message: M, stamp: number, size: number): void {
    if (this.#length > this.#mask) this.#resize((this.#mask + 1) * 2);
    this.#put((this.#head + this.#length) & this.#mask, message, stamp, size);
  }

  /** Puts a message before all others. */
  unshift(message: M, stamp: number, size: number): void {
    if (this.#length > this.#mask) this.#resize((this.#mask + 1) * 2);
    this.#head = (this.#head - 1) & this.#mask;
    this.#put(this.#head, message, stamp, size);
  }

  /** Takes the oldest message; the mailbox must not be empty. */
  shift(): M {
    const at = this.#head * this.#stride;
    const ring = this.#ring;
    const message = ring[at] as M;
    ring[at] = undefined;
    if (this.#stride === 3) this.#bytes -= ring[at + 2] as number;
    this.#head = (this.#head + 1) & this.#mask;
    if (--this.#length === 0 && this.#mask >= KEPT_SLOTS) this.#resize(KEPT_SLOTS);
    return message;
  }

  /** Stamp of the oldest message; the mailbox must not be empty. */
  oldestStamp(): number {
    return this.#ring[this.#head * this.#stride + 1] as number;
  }

  /** Whether a message is in it. Looks at each. */
  includes(message: M): boolean {
    for (let i = 0; i < this.#length; i++) {
      if (this.#ring[((this.#head + i) & this.#mask) * this.#stride] === message) return true;
    }
    return false;
  }

  /** The rings that make room for `message`: this one. */
  yieldingTo(_message: M): readonly Mailbox<M>[] {
    return [this];
  }

  #put(slot: number, message: M, stamp: number, size: number): void {
    const at = slot * this.#stride;
    const ring = this.#ring;
    ring[at] = message;
    ring[at + 1] = stamp;
    if (this.#stride === 3) {
      ring[at + 2] = size;
      this.#bytes += size;
    }
    this.#length++;
  }

  #resize(slots: number): void {
    const stride = this.#stride;
    const next: unknown[] = new Array(slots * stride).fill(undefined);
    for (let i = 0; i < this.#length; i++) {
      const from = ((this.#head + i) & this.#mask) * stride;
      for (let k = 0; k < stride; k++) next[i * stride + k] = this.#ring[from + k];
    }
    this.#ring = next;
    this.#mask = slots - 1;
    this.#head = 0;
  }
}

/** Mailboxes of each sort that are kept for the next actor that needs one. */
const SPARE_MAX = 256;

/** Empty mailboxes that nobody has: of very many actors that wait for something else than mail, none needs one of its own. */
export class SpareMailboxes {
  readonly #sized: Mailbox<unknown>[] = [];
  readonly #unsized: Mailbox<unknown>[] = [];

  /** An empty mailbox. @param sized whether it keeps sizes */
  take<M>(sized: boolean): Mailbox<M> {
    const spare = sized ? this.#sized : this.#unsized;
    return (spare.pop() ?? new Mailbox<unknown>(sized)) as Mailbox<M>;
  }

  /** @param mailbox an empty one that nobody else has */
  give<M>(mailbox: Mailbox<M>): void {
    const spare = mailbox.sized ? this.#sized : this.#unsized;
    if (mailbox.small && spare.length < SPARE_MAX) spare.push(mailbox as unknown as Mailbox<unknown>);
  }
}
