import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent } from '../../../src/agent/index.ts';
import { sampled, type Tracer } from '../../../src/core/index.ts';
import { Bench } from '../cluster/bench.ts';
import { type AgentNode, joinAgents } from './bench.ts';

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7';

/** Asks on, and says which trace context it was given. */
const link = defineAgent('link', {
  state: () => 0,
  shards: 1,
  durability: 'none',
  messages: { pass: { input: z.array(z.string()) } },
  handlers: {
    pass: async (ctx, [next, ...rest]): Promise<string[]> => {
      const own = ctx.traceparent ?? 'none';
      return next === undefined ? [own] : [own, ...((await ctx.agent(link, next).ask('pass', rest)) as string[])];
    },
  },
});

let bench: Bench;
let near: AgentNode;
/** Spans that were begun. */
let spans: string[];

beforeEach(async () => {
  spans = [];
  const tracer: Tracer = {
    enabled: true,
    start: (name) => {
      spans.push(name);
      return { traceparent: `${TRACE}-01`, set() {}, event() {}, end() {} };
    },
  };
  bench = await Bench.start();
  near = await joinAgents(bench, 'n1', [link], { tracer });
  const far = await joinAgents(bench, 'n2', [link], { tracer });
  await bench.place([0], far, 'link');
});
afterEach(() => bench.close());

const pass = (traceparent?: string): Promise<unknown> =>
  bench.settle(near.host.ask({ kind: 'link', key: 'a' }, 'pass', ['b'], { traceparent }));

describe('trace context', () => {
  test('goes with each ask, and every hop has its spans', async () => {
    expect(await pass(`${TRACE}-01`)).toEqual([`${TRACE}-01`, `${TRACE}-01`]);
    expect(spans).toEqual(['send', 'invoke_agent', 'send', 'invoke_agent']);
  });

  test('that is not sampled goes nowhere, and nobody asks the tracer', async () => {
    expect(await pass(`${TRACE}-00`)).toEqual(['none', 'none']);
    expect(await pass()).toEqual(['none', 'none']);
    expect(spans).toEqual([]);
  });

  test.each([
    ['-01', true],
    ['-00', false],
    ['-03', true],
    ['-0a', false],
    ['-0b', true],
    ['-01-more', true],
    ['', true],
  ])('with flags "%s"', (flags, kept) => {
    expect(sampled(`${TRACE}${flags}`) !== undefined).toBe(kept);
  });
});
