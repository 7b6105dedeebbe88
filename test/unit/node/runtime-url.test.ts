import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runtimeUrl, sourceFlags } from '../../../src/node/runtime-url.ts';

test('a module to start is found beside the code that starts it, of the same kind', () => {
  for (const name of ['./main', './control/thread']) {
    const url = runtimeUrl(name);
    expect(url.pathname.endsWith(`${name.slice(1)}.ts`)).toBe(true);
    expect(existsSync(url)).toBe(true);
  }
});

test('code from the sources starts others from the sources', () => {
  const flags = sourceFlags();
  expect(flags[flags.indexOf('-C') + 1]).toBe('troupe-source');
});
