import { errorMessage } from '../core/index.ts';
import { usageError } from './errors.ts';

/** Reads a number of milliseconds from 1 to a day. */
export function parseMs(text: string): number {
  const ms = Number(text);
  if (!Number.isInteger(ms) || ms < 1 || ms > 86_400_000) {
    throw usageError(`"${text}" is not a time; give whole milliseconds, such as 15000`);
  }
  return ms;
}

/** Reads the version of a value, 0 for none. */
export function parseVersion(text: string): number {
  const version = Number(text);
  if (text !== '' && Number.isSafeInteger(version) && version >= 0) return version;
  throw usageError(
    `"${text}" is not a version; give the whole number that \`troupe kv get --json\` shows, or 0 for no value`,
  );
}

/** Reads a JSON value that was given as `what`. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw usageError(
      `${what} is not JSON: ${errorMessage(error)}; quote it for the shell, such as '{"n": 1}' or '"text"'`,
    );
  }
}

/** Reads an agent's address `kind/key`; the key may hold slashes. */
export function parseAgent(text: string): { kind: string; key: string } {
  const slash = text.indexOf('/');
  if (slash <= 0 || slash === text.length - 1)
    throw usageError(`"${text}" is not an agent; write KIND/KEY, such as reviewer/a`);
  return { kind: text.slice(0, slash), key: text.slice(slash + 1) };
}

/** Columns of text, each as wide as it must be, two spaces apart. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
