import { z } from 'zod';
import { type AgentContext, type AgentRef, type AnyAgent, defineAgent } from '../../../src/agent/index.ts';
import { agentAddressKey, isTroupeError, nodeRefKey } from '../../../src/core/index.ts';
import type { Interests } from './interests.ts';
import { type Later, type Letters, type Mailbag, NO_MAIL } from './letters.ts';
import type { ClusterPlan } from './plan.ts';
import type { Attempt, Tool } from './tool.ts';

/** What an agent is asked to do. */
export interface Work {
  /** Names the operation; its request has the same id. */
  readonly op: string;
  /** Steps, side by side or one after the other, that must be reconciled when their outcome is unknown, or may be repeated. */
  readonly steps: number;
  readonly beside: boolean;
  readonly policy: 'reconcile' | 'retry';
  /** The sink that is told of it within the turn. */
  readonly sink?: string | undefined;
  /** Whether the sink gets notes too, which nobody waits for. */
  readonly notes?: boolean;
  /** The handler throws when it runs for the first time, at this point. */
  readonly throws?: 'before' | 'after' | undefined;
  /** What goes on when it is done. */
  readonly later?: Later | undefined;
}

/** What it answers: which of the agent's operations it was, from 1. */
export interface Done {
  readonly op: string;
  readonly count: number;
}

/** A message that is sent at most once: by whom on which life of a node, and when among all that were sent. */
export interface Note {
  readonly op: string;
  readonly from: string;
  readonly order: number;
}

/** What each agent remembers, in order: the operations that it did, the notes that it got, actors whose end it heard of, and its durable mail. */
export interface Memory extends Mailbag {
  readonly ops: readonly string[];
  readonly notes: readonly Note[];
  readonly ended: readonly string[];
}

const EMPTY: Memory = { ops: [], notes: [], ended: [], ...NO_MAIL };

/** Agents that never crash by themselves, ones that do, and ones that others ask. */
export const KINDS = ['steady', 'shaky', 'sink'] as const;

const SHARDS = 3;
const anything = z.any();

/** The agents of a run. */
export function agentsOf(
  { passivateAfterMs, spotOnly }: Pick<ClusterPlan, 'passivateAfterMs' | 'spotOnly'>,
  tool: Tool,
  letters: Letters,
  interests: Interests,
): readonly AnyAgent[] {
  const thrown = new Set<string>();
  const messages = {
    work: { input: anything },
    read: { input: anything },
    letter: { input: anything },
    ring: { input: anything },
    tick: { input: anything },
    heed: { input: anything },
    ended: { input: anything },
    news: { input: anything },
  };
  const mail = {
    letter: letters.letter.bind(letters),
    ring: letters.ring.bind(letters),
    tick: letters.tick.bind(letters),
    heed: interests.heed.bind(interests),
    ended: interests.ended.bind(interests),
    news: interests.news.bind(interests),
  };
  const done = (ctx: AgentContext<Memory>, op: string): Done => {
    const ops = [...ctx.state.ops, op];
    ctx.setState({ ...ctx.state, ops });
    letters.handled.add(op);
    return { op, count: ops.length };
  };
  const sink = defineAgent('sink', {
    state: () => EMPTY,
    ...(spotOnly && { placement: { require: { capacity: 'spot' } } }),
    shards: SHARDS,
    passivateAfterMs,
    supervision: { intensity: 0 },
    messages: { ...messages, note: { input: anything } },
    handlers: {
      work: async (ctx, { op, later }: Work): Promise<Done> => {
        await letters.leave(ctx, op, later);
        return done(ctx, op);
      },
      ...mail,
      note: (ctx, note: Note) => ctx.setState({ ...ctx.state, notes: [...ctx.state.notes, note] }),
      read: (ctx) => ctx.state,
    },
  });
  let order = 0;
  const work = async (ctx: AgentContext<Memory>, input: Work): Promise<Done> => {
    const { op, steps, beside, sink: key, throws } = input;
    const attempt = tool.attempt(ctx.node);
    const maybeThrow = (point: Work['throws']): void => {
      if (throws !== point || thrown.has(op)) return;
      thrown.add(op);
      throw new Error('a whim');
    };
    maybeThrow('before');
    const tell = async (name: string): Promise<void> => {
      if (!input.notes || key === undefined) return;
      const note: Note = {
        op: name,
        from: `${agentAddressKey(ctx.address)} on ${nodeRefKey(ctx.node)}`,
        order: ++order,
      };
      await ctx.host.tell({ kind: 'sink', key }, 'note', note);
    };
    const [early, late] = notesOf(op);
    await tell(early);
    await letters.leave(ctx, op, input.later);
    const all = Array.from({ length: steps }, (_, i) => () => step(ctx, tool, attempt, input, i));
    if (beside) await Promise.all(all.map((run) => run()));
    else for (const run of all) await run();
    await tell(late);
    if (key !== undefined) await askOnce(ctx.agent(sink, key), `${op}>${key}`);
    maybeThrow('after');
    return done(ctx, op);
  };
  const kind = (name: string, intensity: number): AnyAgent =>
    defineAgent(name, {
      state: () => EMPTY,
      shards: SHARDS,
      passivateAfterMs,
      supervision: { intensity },
      messages,
      handlers: { work, ...mail, read: (ctx) => ctx.state },
    });
  // Nothing but its own crashes may count against an agent: one that has none is given no room for any.
  return [kind('steady', 0), kind('shaky', 5), sink];
}

/** The notes of an operation: before its steps, and after them. */
export function notesOf(op: string): readonly [early: string, late: string] {
  return [`${op} begins`, `${op} ends`];
}

/** A turn that runs again, and asks for what was done long ago, needs no answer. */
async function askOnce(sink: AgentRef, op: string): Promise<void> {
  try {
    await sink.ask('work', { op });
  } catch (error) {
    if (!isTroupeError(error, 'REPLY_FORGOTTEN')) throw error;
  }
}

async function step(
  ctx: AgentContext<Memory>,
  tool: Tool,
  attempt: Attempt,
  { op, policy }: Work,
  i: number,
): Promise<void> {
  const label = `${op}.${i}`;
  const found =
    policy === 'retry'
      ? await ctx.step(`step-${i}`, { onUnknown: 'retry' }, ({ idempotencyKey }) =>
          tool.once(attempt, idempotencyKey, label),
        )
      : await ctx.step(
          `step-${i}`,
          { onUnknown: 'reconcile', reconcile: ({ idempotencyKey }) => tool.find(attempt, idempotencyKey) },
          ({ idempotencyKey }) => tool.perform(attempt, idempotencyKey, label),
        );
  if (found !== label) throw new Error(`step ${label} got the result of ${found}`);
}
