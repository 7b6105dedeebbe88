import { describe, expect, test } from 'vitest';
import type { Host, JobProgress, JobSpec, WorkItem } from '../../../src/agent/index.ts';
import type { JobRecord } from '../../../src/coordinator/index.ts';
import { TroupeError, toWireError } from '../../../src/core/index.ts';
import { type MapOptions, team } from '../../../src/team/index.ts';

const member = { kind: 'k', key: 'a' };
const job = (id: string, state: JobRecord['state'] = 'open'): JobRecord => ({
  id,
  state,
  sealed: true,
  tasks: 3,
  completed: 0,
  failed: 0,
  spec: new Uint8Array(0),
});
const unused = (): Promise<never> => Promise.reject(new TroupeError('NOT_FOUND', 'unused'));

/** A host whose jobs report what a test says. */
class FakeHost implements Host {
  readonly submitted: { id: string; spec: JobSpec; items: WorkItem[] }[] = [];
  readonly cancelled: string[] = [];
  progress: (signal?: AbortSignal) => AsyncIterable<JobProgress> = async function* () {};

  freshId = (): string => 'fresh';
  ask = unused;
  tell = unused;
  send = unused;
  openDecision = unused;
  closeDecision = unused;
  decisionClosed = unused;

  async submitJob(id: string, spec: JobSpec, items: AsyncIterable<WorkItem> | Iterable<WorkItem>): Promise<JobRecord> {
    this.submitted.push({ id, spec, items: await Array.fromAsync(items) });
    return job(id);
  }

  async cancelJob(id: string): Promise<JobRecord> {
    this.cancelled.push(id);
    return job(id, 'cancelled');
  }

  watchJob(_id: string, signal?: AbortSignal): AsyncIterable<JobProgress> {
    return this.progress(signal);
  }
}

const perItem = (item: string, position: number): WorkItem => ({ kind: 'k', key: item, method: 'do', input: position });
const run = (host: FakeHost, options: Partial<MapOptions<string>> = {}) =>
  team(host, 't', { members: [member] }).map(['a', 'b', 'c'], { perItem, ...options });
const outcome = (position: number, ok: boolean, value: unknown) => ({ task: `${position}`, position, ok, value });

describe('a map', () => {
  test('is a job with one task per item, bounded by default', async () => {
    const host = new FakeHost();
    await Array.fromAsync(run(host));
    expect(host.submitted).toEqual([
      {
        id: 'fresh',
        spec: { concurrency: 64, attempts: 3, timeoutMs: 60_000 },
        items: [
          { kind: 'k', key: 'a', method: 'do', input: 0 },
          { kind: 'k', key: 'b', method: 'do', input: 1 },
          { kind: 'k', key: 'c', method: 'do', input: 2 },
        ],
      },
    ]);
  });

  test('passes its bounds and its id on', async () => {
    const host = new FakeHost();
    await Array.fromAsync(run(host, { id: 'mine', concurrency: 2, attempts: 1, timeoutMs: 5 }));
    expect(host.submitted[0]).toMatchObject({ id: 'mine', spec: { concurrency: 2, attempts: 1, timeoutMs: 5 } });
  });

  test('gives each item its result or its error, in order of completion', async () => {
    const host = new FakeHost();
    host.progress = async function* () {
      yield { job: job('j'), settled: [outcome(2, true, 'C')] };
      yield {
        job: job('j'),
        settled: [outcome(0, false, toWireError(new TroupeError('TIMEOUT', 'slow'))), outcome(1, true, 'B')],
      };
    };
    const results = await Array.fromAsync(run(host));
    expect(results).toMatchObject([
      { item: 'c', position: 2, ok: true, value: 'C' },
      { item: 'a', position: 0, ok: false, error: { code: 'TIMEOUT', message: 'slow' } },
      { item: 'b', position: 1, ok: true, value: 'B' },
    ]);
  });

  test('that is taken back cancels its job; one that only lost its cluster doesn’t', async () => {
    const host = new FakeHost();
    const stop = new AbortController();
    host.progress = async function* () {
      yield { job: job('j'), settled: [] };
      stop.abort();
      throw new TroupeError('CANCELLED', 'no longer watches');
    };
    await expect(Array.fromAsync(run(host, { id: 'j', signal: stop.signal }))).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    expect(host.cancelled).toEqual(['j']);
    host.progress = async function* () {
      yield { job: job('j'), settled: [] };
      throw new TroupeError('NODE_UNAVAILABLE', 'gone');
    };
    await expect(Array.fromAsync(run(host, { id: 'k' }))).rejects.toMatchObject({ code: 'NODE_UNAVAILABLE' });
    expect(host.cancelled).toEqual(['j']);
  });
});
