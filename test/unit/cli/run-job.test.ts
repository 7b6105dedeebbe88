import { describe, expect, test } from 'vitest';
import type { ApiStatus, LedgerEvent } from '../../../src/api/index.ts';
import { runJob } from '../../../src/cli/run-job.ts';
import { nullLogger, TroupeError } from '../../../src/core/index.ts';
import type { Cluster } from '../../../src/node/cluster.ts';
import type { Job, JobContext } from '../../../src/node/job.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';
import { decisionEvent, fakeContext, node, nodeEvent } from './fakes.ts';

function rig(run: (context: JobContext, tell: (event: LedgerEvent) => void) => Promise<void>) {
  const clock = new ManualClock();
  const context = fakeContext(clock);
  const done: string[] = [];
  const events: LedgerEvent[] = [];
  let wake = (): void => undefined;
  const status: ApiStatus = {
    cluster: 'c',
    leader: { node: 'node-1', term: 1 },
    view: {
      index: 1,
      nodes: [node('node-1', { voter: true }), node('spot-1', { labels: { capacity: 'spot' } })],
      groups: [],
      shards: [],
    },
    stats: {
      index: 1,
      ballots: 0,
      decisions: 0,
      tasksCompleted: 0,
      journalRecords: 0,
      puts: 0,
      values: 0,
      valueBytes: 0,
    },
  };
  const cluster = {
    name: 'c',
    status: async () => status,
    node: (id: string) => ({
      id,
      preempt: async (ms: number) => void done.push(`preempt ${id} ${ms}`),
      signal: (signal: string) => void done.push(`${signal} ${id}`),
    }),
    async *events(signal: AbortSignal) {
      signal.addEventListener('abort', () => wake());
      while (!signal.aborted) {
        yield* events.splice(0);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  } as unknown as Cluster;
  const tell = (event: LedgerEvent): void => {
    events.push(event);
    wake();
  };
  const job = {
    name: 'job',
    describe: '',
    agents: new URL('file:///x'),
    run: async (jobContext: JobContext) => {
      await run(jobContext, tell);
      return { text: 'fine', json: { ok: true } };
    },
  } satisfies Job;
  return { clock, context, done, job, cluster };
}

const parts = { options: {}, chaos: ['preempt', 'kill-leader'] } as const;

describe('running a job', () => {
  test('strikes at its share of the work and measures what it cost', async () => {
    let timeline: JobContext['timeline'] | undefined;
    const { clock, context, done, job, cluster } = rig(async (run, tell) => {
      timeline = run.timeline;
      run.progress(3, 10);
      await clock.settle();
      run.progress(6, 10);
      await clock.advance(250);
      const account = { agents: 9, messages: 0, drainMs: 200, pauseMsP50: 1, pauseMsP99: 7 };
      tell(nodeEvent(node('spot-1', { state: 'left', labels: { capacity: 'spot' }, account })));
      tell(decisionEvent(2));
      await clock.advance(10);
    });
    const result = await runJob({ job, cluster, args: parts, context, logger: nullLogger });
    expect(result.json).toEqual({ ok: true });
    expect(done).toEqual(['preempt spot-1 15000', 'SIGKILL node-1']);
    expect(timeline).toMatchObject({ migratedAgents: 9, migrationPauseMsP99: 7, drainMs: 200, failoverMs: 250 });
    expect(
      timeline?.entries
        .filter((entry) => entry.type === 'fault')
        .map((entry) => entry.type === 'fault' && entry.hurtMs),
    ).toEqual([200, 250]);
    expect(context.err.join('')).toContain('chaos: spot-1 gets a preemption notice of 15 s');
  });

  test('without chaos nothing is hurt', async () => {
    const { context, done, job, cluster } = rig(async (run) => run.progress(10, 10));
    await runJob({ job, cluster, args: { ...parts, chaos: [] }, context, logger: nullLogger });
    expect(done).toEqual([]);
  });

  test('a fault that can not be done is told, and the job goes on', async () => {
    const { clock, context, job, cluster } = rig(async (run) => {
      run.progress(10, 10);
      await clock.settle();
    });
    const broken = {
      ...cluster,
      node: () => expect.unreachable(),
      status: cluster.status,
      events: cluster.events,
    } as Cluster;
    await runJob({ job, cluster: broken, args: parts, context, logger: nullLogger });
    expect(context.err.join('')).toContain('chaos: preempt failed');
  });

  test("a job's error keeps its code; a stopped job says so", async () => {
    const failing = rig(async () => {
      throw new TroupeError('DISK_FULL', 'no room');
    });
    await expect(runJob({ ...failing, args: parts, logger: nullLogger })).rejects.toMatchObject({ code: 'DISK_FULL' });
    const stopped = rig(async () => {
      stopped.context.interrupts.stop(130);
      throw new RangeError('whatever');
    });
    await expect(runJob({ ...stopped, args: parts, logger: nullLogger })).rejects.toMatchObject({
      code: 'CANCELLED',
      message: 'job was stopped',
    });
  });
});
