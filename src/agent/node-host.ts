import type {
  Coordinator,
  DecisionRecord,
  JobRecord,
  LedgerEvent,
  TaskItem,
  WatchDelivery,
} from '../coordinator/index.ts';
import { type Random, TroupeError } from '../core/index.ts';
import { decodePayload, encodePayload } from '../wire/index.ts';
import type { Asks } from './asks.ts';
import type { Host, JobProgress, JobSpec, TaskOutcome, WorkItem } from './host.ts';
import { ACCEPT_METHOD, type RuntimeMail } from './mail.ts';

/** Items sent to the ledger in one command. */
const ITEMS_PER_COMMAND = 256;
/** Their inputs together, bytes (at least one item). */
const ITEM_BYTES_PER_COMMAND = 1024 * 1024;
/** Events of a job that wait for its watcher; past it they are dropped, and what they said is read from the ledger. */
const EVENTS_WAITING_MAX = 1_000;
/** Settled tasks read from the ledger at a time. */
const TASKS_PER_READ = 256;

/** The host of a node: asks go over links, decisions and jobs to the ledger. */
export function nodeHost(asks: Asks, coordinator: Coordinator, random: Random): Host {
  return {
    freshId: () => random.id(16),
    ask: (address, method, input, options) => asks.ask(address, method, input, options),
    tell: (address, method, input, requestId) => asks.tell(address, method, input, requestId),
    send: async (address, method, input, requestId) => {
      const message = { method, payload: encodePayload(input) } satisfies RuntimeMail[typeof ACCEPT_METHOD];
      await asks.ask(address, ACCEPT_METHOD, message, requestId === undefined ? {} : { requestId });
    },
    openDecision: (request, trace) => coordinator.execute('decision.open', request, trace),
    closeDecision: (id) => coordinator.execute('decision.close', { id }),
    decisionClosed: (id, signal) => decisionClosed(coordinator, id, signal),
    submitJob: (id, spec, items) => submitJob(coordinator, id, spec, items),
    cancelJob: (id) => coordinator.execute('job.close', { id, cancelled: true }),
    watchJob: (id, signal) => watchJob(coordinator, id, signal),
  };
}

function decisionClosed(coordinator: Coordinator, id: string, signal?: AbortSignal): Promise<DecisionRecord> {
  return new Promise((resolve, reject) => {
    const finish = (record: DecisionRecord | undefined, error?: unknown): void => {
      stop();
      signal?.removeEventListener('abort', onAbort);
      if (record !== undefined) resolve(record);
      else reject(error);
    };
    const onAbort = (): void =>
      finish(undefined, new TroupeError('CANCELLED', 'no longer waits for the decision', { address: id }));
    const look = (): void => {
      coordinator.query('decision.get', { id }).then(
        (record) => record.result !== undefined && finish(record),
        (error) => finish(undefined, error),
      );
    };
    const stop = coordinator.watch((delivery) => {
      // A view means that events may have been missed, or that this is the beginning: ask.
      if (delivery.type === 'view') return look();
      for (const event of delivery.events) {
        if (event.type === 'decision' && event.decision.id === id && event.decision.result !== undefined)
          return finish(event.decision);
      }
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
  });
}

async function submitJob(
  coordinator: Coordinator,
  id: string,
  spec: JobSpec,
  items: AsyncIterable<WorkItem> | Iterable<WorkItem>,
): Promise<JobRecord> {
  const opened = await coordinator.execute('job.open', { id, spec: encodePayload(spec) });
  if (opened.sealed) return opened;
  let batch: TaskItem[] = [];
  let bytes = 0;
  let position = 0;
  for await (const item of items) {
    const input = encodePayload(item);
    if (batch.length > 0 && (batch.length >= ITEMS_PER_COMMAND || bytes + input.byteLength > ITEM_BYTES_PER_COMMAND)) {
      await coordinator.execute('job.add', { id, items: batch, seal: false });
      batch = [];
      bytes = 0;
    }
    batch.push({ id: String(position++), input });
    bytes += input.byteLength;
  }
  return coordinator.execute('job.add', { id, items: batch, seal: true });
}

/** One outcome, decoded. */
function outcome(settled: {
  readonly task: string;
  readonly position: number;
  readonly ok: boolean;
  readonly result: Uint8Array;
}): TaskOutcome {
  return { task: settled.task, position: settled.position, ok: settled.ok, value: decodePayload(settled.result) };
}

/**
 * Everything settled so far is read from the ledger, then events are followed; after a gap it is read again. What was reported is
 * remembered by position, so each outcome is reported once.
 */
async function* watchJob(coordinator: Coordinator, id: string, signal?: AbortSignal): AsyncGenerator<JobProgress> {
  const reported = new Set<number>();
  let pending: LedgerEvent[] = [];
  let mustRead = true;
  let wake: () => void = () => undefined;
  const stop = coordinator.watch((delivery: WatchDelivery) => {
    if (delivery.type === 'view') mustRead = true;
    else pending.push(...delivery.events.filter((event) => event.type === 'job' && event.job.id === id));
    if (pending.length > EVENTS_WAITING_MAX) mustRead = true;
    if (mustRead) pending = [];
    wake();
  });
  const onAbort = (): void => wake();
  signal?.addEventListener('abort', onAbort);
  try {
    while (!signal?.aborted) {
      if (mustRead) {
        mustRead = false;
        pending = [];
        yield* settledSoFar(coordinator, id, reported);
        const job = await coordinator.query('job.get', { id });
        if (job.state !== 'open') {
          yield* settledSoFar(coordinator, id, reported);
          yield { job, settled: [] };
          return;
        }
      }
      const events = pending;
      pending = [];
      for (const event of events) {
        if (event.type !== 'job') continue;
        const fresh = event.settled.filter((settled) => !reported.has(settled.position));
        for (const settled of fresh) reported.add(settled.position);
        yield { job: event.job, settled: fresh.map(outcome) };
        if (event.job.state !== 'open') return;
      }
      if (!mustRead && pending.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (signal?.aborted) resolve();
        });
      }
    }
    throw new TroupeError('CANCELLED', 'no longer watches the job', { address: id });
  } finally {
    stop();
    signal?.removeEventListener('abort', onAbort);
  }
}

async function* settledSoFar(coordinator: Coordinator, id: string, reported: Set<number>): AsyncGenerator<JobProgress> {
  for (let after = -1; ; ) {
    const { tasks } = await coordinator.query('job.tasks', { id, after, limit: TASKS_PER_READ });
    const last = tasks.at(-1);
    if (last === undefined) return;
    after = last.position;
    const fresh = tasks.filter(
      (task) => (task.state === 'completed' || task.state === 'failed') && !reported.has(task.position),
    );
    for (const task of fresh) reported.add(task.position);
    if (fresh.length === 0) continue;
    const job = await coordinator.query('job.get', { id });
    yield {
      job,
      settled: fresh.map((task) =>
        outcome({
          task: task.task,
          position: task.position,
          ok: task.state === 'completed',
          result: task.result ?? encodePayload(undefined),
        }),
      ),
    };
  }
}
