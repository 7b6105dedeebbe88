import { describe, expect, test } from 'vitest';
import { AccountedValues } from '../../../bench/soak/accounted-values.ts';

type Kv = ConstructorParameters<typeof AccountedValues>[0];
const VALUE = new Uint8Array(1);

/** A ledger that can be made to lie. */
class Ledger {
  readonly stored: Map<string, number> = new Map();
  puts = 0;
  fails = false;
  readonly kv = {
    put: async (key: string) => {
      if (this.fails) throw new Error('unknown');
      this.stored.set(key, ++this.puts);
      return { version: this.puts };
    },
    list: async function* (this: Ledger) {
      for (const [key, version] of this.stored) yield { key, value: VALUE, version };
    }.bind(this),
  } as unknown as Kv;
}

async function accountAfter(writes: number, then: (ledger: Ledger) => void = () => undefined) {
  const ledger = new Ledger();
  const values = new AccountedValues(ledger.kv);
  for (let n = 0; n < writes; n++) await values.put(`key-${n % 3}`, VALUE);
  then(ledger);
  return { ledger, values, audit: () => values.audit(ledger.puts) };
}

describe('the account of writes', () => {
  test('is clean when every write was carried out once', async () => {
    expect(await (await accountAfter(100_000)).audit()).toEqual({ lost: 0, doubled: 0 });
  });

  test.each([
    ['a key is gone', (ledger: Ledger) => ledger.stored.delete('key-1')],
    ['a key is behind', (ledger: Ledger) => ledger.stored.set('key-1', 1)],
    ['fewer puts were counted than acknowledged', (ledger: Ledger) => ledger.puts--],
  ])('finds a loss when %s', async (_, lie) => {
    const { audit } = await accountAfter(9, (ledger) => void lie(ledger));
    expect((await audit()).lost).toBe(1);
  });

  test('finds a loss that a later write hides: its version is given again', async () => {
    const { ledger, values, audit } = await accountAfter(9);
    ledger.puts--;
    await values.put('key-2', VALUE);
    ledger.puts++;
    expect((await audit()).lost).toBe(1);
  });

  test.each([
    ['a key is ahead of its last acknowledgement', (ledger: Ledger) => ledger.stored.set('key-1', 50)],
    ['more puts were counted than made', (ledger: Ledger) => ledger.puts++],
  ])('finds a doubled write when %s', async (_, lie) => {
    const { audit } = await accountAfter(9, (ledger) => void lie(ledger));
    expect((await audit()).doubled).toBe(1);
  });

  test('a write of unknown outcome may have been carried out, or not', async () => {
    const { ledger, values, audit } = await accountAfter(9);
    ledger.fails = true;
    await expect(values.put('key-0', VALUE)).rejects.toThrow('unknown');
    expect(await audit()).toEqual({ lost: 0, doubled: 0 });
    ledger.stored.set('key-0', ++ledger.puts);
    expect(await audit()).toEqual({ lost: 0, doubled: 0 });
    expect([values.acknowledged, values.unknown]).toEqual([9, 1]);
  });
});
