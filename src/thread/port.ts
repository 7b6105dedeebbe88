import type { TroupeError } from '../core/index.ts';
import type { Channel, Frame, Handlers } from './channel.ts';
import type { ThreadLimits } from './limits.ts';

/** What a worker is started with. */
export interface WorkerStart {
  /** URL of the module whose `open` serves the channel in there: a `Tenant`. */
  readonly tenant: string;
  /** For the tenant; cloned. */
  readonly data: unknown;
  readonly limits: ThreadLimits;
}

/** Told of what a worker does. `ended` comes once, and last. */
export interface WorkerEvents {
  frame(frame: Frame): void;
  ended(why: TroupeError): void;
}

/** A worker from outside. */
export interface WorkerHandle {
  post(frame: Frame): void;
  /** Grows as long as its event loop turns; read at once, however busy this thread was. */
  beats(): number;
  /** What it holds, MB. Undefined when it can't be known. */
  memoryMb(): Promise<number | undefined>;
  /** Ends it wherever it is. @returns when it is gone */
  terminate(): Promise<void>;
}

/** Starts a worker; a real one, or one for tests. */
export type StartWorker = (start: WorkerStart, events: WorkerEvents) => WorkerHandle;

/** What lives in a worker: the `open` of a tenant's module. */
export type Tenant = (channel: Channel, data: unknown) => Promise<Handlers>;
