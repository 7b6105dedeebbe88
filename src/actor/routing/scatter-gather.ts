import type { AskOptions, Ref, ReplyTo } from '../ref.ts';
import type { Routees } from './routees.ts';

/** Asks all, and takes the first answer. */
export type ScatterGather<M> = Pick<Ref<M>, 'path' | 'ask'>;

/**
 * A router that asks all its routees, makes a message for each, and gives the first answer; the other asks are then taken
 * back. It fails when all have failed, with the error of the last.
 */
export function scatterGatherFirst<M>(routees: Routees<M>): ScatterGather<M> {
  return {
    path: 'scatter-gather-first',
    ask: <R>(makeMessage: (reply: ReplyTo<R>) => M, options?: AskOptions): Promise<R> => {
      const answered = new AbortController();
      const signal =
        options?.signal === undefined ? answered.signal : AbortSignal.any([answered.signal, options.signal]);
      return new Promise<R>((resolve, reject) => {
        let open = routees.cells.length;
        for (const cell of routees.cells) {
          cell.ask(makeMessage, { ...options, signal }).then(
            (reply) => {
              resolve(reply);
              answered.abort();
            },
            (error: unknown) => {
              if (--open === 0) reject(error);
            },
          );
        }
      });
    },
  };
}
