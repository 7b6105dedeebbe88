import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Meter, ObservableResult } from '@opentelemetry/api';
import type { MailboxGauge, Metrics, RaftGauge, SourceGauge } from './metrics.ts';
import { METRICS } from './names.ts';

const LOOP_LAG_RESOLUTION_MS = 20;
const NANOSECONDS_PER_MS = 1e6;

/**
 * The instruments on an OpenTelemetry meter. The event loop's lag is that of the thread this runs in.
 *
 * @returns the port, and how to stop what runs in the background
 */
export function otelMetrics(meter: Meter): Metrics & { readonly stop: () => void } {
  const deadLetters = meter.createCounter(METRICS.deadLetters, { unit: '{message}' });
  const restarts = meter.createCounter(METRICS.restarts, { unit: '{restart}' });
  const migrations = meter.createCounter(METRICS.migrations, { unit: '{shard}' });
  const pause = meter.createHistogram(METRICS.migrationPause, { unit: 'ms' });
  const fsync = meter.createHistogram(METRICS.fsync, { unit: 'ms' });
  const elections = meter.createCounter(METRICS.raftElections, { unit: '{election}' });

  const loop = monitorEventLoopDelay({ resolution: LOOP_LAG_RESOLUTION_MS });
  loop.enable();
  meter.createObservableGauge(METRICS.loopLag, { unit: 'ms' }).addCallback((result) => {
    // The monitor counts its own period as delay.
    const lag = (ns: number): number => Math.max(0, ns / NANOSECONDS_PER_MS - LOOP_LAG_RESOLUTION_MS);
    result.observe(lag(loop.percentile(99)), { quantile: '0.99' });
    result.observe(lag(loop.max), { quantile: '1' });
    loop.reset();
  });

  const mailboxes = readings<Iterable<MailboxGauge>>();
  const mailboxGauge = (name: string, unit: string, value: (gauge: MailboxGauge) => number): void => {
    meter.createObservableGauge(name, { unit }).addCallback((result) => {
      for (const gauges of mailboxes.read()) for (const g of gauges) result.observe(value(g), { kind: g.kind });
    });
  };
  mailboxGauge(METRICS.mailboxDepth, '{message}', (g) => g.depth);
  mailboxGauge(METRICS.mailboxBytes, 'By', (g) => g.bytes);
  mailboxGauge(METRICS.mailboxOldestAge, 'ms', (g) => g.oldestAgeMs);

  const raft = readings<RaftGauge | undefined>();
  const raftGauge = (name: string, unit: string, value: (gauge: RaftGauge) => number): void => {
    meter.createObservableGauge(name, { unit }).addCallback((result: ObservableResult) => {
      for (const gauge of raft.read()) if (gauge !== undefined) result.observe(value(gauge));
    });
  };
  raftGauge(METRICS.raftTerm, '{term}', (g) => g.term);
  raftGauge(METRICS.raftLeading, '1', (g) => (g.leading ? 1 : 0));
  raftGauge(METRICS.raftApplyLag, '{entry}', (g) => g.commitMinusApplied);

  const sources = readings<Iterable<SourceGauge>>();
  meter.createObservableGauge(METRICS.preemptionSource, { unit: '1' }).addCallback((result) => {
    for (const gauges of sources.read())
      for (const g of gauges) result.observe(g.answers ? 1 : 0, { source: g.source });
  });

  return {
    deadLetters: (reason, count = 1) => deadLetters.add(count, { reason }),
    restarted: (reason) => restarts.add(1, { reason }),
    migrated(reason, pauseMs) {
      migrations.add(1, { reason });
      pause.record(pauseMs);
    },
    synced: (ms) => fsync.record(ms),
    electionStarted: () => elections.add(1),
    observeMailboxes: mailboxes.add,
    observeRaft: raft.add,
    observeSources: sources.add,
    stop: () => loop.disable(),
  };
}

/** Functions that are asked for the present state, until they are taken back. */
function readings<T>(): { add(read: () => T): () => void; read(): T[] } {
  const readers = new Set<() => T>();
  return {
    add(read) {
      readers.add(read);
      return () => readers.delete(read);
    },
    read: () => [...readers].map((read) => read()),
  };
}
