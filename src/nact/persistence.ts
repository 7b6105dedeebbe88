import { TroupeError } from '../core/index.ts';
import type { Plugin } from './system.ts';

/** An event as an engine keeps it. */
export interface PersistedEvent {
  readonly key: string;
  /** 1 for the first event of a key. */
  readonly sequenceNumber: number;
  readonly data: unknown;
  readonly tags: readonly string[];
  /** ms since 1970. */
  readonly createdAt: number;
  readonly isDeleted: boolean;
}

/** A state as an engine keeps it. */
export interface PersistedSnapshot {
  readonly key: string;
  /** That of the last event in it. */
  readonly sequenceNumber: number;
  readonly data: unknown;
  readonly createdAt: number;
}

/** Events in order, as an array has them. The accumulator is a promise. */
export interface EventStream {
  reduce<U>(next: (before: U, event: PersistedEvent, index: number) => U, initial: U): U | Promise<Awaited<U>>;
}

/** Where persistent actors are kept; engines written for nact fit. */
export interface PersistenceEngine {
  /** The events of a key after the first `offset` ones. */
  events(key: string, offset: number, limit?: number, tags?: readonly string[]): EventStream;
  latestSnapshot(key: string): Promise<PersistedSnapshot | undefined>;
  takeSnapshot(snapshot: PersistedSnapshot): Promise<unknown>;
  persist(event: PersistedEvent): Promise<unknown>;
}

/** Turns messages and states into what an engine can keep, and back. Default: as they are. */
export interface Coding<State, Msg> {
  readonly snapshotEncoder?: (state: State) => unknown;
  readonly snapshotDecoder?: (data: unknown) => State;
  readonly encoder?: (message: Msg) => unknown;
  readonly decoder?: (data: unknown) => Msg;
}

/** Lets a system keep its persistent actors with `engine`. `start` throws INVALID_ARGUMENT when there is none. */
export function configurePersistence(engine: PersistenceEngine): Plugin {
  return (system) => {
    if (!engine) throw new TroupeError('INVALID_ARGUMENT', 'there is no persistence engine');
    system.persistenceEngine = engine;
  };
}

/**
 * Makes a state from the events of a key, in order.
 *
 * @param apply the next state; what it throws ends the replay
 * @returns the state, the number of the last event, and how many there were
 */
export async function replayed<State, Msg>(
  events: EventStream,
  from: { readonly state: State; readonly sequenceNumber: number },
  decode: (data: unknown) => Msg,
  apply: (state: State, message: Msg) => State | Promise<State>,
): Promise<{ readonly state: State; readonly sequenceNumber: number; readonly count: number }> {
  const step = async (
    before: Promise<{ state: State; sequenceNumber: number; count: number }>,
    event: PersistedEvent,
  ): Promise<{ state: State; sequenceNumber: number; count: number }> => {
    const { state, count } = await before;
    const { sequenceNumber } = event;
    if (event.isDeleted) return { state, sequenceNumber, count: count + 1 };
    return { state: await apply(state, decode(event.data)), sequenceNumber, count: count + 1 };
  };
  return events.reduce(step, Promise.resolve({ ...from, count: 0 }));
}

/** Checks a key. @throws TroupeError INVALID_ARGUMENT */
export function requireKey(key: unknown): asserts key is string {
  if (typeof key !== 'string' || key === '')
    throw new TroupeError('INVALID_ARGUMENT', 'persistence takes a key: a text');
}

/** Checks how often a snapshot is taken. @returns messages; Infinity for never @throws TroupeError INVALID_ARGUMENT */
export function snapshotPeriod(every: unknown): number {
  if (!every) return Number.POSITIVE_INFINITY;
  if (typeof every === 'number' && every >= 1) return every;
  throw new TroupeError('INVALID_ARGUMENT', 'snapshotEvery must be a number of messages, 1 or more');
}
