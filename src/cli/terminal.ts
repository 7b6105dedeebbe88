import type { ProgressStream } from './progress-line.ts';

/** What a command writes to. */
export interface Terminal {
  /** Writes a line to standard output. */
  print(text: string): void;
  /** Writes a line to standard error. */
  note(text: string): void;
  readonly stderr: ProgressStream;
  /** True once the reader of standard output is gone. */
  readonly closed: boolean;
  /** Called once, when the reader of standard output goes. */
  onClosed(listener: () => void): void;
  /** Resolves when everything is written. */
  flush(): Promise<void>;
}

/** The terminal of this process. A closed reader (`troupe logs | head`) is an end, not an error. */
export function openTerminal(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): Terminal {
  const listeners: (() => void)[] = [];
  let closed = false;
  stdout.on('error', () => {
    if (closed) return;
    closed = true;
    for (const listener of listeners) listener();
  });
  stderr.on('error', () => undefined);
  return {
    print: (text) => {
      if (!closed) stdout.write(`${text}\n`);
    },
    note: (text) => {
      stderr.write(`${text}\n`);
    },
    stderr,
    get closed() {
      return closed;
    },
    onClosed: (listener) => {
      listeners.push(listener);
    },
    flush: () => new Promise((resolve) => (closed ? resolve() : stdout.write('', () => resolve()))),
  };
}
