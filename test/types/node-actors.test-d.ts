/** What must not compile, on actors of other nodes and topics: see actor.test-d.ts. */
import type { Ref, ReplyTo } from '../../src/actor/index.ts';
import { type Actors, defineActors } from '../../src/index.ts';

declare const actors: Actors;
declare const numbers: Ref<number>;
declare const texts: Ref<string>;

/** A ref that was found takes what its finder says it does. */
export async function finds(): Promise<void> {
  const far: Ref<{ readonly add: number; readonly reply: ReplyTo<number> }> = await actors.find('node-2', 'counter');
  const total: number = await far.ask<number>((reply) => ({ add: 1, reply }));
  void total;
  // @ts-expect-error no such message
  far.tell({ subtract: 1 });
  // @ts-expect-error the reply has another type
  await far.ask<string>((reply) => ({ add: 1, reply }));
}

/** A topic takes one type of message, and actors that take it. */
export function topics(): void {
  const topic = actors.topic<number>('numbers');
  topic.subscribe(numbers);
  topic.publish(1);
  // @ts-expect-error the subscriber takes something else
  topic.subscribe(texts);
  // @ts-expect-error what is published has another type
  topic.publish('1');
}

/** An ended actor is told of with its reason. */
export function watches(): void {
  actors.watch(texts, ({ reason }) => {
    if (reason === 'lost' || reason === 'gone' || reason === 'crashed') return;
    // @ts-expect-error there is no such reason
    if (reason === 'vanished') return;
  });
}

export const setup = defineActors(({ actors: here }) => {
  const mine: Ref<number> = here.spawn<number>(() => ({ receive: () => undefined }));
  // @ts-expect-error another protocol
  const other: Ref<string> = mine;
  void other;
});
