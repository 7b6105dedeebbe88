import { type Clock, Deque } from '../../core/index.ts';
import type { Connection } from '../port.ts';

/** How many frames wait for a reader before `write` says false. */
const PIPE_FRAMES_HIGH = 16;

/** What a frame meets on its way. */
export interface PipeFaults {
  /** How long the frame takes, ms. */
  delayMs(): number;
  /** Whether it vanishes without a trace. */
  loses(): boolean;
}

interface Parcel {
  /** Undefined: the writer has closed. */
  readonly frame: Uint8Array | undefined;
  readonly dueMs: number;
}

/** One end of an in-memory connection. Frames are copied, arrive in order, and never within the call that wrote them. */
export class PipeEnd implements Connection {
  readonly #clock: Clock;
  readonly #faults: PipeFaults;
  /** On the way to this end. */
  readonly #inbox: Deque<Parcel> = new Deque();
  #other: PipeEnd | undefined;
  #open = true;
  #paused = false;
  #pumping = false;
  #full = false;
  #listener: ((frame: Uint8Array) => void) | undefined;
  #onDrain: (() => void) | undefined;
  #onClose: ((reason: string) => void) | undefined;

  /** @param faults what happens to frames that this end writes */
  constructor(clock: Clock, faults: PipeFaults) {
    this.#clock = clock;
    this.#faults = faults;
  }

  /** Makes the two ends one connection. */
  static join(one: PipeEnd, other: PipeEnd): void {
    one.#other = other;
    other.#other = one;
  }

  get open(): boolean {
    return this.#open;
  }

  write(frame: Uint8Array): boolean {
    const other = this.#other;
    if (!this.#open || other === undefined) return false;
    if (!this.#faults.loses()) other.#take(new Uint8Array(frame), this.#faults.delayMs());
    if (other.#inbox.length >= PIPE_FRAMES_HIGH) other.#full = true;
    return !other.#full;
  }

  onFrame(listener: (frame: Uint8Array) => void): void {
    this.#listener = listener;
    this.#wake();
  }

  onDrain(listener: () => void): void {
    this.#onDrain = listener;
  }

  onClose(listener: (reason: string) => void): void {
    this.#onClose = listener;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#wake();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#inbox.clear();
    const other = this.#other;
    if (other !== undefined && !this.#faults.loses()) other.#take(undefined, this.#faults.delayMs());
  }

  /** Ends this side as if the network had: what is on the way is lost. */
  break(reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#inbox.clear();
    this.#clock.yieldThen(() => this.#onClose?.(reason));
  }

  #take(frame: Uint8Array | undefined, delayMs: number): void {
    if (!this.#open) return;
    this.#inbox.push({ frame, dueMs: this.#clock.monotonic() + delayMs });
    this.#wake();
  }

  #wake(): void {
    const next = this.#inbox.peek();
    if (this.#pumping || this.#paused || this.#listener === undefined || next === undefined) return;
    this.#pumping = true;
    const waitMs = next.dueMs - this.#clock.monotonic();
    const pump = (): void => {
      this.#pumping = false;
      this.#pump();
    };
    if (waitMs > 0) this.#clock.schedule(waitMs, pump);
    else this.#clock.yieldThen(pump);
  }

  #pump(): void {
    const now = this.#clock.monotonic();
    while (!this.#paused && this.#open) {
      const next = this.#inbox.peek();
      if (next === undefined || next.dueMs > now) break;
      this.#inbox.shift();
      if (next.frame === undefined) {
        this.#open = false;
        this.#onClose?.('the other side closed the connection');
        return;
      }
      this.#listener?.(next.frame);
    }
    if (this.#full && this.#inbox.length === 0 && this.#open) {
      this.#full = false;
      const other = this.#other;
      if (other?.open) other.#onDrain?.();
    }
    this.#wake();
  }
}
