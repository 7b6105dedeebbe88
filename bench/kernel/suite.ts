import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { compileErlang } from '../erlang.ts';
import { OURS, Report } from '../report.ts';
import { Child, within } from '../resources.ts';
import type { BenchOptions, Suite } from '../suite.ts';
import { FIGURES } from './figures.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** Longest time for one trial, ms. */
const TRIAL_MS = 60_000;
/** Trials of a peer that may fail in a row. */
const ATTEMPTS_MAX = 3;
/** What a library isn't asked for: xstate's transition actors have no children; timers and a million actors are about ours and Erlang's; the machine's stalls are nobody's. */
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  nact: ['timerLateMs', 'machineStallMs', 'millionMb'],
  erlang: ['machineStallMs'],
  xstate: ['timerLateMs', 'machineStallMs', 'millionMb', 'manyChildren'],
};
const FULL = { warmUpMs: 500, durationMs: 1_000 } as const;
const QUICK = { warmUpMs: 50, durationMs: 100 } as const;

/** Our kernel against nact, xstate and Erlang/OTP. */
export const kernelSuite: Suite = {
  name: 'kernel',
  parts: FIGURES.map(({ name }) => name),
  rounds: 3,
  run: (options) => new KernelBench(options).run(),
};

class KernelBench {
  readonly #options: BenchOptions;
  readonly #report: Report = new Report('kernel', FIGURES);

  constructor(options: BenchOptions) {
    this.#options = options;
  }

  /** Each figure of each library in a process of its own; libraries take turns, and who goes first changes. */
  async run(): Promise<Report> {
    const { quick, rounds, only, folder, progress } = this.#options;
    const { warmUpMs, durationMs } = quick ? QUICK : FULL;
    this.#report.note(`Node ${process.version}, nact ${versionOf('nact')}, xstate ${versionOf('xstate')}`);
    const erlang = compileErlang(new URL('troupe_peer.erl', import.meta.url), folder, this.#report);
    const libraries = [OURS, 'nact', 'xstate', ...(erlang ? ['erlang'] : [])];
    for (let round = 1; round <= rounds; round++) {
      for (const { name } of FIGURES) {
        if (only.size > 0 && !only.has(name)) continue;
        progress(`round ${round} of ${rounds}: ${name}`);
        for (const library of round % 2 === 0 ? libraries.toReversed() : libraries) {
          if (LEFT_OUT[library]?.includes(name)) continue;
          this.#report.add(name, library, await this.#trial(library, name, [String(warmUpMs), String(durationMs)]));
        }
      }
    }
    return this.#report;
  }

  async #trial(library: string, part: string, times: readonly string[]): Promise<number> {
    const { folder } = this.#options;
    const child =
      library === 'erlang'
        ? // Room for a million processes; all else as it comes.
          ['erl', '+P', '2000000', '-noshell', '-pa', folder, '-run', 'troupe_peer', 'main', part, ...times]
        : [process.execPath, ...this.#nodeFlags(library), join(HERE, 'trial.ts'), library, part, ...times];
    for (let attempt = 1; ; attempt++) {
      try {
        return await numberFrom(child, `${part} of ${library}`);
      } catch (error) {
        // nact gives asks numbers by chance, and loses one of two with the same. Ours may not fail at all.
        if (library === OURS || attempt === ATTEMPTS_MAX) throw error;
        this.#report.note(`${part} of ${library} failed and was run again`);
      }
    }
  }

  #nodeFlags(library: string): readonly string[] {
    const { profile } = this.#options;
    const flags = ['-C', 'troupe-source', '--disable-warning=ExperimentalWarning', '--expose-gc'];
    return profile === undefined || library !== OURS ? flags : [...flags, '--cpu-prof', `--cpu-prof-dir=${profile}`];
  }
}

/** Runs a program that writes one number. @throws Error when it doesn't, or takes too long */
async function numberFrom([command = '', ...args]: readonly string[], what: string): Promise<number> {
  const env = { ...process.env, ERL_CRASH_DUMP: '/dev/null' };
  const child = new Child(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  try {
    const written = await within(TRIAL_MS, what, text(child.process.stdout!));
    const value = Number.parseFloat(written);
    if (Number.isNaN(value)) throw new Error(`${what} gave no figure: ${written}`);
    return value;
  } finally {
    await child.kill();
  }
}

function versionOf(name: string): string {
  return JSON.parse(readFileSync(fileURLToPath(import.meta.resolve(`${name}/package.json`)), 'utf8')).version;
}
