/** What the tests of threads run in them. */
import { mkdtempSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import type { Behavior, Ref, ReplyTo } from '../../../src/actor/index.ts';
import { TroupeError } from '../../../src/core/index.ts';

/** A question that carries where its answer goes. */
type Ask<R> = { readonly reply: ReplyTo<R> };

/** What `crunch` understands. */
export type Work =
  | ({ readonly do: 'add'; readonly by: number } & Ask<number>)
  | ({ readonly do: 'env'; readonly name: string } & Ask<string | undefined>)
  | ({ readonly do: 'nice' } & Ask<number>)
  | ({ readonly do: 'write' } & Ask<string>)
  | ({ readonly do: 'until cancelled' } & Ask<number>)
  | ({ readonly do: 'never' } & Ask<number>)
  | ({ readonly do: 'who' } & Ask<Ref<Work>>)
  | ({ readonly do: 'askOther'; readonly other: Ref<Ask<number>>; readonly timeoutMs?: number } & Ask<string>)
  | ({ readonly do: 'askWithin'; readonly other: Ref<Ask<number>> } & Ask<never>)
  | ({ readonly do: 'forward'; readonly other: Ref<Ask<number>> } & Ask<number>)
  | ({ readonly do: 'tick' } & Ask<number>)
  | ({ readonly do: 'echo'; readonly value: unknown } & Ask<unknown>)
  | {
      readonly do:
        | 'loop'
        | 'exit'
        | 'close'
        | 'throw'
        | 'throw null later'
        | 'reject later'
        | 'buffers'
        | 'map'
        | 'stop'
        | 'cancelled?';
    }
  | { readonly do: 'tell'; readonly to: Ref<string>; readonly text: string; readonly times: number };

/** Counts, asks others, and does all that a thread must survive. */
export const crunch = (start: number): Behavior<Work> => {
  let sum = start;
  return {
    async receive(work, ctx) {
      switch (work.do) {
        case 'add':
          sum += work.by;
          work.reply.tell(sum);
          return;
        case 'env':
          work.reply.tell(process.env[work.name]);
          return;
        case 'nice':
          work.reply.tell(getPriority());
          return;
        case 'write':
          try {
            mkdtempSync(join(tmpdir(), 'troupe-thread-'));
            work.reply.tell('written');
          } catch (error) {
            work.reply.tell((error as { code: string }).code);
          }
          return;
        case 'until cancelled':
          // On a busy machine its time may be over already.
          if (!work.reply.signal.aborted)
            await new Promise((resolve) => work.reply.signal.addEventListener('abort', resolve, { once: true }));
          sum = -1;
          return;
        case 'never':
          await new Promise(() => undefined);
          return;
        case 'who':
          work.reply.tell(ctx.self);
          return;
        case 'askOther': {
          const options = work.timeoutMs === undefined ? {} : { timeoutMs: work.timeoutMs };
          try {
            work.reply.tell(String(await work.other.ask<number>((reply) => ({ reply }), options)));
          } catch (error) {
            work.reply.tell((error as TroupeError).code);
          }
          return;
        }
        case 'askWithin':
          try {
            await work.other.ask<number>((reply) => ({ reply }), { within: ctx });
          } catch (error) {
            sum = ['TIMEOUT', 'CANCELLED'].includes((error as TroupeError).code) ? 100 : -1;
          }
          return;
        case 'forward':
          ctx.forward(work.other, { reply: work.reply });
          return;
        case 'tick': {
          const { reply } = work;
          ctx.schedule(1, { do: 'add', by: 1, reply });
          return;
        }
        case 'echo':
          work.reply.tell(work.value);
          return;
        case 'tell':
          for (let i = 0; i < work.times; i++) work.to.tell(`${work.text}${i}`);
          return;
        case 'stop':
          ctx.stopSelf();
          return;
        case 'throw':
          throw new TroupeError('NOT_FOUND', 'nothing there', { data: { key: 'k' } });
        case 'reject later':
          setImmediate(() => void Promise.reject(new RangeError('nobody catches this')));
          return;
        case 'throw null later':
          setImmediate(() => {
            throw null;
          });
          return;
        case 'close':
          parentPort?.close();
          return;
        case 'exit':
          process.exit(3);
          break;
        case 'loop':
          for (;;);
        case 'buffers':
          for (const all: unknown[] = []; ; ) all.push(new Uint8Array(4_000_000).fill(1));
        case 'map':
          for (const all = new Map<number, number>(); ; ) all.set(all.size, 1);
      }
    },
    stop: async (_ctx, reason) => {
      if (reason === 'restart') await new Promise((resolve) => setImmediate(resolve));
    },
  };
};

/** Can't begin. */
export const broken = (): Behavior<string> => ({
  start: () => {
    throw new TroupeError('INVALID_CONFIGURATION', 'no key');
  },
  receive: () => undefined,
});
