/** Actors as an agent in a worker thread sees them: names for those of the node's side, which does what is said of them. */
import type { AskOptions, EndReason, Ref, ReplyTo, Terminated } from '../../actor/index.ts';
import type { Actors, Topic } from '../../cluster/index.ts';
import { fromWireError, type NodeRef, TroupeError, type WireError } from '../../core/index.ts';
import { markReply } from '../../thread/index.ts';
import { extendPayload, REF_TYPE, readRef, readRefsAt } from '../../wire/index.ts';
import type { AgentContext } from '../context.ts';
import type { TurnCalls } from './protocol.ts';

/** Asks the node's side for something in the name of the turn that runs. */
export type AskNode = <Name extends keyof TurnCalls>(
  name: Name,
  call: TurnCalls[Name],
  signal?: AbortSignal,
) => Promise<never>;

/** What watches in an agent's context. */
type Interests = Pick<AgentContext<unknown>, 'watch' | 'unwatch' | 'subscribe' | 'unsubscribe'>;

/** The actors of the turn that runs. */
let present: TurnActors | undefined;
/** Refs by their addresses, as long as somebody holds them. */
const refs: Map<string, WeakRef<ThreadRef<unknown>>> = new Map();
const collected = new FinalizationRegistry<string>((address) => {
  if (refs.get(address)?.deref() === undefined) refs.delete(address);
});

/** The ref of an actor, by its address in the cluster: one and the same while somebody holds it. */
function refOf(address: string): ThreadRef<unknown> {
  const known = refs.get(address)?.deref();
  if (known !== undefined) return known;
  const ref = new ThreadRef(address);
  refs.set(address, new WeakRef(ref));
  collected.register(ref, address);
  return ref;
}

/** A ref of an actor that lives outside this thread. It is of use while a turn runs. */
class ThreadRef<M> implements Ref<M> {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Says only whether the message has left: it does while a turn runs. */
  tell(message: M): boolean {
    return present?.leave('actor', { ref: this, call: 'tell', message }) ?? false;
  }

  async offer(message: M): Promise<void> {
    await turnActors().ask('actor', { ref: this, call: 'offer', message });
  }

  async ask<R>(makeMessage: (reply: ReplyTo<R>) => M, { timeoutMs, signal }: AskOptions = {}): Promise<R> {
    const reply = nowhere<R>();
    const message = markReply(makeMessage(reply), reply);
    return turnActors().ask('askActor', { ref: this, message, timeoutMs }, signal);
  }

  toString(): string {
    return this.path;
  }

  toJSON(): string {
    return this.path;
  }
}

/** Stands in a message for the place for its answer, which is on the other side. */
function nowhere<R>(): ReplyTo<R> {
  const nobody = (): boolean => false;
  return { tell: nobody, fail: nobody, deadline: 0, signal: new AbortController().signal };
}

/** Lets refs into this thread, and out of it. */
export function letRefsCross(): void {
  extendPayload(REF_TYPE, ThreadRef<unknown>, (ref) => ref.path, readRef);
  readRefsAt({ refOf });
}

function turnActors(): TurnActors {
  if (present !== undefined) return present;
  throw new TroupeError('CANCELLED', 'no turn runs: from a thread actors are reached in turns only');
}

/** What one turn in the thread has of actors. All that it says of them has been done when the turn is over. */
export class TurnActors {
  readonly ask: AskNode;
  readonly actors: Actors;
  readonly interests: Interests;
  /** What has left without being waited for. */
  readonly #left: Set<Promise<unknown>> = new Set();
  readonly #over = new AbortController();

  constructor(self: NodeRef, ask: AskNode) {
    this.ask = ask;
    const interest =
      <Call extends keyof Interests>(call: Call) =>
      (...given: Parameters<Interests[Call]>): void =>
        void this.leave('interest', { call, given });
    this.interests = {
      watch: interest('watch'),
      unwatch: interest('unwatch'),
      subscribe: interest('subscribe'),
      unsubscribe: interest('unsubscribe'),
    };
    this.actors = {
      self,
      spawn: () => {
        const message = 'an actor would end with this thread: start it where the node does, with `defineActors`';
        throw new TroupeError('INVALID_ARGUMENT', message);
      },
      find: (node, name, options) => this.ask('findActor', { node, name, options }),
      addressOf: (ref) => ref.path,
      refOf: <M>(address: string) => refOf(address) as unknown as Ref<M>,
      watch: (ref, listener) => this.#watch(ref, listener),
      topic: <M>(name: string) => this.#topic<M>(name),
    };
    present = this;
  }

  /** @returns true: it has left */
  leave<Name extends keyof TurnCalls>(name: Name, call: TurnCalls[Name]): true {
    const left = this.ask(name, call);
    this.#left.add(left);
    left.then(
      () => this.#left.delete(left),
      () => undefined,
    );
    return true;
  }

  /** The handler has settled. @throws TroupeError (rejects) what became of what it didn't wait for */
  async end(): Promise<void> {
    await Promise.all(this.#left);
    this.#over.abort();
    if (present === this) present = undefined;
  }

  #watch(ref: Ref<never>, listener: (terminated: Terminated) => void): () => void {
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.#over.signal]);
    const ended: Promise<{ readonly reason: EndReason; readonly error?: WireError }> = this.ask(
      'ended',
      { ref },
      signal,
    );
    ended.then(
      ({ reason, error }) => {
        if (!signal.aborted) listener({ ref, reason, ...(error && { error: fromWireError(error) }) });
      },
      () => undefined,
    );
    return () => stop.abort();
  }

  #topic<M>(topic: string): Topic<M> {
    return {
      name: topic,
      publish: (message) => this.leave('topic', { topic, call: 'publish', given: message }),
      subscribe: (ref) => void this.leave('topic', { topic, call: 'subscribe', given: ref }),
      unsubscribe: (ref) => this.leave('topic', { topic, call: 'unsubscribe', given: ref }),
    };
  }
}
