/**
 * What must not compile, on actors. `npm run check` runs tsc over this file and nothing ever runs it: an expectation that
 * is not met is an error, and so is an error that is not expected.
 */
import { type ActorContext, ActorSystem, type Behavior, type Ref, type ReplyTo } from '../../src/actor/index.ts';

interface Add {
  readonly type: 'add';
  readonly n: number;
}
interface Total {
  readonly type: 'total';
  readonly reply: ReplyTo<number>;
}
type Counter = Add | Total;

declare const counter: Ref<Counter>;
declare const adder: Ref<Add>;
declare const reply: ReplyTo<number>;
declare const ctx: ActorContext<Counter>;

/** A message outside the protocol. */
export function messages(): void {
  counter.tell({ type: 'add', n: 1 });
  // @ts-expect-error no such message
  counter.tell({ type: 'subtract', n: 1 });
  // @ts-expect-error the field has another type
  counter.tell({ type: 'add', n: '1' });
  // @ts-expect-error a field is missing
  counter.tell({ type: 'add' });
  // @ts-expect-error a field too many
  counter.tell({ type: 'add', n: 1, by: 'me' });
  // @ts-expect-error no such message
  void counter.offer({ type: 'subtract', n: 1 });
  // @ts-expect-error no such message
  ctx.stash('add');
  // @ts-expect-error no such message
  ctx.schedule(10, { type: 'tick' });
  // @ts-expect-error no such message
  ctx.setReceiveTimeout(10, { type: 'quiet' });
  // @ts-expect-error no such message
  ctx.watch(counter, () => ({ type: 'gone' }));
  // @ts-expect-error the promise gives a string, the message wants a number
  ctx.pipeToSelf(Promise.resolve('1'), (it) => ({ type: 'add', n: it.ok ? it.value : 0 }));
  // @ts-expect-error no message of that actor's
  ctx.forward(adder, { type: 'total', reply });
}

/** A reply of the wrong type. */
export async function replies(): Promise<void> {
  const total: number = await counter.ask((to) => ({ type: 'total', reply: to }));
  reply.tell(total);
  // @ts-expect-error the answer is a number
  const wrong: string = await counter.ask((to) => ({ type: 'total', reply: to }));
  void wrong;
  // @ts-expect-error the answer is a number
  await counter.ask<string>((to) => ({ type: 'total', reply: to }));
  // @ts-expect-error no such question
  await counter.ask<number>((to) => ({ type: 'sum', reply: to }));
  // @ts-expect-error the asker wants a number
  reply.tell('1');
  // @ts-expect-error who can be told one number can't be told anything
  const anything: ReplyTo<unknown> = reply;
  void anything;
}

/** A ref of the wrong protocol. */
export function refs(): void {
  const narrower: Ref<Add> = counter;
  const nobody: Ref<never> = counter;
  // @ts-expect-error it understands less
  const wider: Ref<Counter> = adder;
  // @ts-expect-error it understands something else
  const other: Ref<string> = counter;
  // @ts-expect-error nothing may be sent to a ref whose protocol isn't known
  nobody.tell({ type: 'add', n: 1 });
  // @ts-expect-error a ref can't be made up
  const madeUp: Ref<Add> = { path: '/made/up' };
  void [narrower, wider, other, madeUp];
}

/** A behaviour of the wrong protocol. */
export function behaviours(system: ActorSystem): void {
  const handlesAdd: Behavior<Add> = { receive: (message) => void message.n };
  const ref: Ref<Add> = system.spawn(() => handlesAdd);
  // @ts-expect-error what it handles is less than what its ref would take
  const wider: Ref<Counter> = system.spawn(() => handlesAdd);
  // @ts-expect-error a behaviour must receive
  system.spawn<Add>(() => ({ start() {} }));
  system.spawn<Add>(() => ({
    // @ts-expect-error another message type
    receive(message: string) {
      void message;
    },
  }));
  // @ts-expect-error sizes are of this actor's messages
  system.spawn<Add>(() => handlesAdd, { mailbox: { sizeOf: (message: string) => message.length } });
  const of = (message: string): number => message.length;
  // @ts-expect-error urgency too
  system.spawn<Add>(() => handlesAdd, { mailbox: { priority: { levels: 2, of } } });
  void [ref, wider];
}

/** Options and decisions that don't exist. */
export function options(system: ActorSystem): void {
  const quiet = (): Behavior<Add> => ({ receive() {} });
  // @ts-expect-error no such policy
  system.spawn(quiet, { mailbox: { overflow: 'drop-all' } });
  // @ts-expect-error no such restart type
  system.spawn(quiet, { restart: 'always' });
  // @ts-expect-error no such strategy
  system.spawn(quiet, { supervision: { strategy: 'one-for-two' } });
  // @ts-expect-error no such directive
  system.spawn(quiet, { supervision: { decider: () => 'ignore' } });
  // @ts-expect-error no such limit
  void new ActorSystem({ limits: { mailboxLetters: 1 } });
}
