import type { ActorContext, Behavior, BehaviorFactory } from '../actor/index.ts';
import { fromWireError, type WireError } from '../core/index.ts';
import { Border } from './border.ts';
import { resolveLimits, type ThreadLimits } from './limits.ts';
import { logLine } from './log-line.ts';
import type { Thread } from './thread.ts';
import type { Threads } from './threads.ts';
import { moduleBeside } from './worker.ts';

/** What the messages of an exported behaviour are. */
export type MessageOf<Export> = Export extends (init: never) => Behavior<infer M> ? M : never;
/** What an exported behaviour is made from. */
export type InitOf<Export> = Export extends (...init: infer Init) => unknown ? Init[0] : undefined;

/** How an actor in a thread is kept. What is left out has its default; see `ThreadLimits`. `init` is copied into the thread. */
export type ThreadBehaviorOptions<Export> = Partial<ThreadLimits> &
  (undefined extends InitOf<Export> ? { readonly init?: InitOf<Export> } : { readonly init: InitOf<Export> });

/** What the tenant is started with. */
export interface ActorTenantData {
  readonly module: string;
  readonly name: string;
  readonly init: unknown;
}

/**
 * The behaviour of an actor whose real behaviour runs in a thread: it hands over one message at a time and waits until that is
 * handled. Mailbox, supervision, asks and watches stay with the actor on this side. When the thread ends, the actor crashes with the
 * reason.
 */
export function inThread<M>(
  threads: Threads,
  module: string,
  name: string,
  { init, ...limits }: Partial<ThreadLimits> & { readonly init?: unknown },
): BehaviorFactory<M> {
  return () => {
    const data: ActorTenantData = { module, name, init };
    const { shutdownMs } = resolveLimits(limits);
    let thread: Thread;
    let border: Border;
    return {
      async start(ctx) {
        thread = await threads.open({
          tenant: moduleBeside('./actor-tenant', import.meta.url),
          data,
          limits,
          address: ctx.self.path,
          signal: ctx.signal,
          serve: {
            crashed: (error) => crash(ctx, fromWireError(error as WireError)),
            stopped: (reason) => unlessOver(ctx, () => ctx.stopSelf(reason as 'normal')),
            log: (line) => logLine(ctx.logger, line),
            tell: (message, signal) => border.serve.tell(message, signal),
            answer: (answer, signal) => border.serve.answer(answer, signal),
            lost: (lost, signal) => border.serve.lost(lost, signal),
            gone: (gone, signal) => border.serve.gone(gone, signal),
          },
        });
        border = new Border({
          clock: threads.clock,
          note: (about, value) => thread.channel.note(about, value),
          spawn: (factory, options) => ctx.spawn(factory, options),
          theirs: ctx.self,
        });
        void thread.ended.then((why) => crash(ctx, why));
        leave(ctx, thread, threads, shutdownMs);
        await thread.channel.call('start', undefined);
      },
      async receive(message) {
        await thread.channel.call('message', border.out(message));
      },
      async stop(_ctx, reason) {
        // A thread that has ended has nothing to clean up.
        await thread.channel.call('stop', reason).catch(() => undefined);
        await thread.end();
      },
    };
  };
}

/** Lets the thread hear at once that it is to stop, and ends it when it hasn't by the limit: twice, as for any actor. */
function leave(ctx: ActorContext<never>, thread: Thread, { clock }: Threads, shutdownMs: number): void {
  const begin = (): void => {
    thread.channel.note('stopping', undefined).catch(() => undefined);
    const limit = clock.schedule(2 * shutdownMs, () => void thread.end());
    void thread.ended.then(() => limit.cancel());
  };
  if (ctx.signal.aborted) begin();
  else ctx.signal.addEventListener('abort', begin, { once: true });
}

/** Makes the actor crash outside a handler, unless its incarnation is over. */
export function crash<M>(ctx: ActorContext<M>, error: unknown): void {
  unlessOver(ctx, () =>
    ctx.pipeToSelf(Promise.resolve(), () => {
      throw error;
    }),
  );
}

function unlessOver(ctx: ActorContext<never>, act: () => void): void {
  if (!ctx.signal.aborted) act();
}
