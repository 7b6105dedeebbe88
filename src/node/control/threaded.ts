import { setFlagsFromString } from 'node:v8';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { PoolStatus } from '../../cluster/index.ts';
import { connectCoordinator, type VotersChanged } from '../../coordinator/index.ts';
import { type Clock, fromWireError, type Logger, settlesWithin, TroupeError } from '../../core/index.ts';
import { runtimeUrl, sourceFlags } from '../runtime-url.ts';
import type { ControlPlane, ControlPlaneSettings } from './port.ts';
import type { ControlCall, ControlOrder, ControlReport, ControlThreadData } from './thread.ts';

/**
 * Calls of a function before it is compiled well: 400 and 3,000 unless said otherwise, which takes a control thread with little to do
 * several seconds, in which each of its hops is slow. An engine that doesn't know a flag passes it over.
 */
const TIERING_FLAGS: readonly string[] = ['--invocation-count-for-maglev=100', '--invocation-count-for-turbofan=1000'];
/** Time for leadership to pass to another voter, ms. */
const TRANSFER_TIMEOUT_MS = 2_000;
/** Time for the thread to close its files, ms. */
const CLOSE_TIMEOUT_MS = 10_000;

/**
 * Starts the control plane in a thread of its own.
 * @throws TroupeError what the thread could not do: PORT_IN_USE, LOG_CORRUPT, DISK_FULL, IDENTITY_MISMATCH, …
 */
export async function startControlThread(
  settings: ControlPlaneSettings,
  parts: { readonly clock: Clock; readonly logger: Logger },
): Promise<ControlPlane> {
  for (const flag of TIERING_FLAGS) setFlagsFromString(flag);
  const { port1, port2 } = new MessageChannel();
  const data: ControlThreadData = { settings, coordinator: port2 };
  const worker = new Worker(runtimeUrl('./control/thread'), {
    workerData: data,
    transferList: [port2],
    execArgv: sourceFlags(),
  });
  const started = Promise.withResolvers<string>();
  const failed = Promise.withResolvers<unknown>();
  const closed = Promise.withResolvers<void>();
  let transferred: PromiseWithResolvers<void> | undefined;
  const calls = new Map<number, PromiseWithResolvers<unknown>>();
  let lastCall = 0;
  let drain: Parameters<ControlPlane['onDrain']>[0] = () => undefined;
  /** Why the thread does nothing more. */
  let over: unknown;
  const end = (error: unknown): void => {
    over ??= error;
    for (const { reject } of calls.values()) reject(error);
    calls.clear();
  };
  const fail = (error: unknown): void => {
    if (over !== undefined) return;
    end(error);
    started.reject(error);
    failed.resolve(error);
  };
  worker.on('message', (report: ControlReport) => {
    if (report.type === 'ready') started.resolve(report.address);
    else if (report.type === 'failed') fail(fromWireError(report.error));
    else if (report.type === 'closed') closed.resolve();
    else if (report.type === 'drain') drain(report.order);
    else if (report.type === 'answer' || report.type === 'refusal') {
      const call = calls.get(report.id);
      calls.delete(report.id);
      if (report.type === 'answer') call?.resolve(report.value);
      else call?.reject(fromWireError(report.error));
    } else if (report.error === undefined) transferred?.resolve();
    else transferred?.reject(fromWireError(report.error));
  });
  worker.on('error', fail);
  worker.on('exit', (code) => {
    closed.resolve();
    fail(new TroupeError('INVARIANT_VIOLATED', `the control thread ended with code ${code}`));
  });
  const order = (message: ControlOrder): void => worker.postMessage(message);
  const ask = (call: ControlCall): Promise<unknown> => {
    if (over !== undefined) return Promise.reject(over);
    const id = ++lastCall;
    const waiting = Promise.withResolvers<unknown>();
    calls.set(id, waiting);
    order({ type: 'call', id, call });
    return waiting.promise;
  };
  let address: string;
  try {
    address = await started.promise;
  } catch (error) {
    await worker.terminate();
    throw error;
  }
  return {
    address,
    coordinator: connectCoordinator(port1),
    failed: failed.promise,
    keepAlive: (life) => order({ type: 'keepAlive', life }),
    transferLeadership: async () => {
      const waiting = transferred ?? Promise.withResolvers<void>();
      transferred = waiting;
      try {
        order({ type: 'transferLeadership' });
        if (!(await settlesWithin(parts.clock, TRANSFER_TIMEOUT_MS, waiting.promise))) {
          throw new TroupeError('TIMEOUT', `leadership was not handed over within ${TRANSFER_TIMEOUT_MS} ms`);
        }
      } finally {
        // The next call is a transfer of its own.
        if (transferred === waiting) transferred = undefined;
      }
    },
    load: (load) => order({ type: 'load', load }),
    scale: async (timeoutMs) => (await ask({ kind: 'scale', timeoutMs })) as readonly PoolStatus[],
    onDrain: (listener) => {
      drain = listener;
    },
    changeVoters: async (change, node, timeoutMs) =>
      (await ask({ kind: 'changeVoters', change, node, timeoutMs })) as VotersChanged,
    close: async () => {
      end(new TroupeError('SHUTTING_DOWN', 'the control thread is closing'));
      order({ type: 'close' });
      if (!(await settlesWithin(parts.clock, CLOSE_TIMEOUT_MS, closed.promise)))
        parts.logger.warn('the control thread did not close in time');
      port1.close();
      await worker.terminate();
    },
  };
}
