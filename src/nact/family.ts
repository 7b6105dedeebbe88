import type { NactActor } from './actor.ts';
import type { ActorPath, ActorReference, ActorSystemReference, Ref } from './references.ts';
import type { NactSystem } from './system.ts';

/** An actor of any kind. */
export type AnyActor = NactActor<unknown, unknown>;

/** A crash on its way to whoever decides about it. */
export interface Fault {
  /** Undefined when no message was being handled. */
  readonly message: unknown;
  readonly sender: Ref<unknown>;
  readonly error: unknown;
  /** The child that escalated it. */
  readonly child?: AnyActor;
}

/** Whoever has children: an actor or a system. */
export interface Family {
  readonly system: NactSystem;
  readonly path: ActorPath;
  readonly reference: ActorReference<never> | ActorSystemReference;
  readonly children: Map<string, AnyActor>;
  /** Decides about a crash and carries the decision out. */
  fault(fault: Fault): Promise<void>;
  /** Ends it and all below. */
  stop(): void;
}
