/**
 * A tool as agents find them outside: `tool-process.ts RECORD_FILE`. Each call that arrives has its effect, however often its key was
 * used before: it is not idempotent. But it writes down what it does, durably and before it answers, and can be asked.
 */
import { closeSync, existsSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Reads a record: the keys of all effects, in their order. */
export function readRecord(file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
}

/** What the tool knows of a key: the number of its first effect, from 0. */
export interface Known {
  readonly effect: number | null;
}

if (import.meta.main) {
  const [file = ''] = process.argv.slice(2);
  const first = new Map<string, number>();
  let effects = 0;
  const note = (key: string): number => {
    if (!first.has(key)) first.set(key, effects);
    return effects++;
  };
  for (const key of readRecord(file)) note(key);
  const record = openSync(file, 'a');
  let due: { readonly key: string; readonly answer: (effect: number) => void }[] = [];
  // What falls due together is written down together.
  const effect = (): void => {
    const together = due;
    due = [];
    writeSync(record, together.map(({ key }) => `${key}\n`).join(''));
    fdatasyncSync(record);
    for (const { key, answer } of together) answer(note(key));
  };
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://tool');
    const key = searchParams.get('key') ?? '';
    const answer = (effect: number | null): void => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ effect } satisfies Known));
    };
    if (pathname === '/asked') return answer(first.get(key) ?? null);
    setTimeout(
      () => {
        if (due.length === 0) setImmediate(effect);
        due.push({ key, answer });
      },
      Number(searchParams.get('ms')),
    );
  });
  process.on('disconnect', () => {
    closeSync(record);
    process.exit(0);
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
}
