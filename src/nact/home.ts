import { type Clock, type Logger, type Random, type Timer, TroupeError } from '../core/index.ts';
import { NactActor, TIMEOUT_MS_MAX } from './actor.ts';
import type { Family } from './family.ts';
import type { PersistenceEngine } from './persistence.ts';
import { type ActorReference, Nobody, type Ref, TemporaryReference } from './references.ts';
import { NactSystem, type Plugin } from './system.ts';
import type { Mail } from './types.ts';

/** Queries that may wait for an answer at a time. */
export const OPEN_QUERIES_MAX = 1_000_000;

/** What systems run on. */
export interface NactHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Keeps persistent actors of systems that configure no engine of their own. */
  readonly persistence?: PersistenceEngine;
  /** The way to systems on other nodes. */
  readonly remote?: RemoteSystems;
}

/** The way to systems on other nodes. */
export interface RemoteSystems {
  /** The name of this node, in refs. */
  readonly node: string;
  /** Sends mail to whoever `to` names; its system is on another node. Never throws. */
  send(to: Ref<unknown>, mail: Mail<unknown>): void;
  /** Stops whoever `to` names; its system is on another node. Never throws. */
  stop(to: Ref<unknown>): void;
}

/** The systems of one process, and who waits there for an answer. Refs are data: this is where they are looked up. */
export class Home {
  readonly host: NactHost;
  readonly #systems = new Map<string, NactSystem>();
  readonly #waiting = new Map<string, (answer: unknown) => void>();
  readonly #queryIds: string;
  #queries = 0;

  constructor(host: NactHost) {
    this.host = host;
    this.#queryIds = host.random.id(12);
  }

  /** @throws TroupeError ALREADY_EXISTS when a living system has the name; what a plugin throws */
  start(name: string | undefined, plugins: readonly Plugin[]): NactSystem {
    const system = new NactSystem(this, name ?? this.host.random.id(16));
    if (this.#systems.has(system.name)) {
      throw new TroupeError('ALREADY_EXISTS', `there is a system named ${system.name}`);
    }
    this.#systems.set(system.name, system);
    for (const plugin of plugins) plugin(system);
    return system;
  }

  ended(system: NactSystem): void {
    this.#systems.delete(system.name);
  }

  /** Stops all systems. */
  close(): void {
    for (const system of [...this.#systems.values()]) system.stop();
  }

  /** Whoever a ref names here: an actor or a system. */
  find(ref: Ref<never>): Family | undefined {
    const system = this.#systems.get(ref.system.name ?? '');
    if (system === undefined || ref.type === 'nobody' || ref.type === 'temp') return undefined;
    return system.find((ref as ActorReference<never>).path.parts);
  }

  /** Hands mail to whoever `to` names, here or on another node. Mail to nobody vanishes, as in nact. */
  deliver(to: Ref<unknown>, mail: Mail<unknown>): void {
    if (this.isElsewhere(to)) this.host.remote?.send(to, mail);
    else this.deliverHere(to, mail);
  }

  /** Stops whoever a ref names, here or on another node; nothing when nobody is there. */
  stop(ref: Ref<unknown>): void {
    if (this.isElsewhere(ref)) this.host.remote?.stop(ref);
    else this.find(ref as Ref<never>)?.stop();
  }

  /** Hands mail to whoever `to` names here. */
  deliverHere(to: Ref<unknown>, mail: Mail<unknown>): void {
    if (to.type === 'temp') {
      this.#waiting.get((to as TemporaryReference<unknown>).id)?.(mail.message);
      return;
    }
    const actor = this.find(to);
    if (actor instanceof NactActor) actor.dispatch(mail);
    else if (to.type === 'actor') this.host.logger.debug('nact: nobody there', { to: pathOf(to) });
  }

  /**
   * Sends a message and waits for the first answer to its sender.
   *
   * @throws TroupeError (rejects) TIMEOUT, ACTOR_TERMINATED when nobody is there, OVERLOADED when too many wait
   */
  query(to: Ref<unknown>, message: unknown, timeoutMs: number): Promise<unknown> {
    if (!this.isElsewhere(to) && to.type !== 'temp' && !(this.find(to) instanceof NactActor)) {
      return Promise.reject(
        new TroupeError('ACTOR_TERMINATED', 'the actor has stopped or never was', { address: pathOf(to) }),
      );
    }
    if (this.#waiting.size >= OPEN_QUERIES_MAX) {
      return Promise.reject(new TroupeError('OVERLOADED', 'too many queries wait', { address: pathOf(to) }));
    }
    const id = `${this.#queryIds}-${++this.#queries}`;
    const node = this.host.remote?.node;
    const sender = new TemporaryReference(id, { name: to.system.name, ...(node === undefined ? {} : { node }) });
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const settle = (): void => {
      timer.cancel();
      this.#waiting.delete(id);
    };
    const timer: Timer = this.host.clock.schedule(Math.min(timeoutMs, TIMEOUT_MS_MAX), () => {
      settle();
      reject(new TroupeError('TIMEOUT', 'Query Timeout', { address: pathOf(to) }));
    });
    this.#waiting.set(id, (answer) => {
      settle();
      resolve(answer);
    });
    this.deliver(to, { message: typeof message === 'function' ? message(sender) : message, sender });
    return promise;
  }

  /** Whether a ref names somebody on another node. */
  isElsewhere({ system }: Ref<unknown>): boolean {
    return system.node !== undefined && system.node !== this.host.remote?.node;
  }
}

/** Whom a ref names, for people. */
export function pathOf(ref: Ref<unknown>): string {
  const { path } = ref as Partial<ActorReference<never>>;
  return `${ref.system.name ?? 'nobody'}://${path?.parts.join('/') ?? ref.type}`;
}

/** The sender of what nobody has sent. */
export const NOBODY: Nobody = new Nobody();
