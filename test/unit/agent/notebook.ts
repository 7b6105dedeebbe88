/**
 * Two nodes with agents that take notes, wait, crash and so on: `one` owns every shard, and tests ask from `two`. What is exported
 * with `let` is made anew by `setUp`.
 */
import { z } from 'zod';
import { type AgentContext, type AgentSpec, defineAgent } from '../../../src/agent/index.ts';
import type { Coordinator } from '../../../src/coordinator/index.ts';
import { TroupeError } from '../../../src/core/index.ts';
import type { Envelope } from '../../../src/remote/index.ts';
import { encodePayload } from '../../../src/wire/index.ts';
import { Bench } from '../cluster/bench.ts';
import { type AgentNode, joinAgents } from './bench.ts';

/** What `wait`, and the steps of `work`, wait for, by their names. */
export let gates: Map<string, PromiseWithResolvers<void>>;
/** Turns that began, in order: `n1 wait a`. */
export let turns: string[];
export let aborted: string[];

interface Notes {
  readonly notes: readonly string[];
}
const messages = {
  note: { input: z.string() },
  read: { input: z.undefined() },
  wait: { input: z.string() },
  work: { input: z.array(z.string()) },
  beside: { input: z.array(z.string()).length(3) },
  obey: { input: z.undefined() },
  crash: { input: z.undefined() },
  spoil: { input: z.undefined() },
  tooLong: { input: z.undefined(), output: z.string().max(3) },
};
function step(ctx: AgentContext<Notes>, name: string): Promise<void> {
  return ctx.step(name, async () => {
    turns.push(`${ctx.node.node} step ${name}`);
    await gates.get(name)?.promise;
  });
}
const spec: AgentSpec<Notes, typeof messages> = {
  state: () => ({ notes: [] }),
  shards: 1,
  messages,
  handlers: {
    note(ctx, text) {
      turns.push(`${ctx.node.node} note ${text}`);
      ctx.setState({ notes: [...ctx.state.notes, text] });
      return ctx.state.notes.length;
    },
    read: (ctx) => ctx.state.notes,
    async wait(ctx, name) {
      turns.push(`${ctx.node.node} wait ${name}`);
      ctx.signal.addEventListener('abort', () => aborted.push(name), { once: true });
      await gates.get(name)?.promise;
      return `${name} on ${ctx.node.node}`;
    },
    async work(ctx, steps) {
      for (const name of steps) await step(ctx, name);
      return `worked on ${ctx.node.node}`;
    },
    /** The third step follows the first, while the second may still be under way. */
    async beside(ctx, [first = '', second = '', third = '']) {
      await Promise.all([step(ctx, first).then(() => step(ctx, third)), step(ctx, second)]);
      return `worked on ${ctx.node.node}`;
    },
    obey(ctx) {
      turns.push(`${ctx.node.node} obey`);
      if (ctx.node.node === 'n2') return 'obeyed on n2';
      return new Promise((_resolve, reject) => {
        ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason), { once: true });
      });
    },
    crash: () => {
      throw new RangeError('boom');
    },
    spoil(ctx) {
      (ctx.state.notes as string[]).push('spoilt');
      throw new TroupeError('CANCELLED', 'thought better of it');
    },
    tooLong: () => 'much too long',
  },
};

const plain = defineAgent('plain', spec);
const small = (overflow: 'reject' | 'drop-oldest' | 'drop-newest' | 'backpressure', kind: string) =>
  defineAgent(kind, { ...spec, mailbox: { capacity: 2, overflow } });
/** Agent kinds: `plain`, one per overflow policy with room for two, some that crash or leave early. */
export const kinds = [
  plain,
  small('reject', 'reject'),
  small('drop-oldest', 'drop-oldest'),
  small('drop-newest', 'drop-newest'),
  small('backpressure', 'backpressure'),
  defineAgent('light', { ...spec, mailbox: { bytes: 1_000 } }),
  defineAgent('brittle', { ...spec, supervision: { intensity: 1, periodMs: 5_000 } }),
  defineAgent('mortal', { ...spec, supervision: { restart: 'temporary' } }),
  defineAgent('sole', { ...spec, singleton: true }),
  defineAgent('brief', { ...spec, passivateAfterMs: 2_000 }),
];

export let bench: Bench;
export let one: AgentNode;
export let two: AgentNode;
/** Fails this many calls of a name on node 1. */
export let failing: Map<string, TroupeError[]>;

export async function setUp(): Promise<void> {
  gates = new Map();
  turns = [];
  aborted = [];
  failing = new Map();
  bench = await Bench.start();
  const fail = (name: string): void => {
    const error = failing.get(name)?.shift();
    if (error !== undefined) throw error;
  };
  const coordinator = (real: Coordinator): Coordinator => ({
    execute: async (name, request, options) => {
      fail(name);
      return real.execute(name, request, options);
    },
    query: async (name, request, options) => {
      fail(name);
      return real.query(name, request, options);
    },
    watch: (listener) => real.watch(listener),
    leader: undefined,
    onLeader: () => () => undefined,
  });
  one = await joinAgents(bench, 'n1', kinds, { coordinator });
  two = await joinAgents(bench, 'n2', kinds);
  for (const { kind } of kinds) await bench.place([0], one, kind);
}

export const gate = (name: string): PromiseWithResolvers<void> => {
  const made = Promise.withResolvers<void>();
  gates.set(name, made);
  return made;
};
export const ask = (
  method: keyof typeof messages,
  input?: unknown,
  options = {},
  kind = 'plain',
  key = 'k',
): Promise<unknown> => {
  const asked = two.asks.ask({ kind, key }, method, input, options);
  asked.catch(() => undefined);
  return asked;
};
export const settle = <T>(promise: Promise<T>): Promise<T> => bench.settle(promise);
export const began = (count: number): Promise<void> => bench.until(() => turns.length >= count);
/** An agent that is busy with `hold`, with messages that arrived in order behind it. */
export async function busy(
  kind: string,
  names: readonly string[],
): Promise<{ held: Promise<unknown>; waiting: Promise<unknown>[] }> {
  gate('hold');
  const held = ask('wait', 'hold', {}, kind);
  await began(1);
  const waiting: Promise<unknown>[] = [];
  for (const name of names) {
    waiting.push(ask('note', name, {}, kind));
    await bench.clock.advance(20);
  }
  return { held, waiting };
}
export const outcomes = async (asked: readonly Promise<unknown>[]): Promise<unknown[]> =>
  (await settle(Promise.allSettled(asked))).map((o) =>
    o.status === 'fulfilled' ? o.value : (o.reason as TroupeError).code,
  );

/** A tell from nobody in particular. */
export function message(method: string, input: unknown): Envelope {
  const requestId = `${method} ${input}`;
  return { kind: 'tell', to: 'agent:plain/k', correlation: 0, method, payload: encodePayload(input), requestId };
}
