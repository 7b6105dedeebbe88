import { Worker } from 'node:worker_threads';
import { errorMessage, TroupeError } from '../core/index.ts';
import type { Frame } from './channel.ts';
import { HEADROOM_MB } from './limits.ts';
import type { StartWorker } from './port.ts';

/** What the worker's entry is given beside what its tenant gets. */
export interface EntryData {
  readonly tenant: string;
  readonly data: unknown;
  /** One number, counted up by the worker's event loop. */
  readonly beats: Int32Array<SharedArrayBuffer>;
}

/**
 * URL of a module that a thread loads: `.ts` in the sources, `.js` in the built package.
 *
 * @param name path without its ending, seen from `from`
 * @param from `import.meta.url` of the caller
 */
export function moduleBeside(name: string, from: string): string {
  return new URL(`${name}.${from.endsWith('.ts') ? 'ts' : 'js'}`, from).href;
}

/** Starts a worker thread of Node. */
export const startWorker: StartWorker = ({ tenant, data, limits }, events) => {
  const beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const workerData: EntryData = { tenant, data, beats };
  const source = import.meta.url.endsWith('.ts') ? ['-C', 'troupe-source'] : [];
  const worker = new Worker(new URL(moduleBeside('./entry', import.meta.url)), {
    workerData,
    execArgv: [...source, '--disable-warning=ExperimentalWarning', ...(limits.permissions ?? [])],
    resourceLimits: { maxOldGenerationSizeMb: limits.heapMb + HEADROOM_MB },
    ...(limits.env === undefined ? {} : { env: limits.env }),
  });
  let why: TroupeError | undefined;
  worker.on('message', (frame: Frame) => events.frame(frame));
  worker.on('messageerror', (cause) => {
    why ??= new TroupeError('PROTOCOL_VIOLATION', 'the thread sent what can’t be read', { cause });
    void worker.terminate();
  });
  worker.on('error', (error: unknown) => {
    why ??= uncaught(error);
  });
  worker.on('exit', (code) =>
    events.ended(why ?? new TroupeError('THREAD_EXITED', `the thread ended with code ${code}`, { data: { code } })),
  );
  return {
    post: (frame) => worker.postMessage(frame),
    beats: () => Atomics.load(beats, 0),
    memoryMb: async () => {
      try {
        const { used_heap_size, external_memory, malloced_memory } = await worker.getHeapStatistics();
        return (used_heap_size + external_memory + malloced_memory) / (1024 * 1024);
      } catch {
        // It has ended meanwhile, and says so itself.
        return undefined;
      }
    },
    terminate: async () => {
      await worker.terminate();
    },
  };
};

function uncaught(error: unknown): TroupeError {
  // Whatever was thrown there comes out here: null, too.
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return new TroupeError('THREAD_OUT_OF_MEMORY', 'the thread ran out of heap');
  return new TroupeError('HANDLER_FAILED', `uncaught in the thread: ${errorMessage(error)}`, { cause: error });
}
