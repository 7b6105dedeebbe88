import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Report } from './report.ts';

/**
 * Compiles a program for Erlang, and notes its release; without an Erlang it notes that.
 *
 * @param source the program's file @param folder an existing one, for what is compiled
 * @returns whether there is an Erlang to compare with
 */
export function compileErlang(source: URL, folder: string, report: Report): boolean {
  try {
    execFileSync('erlc', ['-o', folder, fileURLToPath(source)], { stdio: 'pipe' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    report.note('Erlang is missing: its ratios are left out (apt-get install erlang-base)');
    return false;
  }
  const program = 'io:put_chars(erlang:system_info(otp_release)), halt().';
  report.note(`Erlang/OTP ${execFileSync('erl', ['-noshell', '-eval', program])}`);
  return true;
}
