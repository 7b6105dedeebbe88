/**
 * For agents that were written for nact: its functions on our kernel, alone in this process. `nactOnNode` gives the same
 * ones on a node of a cluster.
 */
import { type Nact, nactOn } from './api.ts';
import { localHost } from './local.ts';

const local: Nact = nactOn(localHost);

/** Starts a system in this process; see `Nact`. */
export const start: Nact['start'] = local.start;
/** Starts an actor with state; see `Nact`. */
export const spawn: Nact['spawn'] = local.spawn;
/** Starts an actor without state; see `Nact`. */
export const spawnStateless: Nact['spawnStateless'] = local.spawnStateless;
/** Starts an actor whose persisted messages are replayed first; see `Nact`. */
export const spawnPersistent: Nact['spawnPersistent'] = local.spawnPersistent;
/** Makes a function that tells what the events of a key amount to; see `Nact`. */
export const persistentQuery: Nact['persistentQuery'] = local.persistentQuery;
/** Sends a message; see `Nact`. */
export const dispatch: Nact['dispatch'] = local.dispatch;
/** Sends a message and waits for the answer; see `Nact`. */
export const query: Nact['query'] = local.query;
/** Stops an actor or a system; see `Nact`. */
export const stop: Nact['stop'] = local.stop;
/** Sends a system's log lines to an actor; see `Nact`. */
export const configureLogging: Nact['configureLogging'] = local.configureLogging;
/** A logging engine that writes to the console; see `Nact`. */
export const logToConsole: Nact['logToConsole'] = local.logToConsole;

export { type Nact, nactOn, type PersistentActorFunc, type PersistentActorProps } from './api.ts';
export { type NactNode, nactOnNode } from './cluster.ts';
export type { Persist } from './history.ts';
export type { NactHost, RemoteSystems } from './home.ts';
export { journalEngine, nactJournal } from './journal.ts';
export {
  type ActorLog,
  type ConsoleLogOptions,
  type ConsoleProxy,
  type LoggingEngine,
  LogLevel,
  type LogMsg,
  logNothing,
} from './logging.ts';
export {
  type Coding,
  configurePersistence,
  type EventStream,
  type PersistedEvent,
  type PersistedSnapshot,
  type PersistenceEngine,
} from './persistence.ts';
export type { PersistentQueryProps } from './persistent-query.ts';
export {
  ActorPath,
  ActorReference,
  ActorSystemReference,
  Nobody,
  type Ref,
  type SystemAt,
  TemporaryReference,
} from './references.ts';
export type { NactSystem, Plugin } from './system.ts';
export * from './time.ts';
export type {
  ActorContext,
  ActorContextWithMailbox,
  ActorFunc,
  ActorProps,
  Mail,
  StatelessActorFunc,
  StatelessActorProps,
  SupervisionActorFunc,
  SupervisionContext,
} from './types.ts';
