import type { ActorLog } from './logging.ts';
import type { ActorPath, Ref } from './references.ts';

/** What an actor is told besides the message; also its `this`. */
export interface ActorContext<Msg, Parent extends Ref<never>> {
  readonly parent: Parent;
  readonly path: ActorPath;
  readonly self: Ref<Msg>;
  readonly name: string;
  /** The children there were when the message came, by name. */
  readonly children: Map<string, Ref<unknown>>;
  /** Who sent the message; Nobody unless the sender said so, or asked with `query`. */
  readonly sender: Ref<unknown>;
  readonly log: ActorLog;
}

/** Mail as `onCrash` and `afterStop` see what still waits. */
export interface Mail<Msg> {
  readonly message: Msg;
  readonly sender: Ref<unknown>;
}

/** A context with the mail that waits. */
export interface ActorContextWithMailbox<Msg, Parent extends Ref<never>> extends ActorContext<Msg, Parent> {
  readonly mailbox: readonly Mail<Msg>[];
}

/** What `onCrash` may answer, as nact names it. */
export const SUPERVISION_ACTIONS = {
  /** Stop the actor itself. */
  stop: Symbol('stop'),
  /** Stop it and its siblings. */
  stopAll: Symbol('stopAll'),
  /** Stop the child that escalated. */
  stopChild: Symbol('stopChild'),
  stopAllChildren: Symbol('stopAllChildren'),
  /** Go on with the state before the message. */
  resume: Symbol('resume'),
  /** Go on with the initial state, without children. */
  reset: Symbol('reset'),
  resetAll: Symbol('resetAll'),
  resetChild: Symbol('resetChild'),
  resetAllChildren: Symbol('resetAllChildren'),
  /** Let the parent's `onCrash` decide. */
  escalate: Symbol('escalate'),
} as const;

/** What `onCrash` is told: all it may answer is part of it. */
export type SupervisionContext<Msg, Parent extends Ref<never>> = ActorContextWithMailbox<Msg, Parent> &
  typeof SUPERVISION_ACTIONS;

/** Handles a message; what it returns is the next state. */
export type ActorFunc<State, Msg, Parent extends Ref<never>> = (
  this: ActorContext<Msg, Parent>,
  state: State,
  message: Msg,
  context: ActorContext<Msg, Parent>,
) => State | Promise<State>;

/** Handles a message without state. */
export type StatelessActorFunc<Msg, Parent extends Ref<never>> = (
  this: ActorContext<Msg, Parent>,
  message: Msg,
  context: ActorContext<Msg, Parent>,
) => unknown;

/** Decides about a crash of the actor or, when `child` is given, about one that a child escalated. */
export type SupervisionActorFunc<Msg, Parent extends Ref<never>> = (
  message: Msg | undefined,
  error: unknown,
  context: SupervisionContext<Msg, Parent>,
  child: Ref<unknown> | undefined,
) => symbol | undefined | Promise<symbol | undefined>;

/** How an actor is kept. */
export interface ActorProps<State, Msg, Parent extends Ref<never>> {
  /** Stops the actor after this long without a message, ms. */
  readonly shutdownAfter?: number;
  /** Default: the crash is logged and the actor stops. */
  readonly onCrash?: SupervisionActorFunc<Msg, Parent>;
  readonly initialState?: State;
  /** Makes the initial state, within `spawn` and again at each reset. */
  readonly initialStateFunc?: (context: ActorContext<Msg, Parent>) => State;
  /** Runs once the actor has stopped. */
  readonly afterStop?: (state: State, context: ActorContextWithMailbox<Msg, Parent>) => void | Promise<void>;
}

/** How a stateless actor is kept. It always goes on after a crash. */
export type StatelessActorProps<Msg, Parent extends Ref<never>> = Pick<
  ActorProps<unknown, Msg, Parent>,
  'shutdownAfter'
>;
