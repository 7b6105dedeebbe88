import { beforeEach, describe, expect, test } from 'vitest';
import { TimelineRecorder } from '../../../src/cli/timeline.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';
import { decisionEvent, node, nodeEvent } from './fakes.ts';

const account = { agents: 40, messages: 3, drainMs: 812.4, pauseMsP50: 5, pauseMsP99: 21 };
let clock: ManualClock;
let timeline: TimelineRecorder;

beforeEach(() => {
  clock = new ManualClock();
  timeline = new TimelineRecorder(clock);
});

const view = (...nodes: ReturnType<typeof node>[]) => ({ index: 1, nodes, groups: [], shards: [] });

describe('the timeline of a job', () => {
  test('begins with the nodes and the leader, and tells each change once', async () => {
    timeline.status({ leader: { node: 'a', term: 2 }, view: view(node('a'), node('b')) });
    await clock.advance(500);
    timeline.event(nodeEvent(node('b')));
    timeline.event(nodeEvent(node('b', { state: 'draining', reason: 'notice' })));
    timeline.leader({ node: 'a', term: 2 });
    timeline.leader({ node: 'c', term: 3 });
    timeline.leader({ node: 'a', term: 2 });
    expect(timeline.entries).toEqual([
      { atMs: 0, type: 'node', node: 'a', state: 'up' },
      { atMs: 0, type: 'node', node: 'b', state: 'up' },
      { atMs: 0, type: 'leader', node: 'a', term: 2 },
      { atMs: 500, type: 'node', node: 'b', state: 'draining', reason: 'notice' },
      { atMs: 500, type: 'leader', node: 'c', term: 3 },
    ]);
  });

  test('a new life of a node is news, an older one is not', () => {
    timeline.event(nodeEvent(node('a', { incarnation: 5 })));
    timeline.event(nodeEvent(node('a', { incarnation: 4, state: 'down' })));
    timeline.event(nodeEvent(node('a', { incarnation: 6 })));
    expect(timeline.entries).toHaveLength(2);
  });

  test('a preemption hurts for as long as the drain took, by the account of the node', async () => {
    timeline.fault('preempt', 'spot-1', 1);
    expect(timeline.entries[0]).toMatchObject({ type: 'fault', hurtMs: undefined });
    await clock.advance(900);
    timeline.event(nodeEvent(node('spot-2', { state: 'left', account })));
    expect(timeline.entries[0]).toMatchObject({ hurtMs: undefined });
    timeline.event(
      nodeEvent(node('spot-1', { state: 'left', account: { ...account, agents: 2, drainMs: 700.2, pauseMsP99: 30 } })),
    );
    expect(timeline.entries[0]).toMatchObject({ atMs: 0, fault: 'preempt', hurtMs: 700 });
    expect(timeline.migratedAgents).toBe(42);
    expect(timeline.migrationPauseMsP99).toBe(30);
    expect(timeline.drainMs).toBe(812.4);
  });

  test('a preempted node that is lost hurts until it is known to be down', async () => {
    timeline.fault('preempt', 'spot-1', 1);
    await clock.advance(1_234);
    timeline.event(nodeEvent(node('spot-1', { state: 'down' })));
    expect(timeline.entries[0]).toMatchObject({ hurtMs: 1_234 });
    expect(timeline.migrationPauseMsP99).toBeUndefined();
    expect(timeline.drainMs).toBeUndefined();
  });

  test('a killed leader hurts until the next decision of a later term', async () => {
    timeline.fault('kill-leader', 'a', 4);
    await clock.advance(10);
    timeline.event(decisionEvent(4));
    await clock.advance(300);
    timeline.event(decisionEvent(5, false));
    expect(timeline.failoverMs).toBeUndefined();
    await clock.advance(100);
    timeline.event(decisionEvent(5));
    await clock.advance(100);
    timeline.event(decisionEvent(5));
    expect(timeline.failoverMs).toBe(410);
    expect(timeline.entries[0]).toMatchObject({ fault: 'kill-leader', hurtMs: 410 });
  });

  test('progress is kept often enough to draw, and its end always', async () => {
    for (let done = 0; done < 1_000; done++) {
      timeline.progress(done, 1_000);
      await clock.advance(1);
    }
    timeline.progress(1_000, 1_000);
    expect(timeline.entries.map((entry) => entry.type === 'progress' && entry.done)).toEqual([
      0, 200, 400, 600, 800, 1_000,
    ]);
  });

  test('a job of days keeps a bounded timeline, and everything but progress', async () => {
    timeline.fault('preempt', 'x', 1);
    for (let i = 0; i < 20_000; i++) {
      timeline.progress(i, 1_000_000);
      await clock.advance(200);
    }
    expect(timeline.entries.length).toBeLessThan(5_001);
    expect(timeline.entries.length).toBeGreaterThan(1_000);
    expect(timeline.entries[0]).toMatchObject({ type: 'fault' });
  });
});
