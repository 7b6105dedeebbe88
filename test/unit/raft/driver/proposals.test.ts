import { describe, expect, test } from 'vitest';
import { type Span, type SpanOptions, type Tracer, TroupeError } from '../../../../src/core/index.ts';
import { Proposals } from '../../../../src/raft/driver/proposals.ts';
import { Cluster } from './cluster.ts';

function place(proposals: Proposals, firstIndex: number, count: number, term: number): Promise<unknown>[] {
  const outcomes: Promise<unknown>[] = [];
  const all = Array.from({ length: count }, () => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    outcomes.push(promise.catch((error: TroupeError) => error.code));
    return { data: new Uint8Array(0), span: undefined, resolve, reject };
  });
  proposals.place(all, { firstIndex, lastIndex: firstIndex + count - 1, term });
  return outcomes;
}

describe('Proposals', () => {
  test('an entry of the same index and another term is not the proposal', async () => {
    const proposals = new Proposals();
    const outcomes = place(proposals, 5, 2, 3);
    proposals.settle(4, 3, 'someone else');
    proposals.settle(5, 4, 'replaced');
    proposals.settle(6, 3, 'mine');
    expect(await Promise.all(outcomes)).toEqual(['PROPOSAL_DROPPED', { index: 6, term: 3, reply: 'mine' }]);
    expect(proposals.size).toBe(0);
  });

  test('a snapshot hides the outcome of those it covers, and of no others', async () => {
    const proposals = new Proposals();
    const outcomes = place(proposals, 5, 3, 3);
    proposals.dropThrough(6);
    expect(proposals.size).toBe(1);
    proposals.settle(7, 3, 'mine');
    expect(await Promise.all(outcomes)).toEqual([
      'PROPOSAL_DROPPED',
      'PROPOSAL_DROPPED',
      { index: 7, term: 3, reply: 'mine' },
    ]);
  });
});

describe('tracing', () => {
  function recorder(): { readonly tracer: Tracer; readonly spans: unknown[] } {
    const spans: unknown[] = [];
    const tracer: Tracer = {
      enabled: true,
      start(name: string, options?: SpanOptions): Span {
        const span: Record<string, unknown> = { name, parent: options?.parent };
        spans.push(span);
        return {
          traceparent: undefined,
          set: (attributes) => Object.assign(span, attributes),
          event() {},
          end: (error) => {
            span.ended = error instanceof TroupeError ? error.code : 'well';
          },
        };
      },
    };
    return { tracer, spans };
  }

  test('a proposal with a traceparent is a span that ends with its outcome, one without never touches the tracer', async () => {
    const { tracer, spans } = recorder();
    const cluster = await Cluster.start(3, { tracer });
    const leader = await cluster.leader();
    const follower = cluster.others(leader)[0] as string;
    await cluster.wait(cluster.member(leader).propose(Buffer.from('untraced')));
    expect(spans).toEqual([]);
    const done = await cluster.wait(
      cluster.member(leader).propose(Buffer.from('traced'), { traceparent: '00-a-b-01' }),
    );
    const refused = cluster.member(follower).propose(Buffer.from('refused'), { traceparent: '00-a-c-01' });
    await expect(cluster.wait(refused)).rejects.toMatchObject({ code: 'NOT_LEADER' });
    const where = { 'troupe.raft.index': done.index, 'troupe.raft.term': done.term };
    expect(spans).toEqual([
      { name: 'raft.propose', parent: '00-a-b-01', ended: 'well', ...where },
      { name: 'raft.propose', parent: '00-a-c-01', ended: 'NOT_LEADER' },
    ]);
    await cluster.close();
  });
});
