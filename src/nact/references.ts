import { TroupeError } from '../core/index.ts';

/** What a name may hold: URI characters that need no escape. */
const NAME = /^[a-z0-9\-$_.+!*'(),]+$/i;

/** Where an actor is: its system, and the names from there down to it. */
export class ActorPath {
  readonly parts: readonly string[];
  readonly system: string;

  constructor(parts: readonly string[], system: string) {
    this.parts = parts;
    this.system = system;
  }

  /** @throws TroupeError INVALID_ARGUMENT when the name holds other characters than nact allows */
  createChildPath(name: string): ActorPath {
    if (!NAME.test(name)) throw new TroupeError('INVALID_ARGUMENT', `"${name}" can't be an actor's name`);
    return new ActorPath([...this.parts, name], this.system);
  }

  toString(): string {
    return `${this.system}://${this.parts.join('/')}`;
  }
}

/** Names a system, and the node it is on when that is one of a cluster. */
export interface SystemAt {
  readonly name: string | undefined;
  readonly node?: string;
}

/**
 * Names somebody to send to. A ref is data, as in nact: it may be part of a message, also to another node. It names whoever
 * is at a path now, so a newcomer of the same name gets what is sent to the old ref.
 */
export interface Ref<T> {
  readonly type: 'actor' | 'system' | 'temp' | 'nobody';
  readonly system: SystemAt;
  /** Never there: it tells the compiler what may be sent. */
  accepts?(message: T): void;
}

/** Takes every message and does nothing. */
export class Nobody implements Ref<unknown> {
  readonly type = 'nobody';
  readonly system: SystemAt = { name: undefined };
  readonly path: { readonly parts: readonly string[] } = { parts: [] };
}

/** Names an actor. */
export class ActorReference<T> implements Ref<T> {
  readonly type = 'actor';
  readonly name: string;
  readonly path: ActorPath;
  readonly parent: ActorReference<unknown> | ActorSystemReference;
  readonly system: SystemAt;

  constructor(path: ActorPath, name: string, parent: ActorReference<unknown> | ActorSystemReference) {
    this.path = path;
    this.name = name;
    this.parent = parent;
    this.system = parent.system;
  }
}

/** Names a system: the parent of its top-level actors. */
export class ActorSystemReference implements Ref<never> {
  readonly type = 'system';
  readonly name: string;
  readonly path: ActorPath;
  readonly system: SystemAt;

  constructor(path: ActorPath, system: SystemAt) {
    this.name = path.system;
    this.path = path;
    this.system = system;
  }
}

/** Names a query that waits for its answer. */
export class TemporaryReference<T> implements Ref<T> {
  readonly type = 'temp';
  readonly id: string;
  readonly system: SystemAt;

  constructor(id: string, system: SystemAt) {
    this.id = id;
    this.system = system;
  }
}
