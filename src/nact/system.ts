import { ActorSystem, type Behavior, type Ref as KernelRef } from '../actor/index.ts';
import { type Logger, TroupeError } from '../core/index.ts';
import type { AnyActor, Family, Fault } from './family.ts';
import type { Home } from './home.ts';
import { type ActorLog, plainLog } from './logging.ts';
import type { PersistenceEngine } from './persistence.ts';
import { ActorPath, type ActorReference, ActorSystemReference } from './references.ts';

/** Adds something to a system while it starts. */
export type Plugin = (system: NactSystem) => void;

/** A tree of actors written for nact, on an actor system of ours. Plugins written for nact set its fields. */
export class NactSystem implements Family {
  readonly home: Home;
  readonly name: string;
  readonly path: ActorPath;
  readonly reference: ActorSystemReference;
  readonly children = new Map<string, AnyActor>();
  readonly logger: Logger;
  /** Makes the log of an actor. */
  createLogger: (actor: ActorReference<never>) => ActorLog;
  persistenceEngine: PersistenceEngine | undefined;
  readonly #kernel: ActorSystem;
  #spawned = 0;

  constructor(home: Home, name: string) {
    const { host } = home;
    this.home = home;
    this.name = name;
    this.path = new ActorPath([], name);
    this.reference = new ActorSystemReference(this.path, {
      name,
      ...(host.remote === undefined ? {} : { node: host.remote.node }),
    });
    this.logger = host.logger;
    this.createLogger = (actor) => plainLog(host.logger, String(actor.path));
    this.persistenceEngine = host.persistence;
    this.#kernel = new ActorSystem({ clock: host.clock, random: host.random, logger: host.logger });
  }

  get system(): NactSystem {
    return this;
  }

  /** A name for an actor that was given none. */
  anonymous(): string {
    return `anonymous-${++this.#spawned}`;
  }

  /** Starts the kernel's actor behind one of nact's. nact lets a name be taken again at once, so ours get a number. */
  spawn<M>(path: ActorPath, capacity: number, behavior: Behavior<M>): KernelRef<M> {
    const name = `${path.parts.join('.')}~${++this.#spawned}`;
    return this.#kernel.spawn(() => behavior, { name, restart: 'temporary', mailbox: { capacity } });
  }

  /** Calls `listener` once the kernel's actor behind one of nact's is dead. */
  onEnd(cell: KernelRef<never>, listener: () => void): void {
    this.#kernel.watch(cell, listener);
  }

  /** Ends the kernel's actor behind one of nact's. */
  end(cell: KernelRef<never>): void {
    void this.#kernel.stop(cell);
  }

  /** The actor at a path, if one lives there. */
  find(parts: readonly string[]): Family | undefined {
    let at: Family | undefined = this;
    for (const part of parts) at = at?.children.get(part);
    return at;
  }

  /** A crash that nobody below has decided about: that top-level actor is stopped. */
  async fault({ child, error }: Fault): Promise<void> {
    this.logger.error('nact: top-level actor is stopped', { actor: String(child?.path), error: String(error) });
    child?.stop();
  }

  /** The engine that persistent actors are kept with. @throws TroupeError INVALID_CONFIGURATION when there is none */
  engine(): PersistenceEngine {
    if (this.persistenceEngine !== undefined) return this.persistenceEngine;
    throw new TroupeError('INVALID_CONFIGURATION', 'persistence takes an engine: start(configurePersistence(engine))');
  }

  stop(): void {
    for (const child of [...this.children.values()]) child.stop();
    this.home.ended(this);
    void this.#kernel.shutdown();
  }
}
