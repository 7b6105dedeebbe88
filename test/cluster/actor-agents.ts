import { type Actors, defineActors, defineAgent } from 'troupe';
import type { Ref, ReplyTo } from 'troupe/actor';
import { z } from 'zod';

type Work = { readonly kind: 'echo' | 'hang'; readonly reply: ReplyTo<string> };

type Order =
  | { readonly kind: 'watch' | 'hang' | 'echo'; readonly node: string; readonly reply: ReplyTo<string> }
  | { readonly kind: 'again'; readonly reply: ReplyTo<string> }
  | { readonly kind: 'look'; readonly reply: ReplyTo<string[]> }
  | { readonly kind: 'note'; readonly text: string };

/** Looks up and uses workers of other nodes, and keeps a log of what it sees. */
function observe(actors: Actors) {
  const log: string[] = [];
  let last: Ref<Work> | undefined;
  const codeOf = (error: unknown): string => (error as { readonly code: string }).code;
  const work = (worker: Ref<Work>, kind: Work['kind']): Promise<string> =>
    worker.ask<string>((reply) => ({ kind, reply }), { timeoutMs: 60_000 }).catch(codeOf);
  const carryOut = async (order: Order): Promise<void> => {
    if (order.kind === 'note') log.push(order.text);
    else if (order.kind === 'look') order.reply.tell([...log]);
    else if (order.kind === 'again') order.reply.tell(await work(last as Ref<Work>, 'echo'));
    else {
      const worker = await actors.find<Work>(order.node, 'worker');
      if (order.kind === 'echo') order.reply.tell(await work(worker, 'echo'));
      else {
        last = worker;
        if (order.kind === 'watch') actors.watch(worker, ({ reason }) => log.push(`${order.node} ${reason}`));
        else void work(worker, 'hang').then((outcome) => log.push(`${order.node} ${outcome}`));
        order.reply.tell('done');
      }
    }
  };
  // A node that is gone for now is an answer, no crash.
  return {
    receive: (order: Order) => carryOut(order).catch((error) => void ('reply' in order && order.reply.fail(error))),
  };
}

/** Every node has a worker, and one node an observer; what is published comes to both. */
export const actors = defineActors(({ actors }) => {
  const here = actors.self.node;
  actors.spawn<Work>(() => ({ receive: ({ kind, reply }) => void (kind === 'echo' && reply.tell(here)) }), {
    name: 'worker',
  });
  if (here === 'node-1') {
    const observer = actors.spawn<Order>(() => observe(actors), { name: 'observer' });
    actors.topic<Order>('heard').subscribe(observer);
  }
  const relay = actors.spawn<number>(() => ({
    receive: (n) => void actors.topic<Order>('heard').publish({ kind: 'note', text: `${here} ${n}` }),
  }));
  actors.topic<number>('said').subscribe(relay);
});

/** Lets the test speak with the observer, from whichever node it is on. */
export const window = defineAgent('window', {
  state: () => ({}),
  messages: {
    order: { input: z.object({ kind: z.string(), node: z.string() }), output: z.string() },
    look: { input: z.null(), output: z.array(z.string()) },
    say: { input: z.array(z.number()) },
  },
  handlers: {
    async order(ctx, { kind, node }) {
      const observer = await ctx.actors.find<Order>('node-1', 'observer');
      return observer.ask<string>((reply) => ({ kind, node, reply }) as Order);
    },
    async look(ctx) {
      const observer = await ctx.actors.find<Order>('node-1', 'observer');
      return observer.ask<string[]>((reply) => ({ kind: 'look', reply }));
    },
    say(ctx, numbers) {
      for (const n of numbers) ctx.actors.topic<number>('said').publish(n);
    },
  },
});
