#!/usr/bin/env node
import { systemClock } from '../core/index.ts';
import type { CliContext } from './cli-context.ts';
import { exitCodeOf, formatError } from './errors.ts';
import { Interrupts } from './interrupts.ts';
import { createProgram, runCommandLine } from './program.ts';
import { openTerminal } from './terminal.ts';

// Node says on standard error that node:sqlite is experimental; that isn't this program's news.
process.removeAllListeners('warning');

const terminal = openTerminal(process.stdout, process.stderr);
const beforeStop: (() => void)[] = [];
const interrupts = new Interrupts(
  process,
  (code) => {
    for (const work of beforeStop) work();
    process.exit(code);
  },
  terminal.note,
);
// Whoever read the output is gone: the rest of the work has no one to tell. 141 is what SIGPIPE would have given.
terminal.onClosed(() => interrupts.stop(141));

let exitCode = 0;
const context: CliContext = {
  terminal,
  interrupts,
  clock: systemClock,
  exitWith: (code) => {
    exitCode = code;
  },
  onStopNow: (work) => {
    beforeStop.push(work);
  },
};

try {
  await runCommandLine(createProgram(context), process.argv.slice(2), context);
} catch (error) {
  exitCode = exitCodeOf(error);
  // Who stopped it knows why it ended.
  if (interrupts.exitCode === undefined) terminal.note(formatError(error, process.env.TROUPE_DEBUG === '1'));
}
await terminal.flush();
process.exit(interrupts.exitCode ?? exitCode);
