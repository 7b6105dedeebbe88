import { describe, expect, test } from 'vitest';
import { assertTree, type ReceivedSpan } from '../../otlp/receiver.ts';

function span(spanId: string, parentSpanId?: string, more: Partial<ReceivedSpan> = {}): ReceivedSpan {
  return {
    traceId: 't',
    spanId,
    parentSpanId,
    name: spanId,
    kind: '',
    service: 's1',
    resource: {},
    attributes: {},
    events: [],
    links: [],
    error: undefined,
    lost: false,
    startNs: 0n,
    endNs: 0n,
    ...more,
  };
}

describe('assertTree', () => {
  test('takes one tree over several services', () => {
    const tree = assertTree([span('c', 'b', { service: 's3' }), span('a'), span('b', 'a', { service: 's2' })], {
      services: 3,
    });
    expect(tree.root.spanId).toBe('a');
    expect([...tree.services].sort()).toEqual(['s1', 's2', 's3']);
  });

  test.each<[string, ReceivedSpan[], RegExp]>([
    ['nothing', [], /0 traces/],
    ['two traces', [span('a'), span('b', 'a', { traceId: 'u' })], /2 traces/],
    ['two roots', [span('a'), span('b')], /2 roots/],
    ['an orphan', [span('a'), span('c', 'b')], /orphan: s1 c c <- b/],
    ['a circle', [span('a'), span('b', 'c'), span('c', 'b')], /in a circle: s1 b/],
    ['too few services', [span('a')], /1 services \(s1\) instead of 2/],
  ])('refuses %s', (_, spans, problem) => {
    expect(() => assertTree(spans, { services: 2 })).toThrow(problem);
  });

  test('a span that came twice counts once, in its better telling', () => {
    const lost = span('b', 'a', { lost: true });
    const whole = span('b', 'a');
    for (const spans of [
      [span('a'), lost, whole],
      [span('a'), whole, lost],
    ]) {
      expect(assertTree(spans).spans).toEqual([span('a'), whole]);
    }
  });
});
