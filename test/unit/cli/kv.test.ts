import { afterEach, describe, expect, test } from 'vitest';
import { startVoter } from './voter.ts';

const open: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** One voter with an API port, and what a command prints or fails with. */
async function cluster(): Promise<(...argv: string[]) => Promise<string>> {
  const voter = await startVoter();
  open.push(() => voter.close());
  return (...argv) => voter.run('kv', ...argv);
}

describe('troupe kv', () => {
  test('puts, gets, lists and deletes', async () => {
    const kv = await cluster();
    expect(await kv('put', 'a/1', 'one')).toBe('version 1');
    expect(await kv('put', 'a/2', 'zwö', '--expect', '0', '--json')).toBe('{"version":2}');
    expect(await kv('get', 'a/2')).toBe('zwö');
    expect(await kv('get', 'a/1', '--stale', '--json')).toBe('{"key":"a/1","value":"one","version":1}');
    expect(await kv('list', 'a/')).toBe('a/1  version 1  3 bytes\na/2  version 2  4 bytes');
    await expect(kv('delete', 'a/1', '--expect', '7')).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await kv('delete', 'a/1')).toBe('');
    await expect(kv('get', 'a/1')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await kv('list')).toBe('a/2  version 2  4 bytes');
  });

  test('a version is a whole number', async () => {
    const kv = await cluster();
    await expect(kv('put', 'k', 'v', '--expect', 'new')).rejects.toThrow('"new" is not a version');
  });
});
