import { parseArgs } from 'node:util';

/** Says what is wrong with the command line and ends with 2, as commands do that were called wrongly. */
export function refuseFlags(problem: string): never {
  console.error(problem);
  process.exit(2);
}

/** Reads `--name value` for `names` and `--switch` for `switches`; anything else is refused. */
export function readFlags(
  names: readonly string[],
  switches: readonly string[] = [],
): { readonly flags: Readonly<Record<string, string | undefined>>; readonly on: ReadonlySet<string> } {
  const options = Object.fromEntries([
    ...names.map((name) => [name, { type: 'string' as const }]),
    ...switches.map((name) => [name, { type: 'boolean' as const }]),
  ]);
  let values: Readonly<Record<string, unknown>>;
  try {
    ({ values } = parseArgs({ options, strict: true, allowPositionals: false }));
  } catch (error) {
    refuseFlags(`${error instanceof Error ? error.message.split('. ')[0] : error}; known: ${known(names, switches)}`);
  }
  const flags: Record<string, string | undefined> = {};
  for (const name of names) if (typeof values[name] === 'string') flags[name] = values[name];
  return { flags, on: new Set(switches.filter((name) => values[name] === true)) };
}

/** The whole number that a flag gives, or `otherwise` when it isn't there. */
export function countFlag(
  flags: Readonly<Record<string, string | undefined>>,
  name: string,
  otherwise: number,
  min: number,
  max: number,
): number {
  const text = flags[name];
  const value = text === undefined ? otherwise : Number(text.trim() === '' ? Number.NaN : text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  refuseFlags(`--${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`);
}

function known(names: readonly string[], switches: readonly string[]): string {
  return [...names.map((name) => `--${name} X`), ...switches.map((name) => `--${name}`)].join(' ');
}
