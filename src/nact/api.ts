import { TroupeError } from '../core/index.ts';
import { NactActor } from './actor.ts';
import type { Family } from './family.ts';
import { History, type Persist } from './history.ts';
import { Home, type NactHost, NOBODY, pathOf } from './home.ts';
import { type ConsoleLogOptions, consoleWriter, engineLog, type LoggingEngine, type LogMsg } from './logging.ts';
import type { Coding } from './persistence.ts';
import { PersistentQuery, type PersistentQueryProps } from './persistent-query.ts';
import type { ActorSystemReference, Ref } from './references.ts';
import type { Plugin } from './system.ts';
import type { ActorContext, ActorFunc, ActorProps, StatelessActorFunc, StatelessActorProps } from './types.ts';

/** Handles a message of a persistent actor, or one that was persisted before: then `recovering` is true. */
export type PersistentActorFunc<State, Msg, Parent extends Ref<never>> = (
  this: ActorContext<Msg, Parent>,
  state: State,
  message: Msg,
  context: ActorContext<Msg, Parent> & Persist<Msg> & { readonly recovering?: boolean },
) => State | Promise<State>;

/** How a persistent actor is kept. */
export interface PersistentActorProps<State, Msg, Parent extends Ref<never>>
  extends ActorProps<State, Msg, Parent>,
    Coding<State, Msg> {
  /** Takes a snapshot after so many persisted messages. Default: never. */
  readonly snapshotEvery?: number;
}

/** nact's functions. Their meaning is nact's, where docs/nact.md doesn't say otherwise. */
export interface Nact {
  /** Starts a system. A name must be free; without one it gets one of its own. @throws TroupeError ALREADY_EXISTS */
  start(first?: Plugin | string | { readonly name?: string }, ...plugins: Plugin[]): ActorSystemReference;
  /**
   * Starts an actor with state.
   * @throws TroupeError ACTOR_TERMINATED (the parent has stopped), ALREADY_EXISTS (name), INVALID_ARGUMENT, OVERLOADED
   */
  spawn<State, Msg, Parent extends Ref<never>>(
    parent: Parent,
    handle: ActorFunc<State, Msg, Parent>,
    name?: string,
    props?: ActorProps<State, Msg, Parent>,
  ): Ref<Msg>;
  /** Starts an actor without state; a crash costs it the message only. @throws TroupeError as `spawn` does */
  spawnStateless<Msg, Parent extends Ref<never>>(
    parent: Parent,
    handle: StatelessActorFunc<Msg, Parent>,
    name?: string,
    props?: StatelessActorProps<Msg, Parent>,
  ): Ref<Msg>;
  /**
   * Starts an actor whose persisted messages are replayed first.
   * @throws TroupeError as `spawn` does; INVALID_CONFIGURATION when the system has no engine
   */
  spawnPersistent<State, Msg, Parent extends Ref<never>>(
    parent: Parent,
    handle: PersistentActorFunc<State, Msg, Parent>,
    key: string,
    name?: string,
    props?: PersistentActorProps<State, Msg, Parent>,
  ): Ref<Msg>;
  /** Makes a function that tells what the events of a key amount to. @throws TroupeError as `spawnPersistent` does */
  persistentQuery<State, Msg>(
    parent: Ref<never>,
    apply: (state: State, message: Msg) => State | Promise<State>,
    key: string,
    props?: PersistentQueryProps<State, Msg>,
  ): () => Promise<State>;
  /** Sends a message. One to nobody, or to somebody who has stopped, vanishes. */
  dispatch<Msg>(actor: Ref<Msg>, message: Msg, sender?: Ref<never>): void;
  /**
   * Sends a message and waits for the first answer to its sender.
   *
   * @param message the message, or what makes it from the ref to answer to
   * @param timeout ms
   * @throws TroupeError INVALID_ARGUMENT without a timeout; (rejects) TIMEOUT, ACTOR_TERMINATED, OVERLOADED
   */
  query<Msg, Reply = unknown>(
    actor: Ref<Msg>,
    message: Msg | ((sender: Ref<Reply>) => Msg),
    timeout: number,
  ): Promise<Reply>;
  /** Stops an actor after its current message, with all below it; or a whole system. */
  stop(actor: Ref<never>): void;
  /** Lets a system send its actors' log lines to the actor that `engine` makes. */
  configureLogging(engine: LoggingEngine): Plugin;
  /** A logging engine that writes to the console. */
  logToConsole(options?: ConsoleLogOptions): LoggingEngine;
}

/**
 * nact's functions on a host. What they start runs there, and refs reach across the nodes of the host's cluster.
 *
 * @example
 * // nact.ts of a program that was written for nact: it imports this instead
 * export const { start, spawn, spawnStateless, dispatch, query, stop } = nactOn(host);
 */
export function nactOn(host: NactHost): Nact {
  return functionsOf(new Home(host));
}

/** nact's functions for the systems of one process. */
export function functionsOf(home: Home): Nact {
  const familyOf = (parent: Ref<never>): Family => {
    const elsewhere = home.isElsewhere(parent as Ref<unknown>);
    if (elsewhere) throw new TroupeError('INVALID_ARGUMENT', 'an actor is started on the node of its parent');
    const family = home.find(parent);
    if (family !== undefined) return family;
    throw new TroupeError('ACTOR_TERMINATED', 'the parent has stopped or never was', {
      address: pathOf(parent as Ref<unknown>),
    });
  };
  const nact: Nact = {
    start(first, ...plugins) {
      if (isPlugin(first)) return home.start(undefined, [first, ...plugins]).reference;
      const name = typeof first === 'object' ? first.name : first;
      return home.start(name || undefined, plugins).reference;
    },
    spawn: (parent, handle, name, props = {}) =>
      new NactActor(familyOf(parent), handle as never, name, props as never).reference,
    spawnStateless: (parent, handle, name, props = {}) =>
      nact.spawn(
        parent,
        function (_, message, context) {
          return handle.call(this, message, context);
        },
        name,
        { shutdownAfter: props.shutdownAfter as number, onCrash: (_message, _error, context) => context.resume },
      ),
    spawnPersistent(parent, handle, key, name, props = {}) {
      const family = familyOf(parent);
      const { host } = home;
      const history = new History(family.system.engine(), key, props, () => host.clock.now(), host.logger);
      return new NactActor(family, handle as never, name, props as never, history as never).reference;
    },
    persistentQuery(parent, apply, key, props = {}) {
      const { host } = home;
      const query = new PersistentQuery(familyOf(parent).system.engine(), apply, key, props, host.clock, host.logger);
      return () => query.ask();
    },
    dispatch(actor, message, sender = NOBODY) {
      home.deliver(actor as Ref<unknown>, { message, sender: sender as Ref<unknown> });
    },
    query(actor, message, timeout) {
      if (!(timeout > 0)) throw new TroupeError('INVALID_ARGUMENT', 'a query takes a timeout, ms');
      return home.query(actor as Ref<unknown>, message, timeout) as Promise<never>;
    },
    stop: (actor) => home.stop(actor as Ref<unknown>),
    configureLogging: (engine) => (system) => {
      const to = engine(system.reference) as Ref<unknown> | undefined;
      if (to === undefined) throw new TroupeError('INVALID_ARGUMENT', 'the logging engine makes no actor');
      system.createLogger = (actor) =>
        engineLog(
          actor,
          () => home.host.clock.now(),
          (line) => home.deliver(to, { message: line, sender: actor as Ref<unknown> }),
        );
    },
    logToConsole:
      (options = {}) =>
      (system) => {
        const write = consoleWriter(options);
        return nact.spawnStateless(system, (line: LogMsg) => write(line), options.name ?? 'console-logger');
      },
  };
  return nact;
}

function isPlugin(first: unknown): first is Plugin {
  return typeof first === 'function';
}
