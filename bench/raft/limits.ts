import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closedLoops, type LoadResult } from '../load.ts';
import { percentile } from '../report.ts';
import { Child, within } from '../resources.ts';
import { EchoClient } from './echo.ts';
import { VALUE_BYTES } from './tracked-writes.ts';

/** Syncs that are timed. */
const SYNCS = 300;
/** What is written before each, bytes: one record of the log. */
const RECORD_BYTES = 512;
const START_MS = 10_000;

/** Times a write and a sync of one record into a file that has its size already. @returns median, ms */
export function syncMs(folder: string): number {
  const file = openSync(join(folder, 'sync'), 'w');
  const record = Buffer.alloc(RECORD_BYTES, 1);
  try {
    writeSync(file, Buffer.alloc(SYNCS * RECORD_BYTES));
    fdatasyncSync(file);
    const times = Array.from({ length: SYNCS }, (_, at) => {
      const start = performance.now();
      writeSync(file, record, 0, record.byteLength, at * RECORD_BYTES);
      fdatasyncSync(file);
      return performance.now() - start;
    });
    return percentile(times, 0.5);
  } finally {
    closeSync(file);
  }
}

/** Unary gRPC calls that carry a value to a process that does nothing but answer. */
export async function echoes(clients: readonly number[], durationMs: number): Promise<readonly LoadResult[]> {
  const server = new Child(process.execPath, [fileURLToPath(new URL('./echo.ts', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const port = await within(
      START_MS,
      'the echo server listens',
      new Promise<string>((resolve) => server.process.stdout?.once('data', (text) => resolve(String(text).trim()))),
    );
    using client = new EchoClient(`127.0.0.1:${port}`);
    const value = Buffer.alloc(VALUE_BYTES, 'x');
    const results: LoadResult[] = [];
    for (const count of clients) {
      results.push(
        await closedLoops({ clients: count, warmUpMs: 300, durationMs, operation: () => client.echo(value) }),
      );
    }
    return results;
  } finally {
    await server.kill();
  }
}
