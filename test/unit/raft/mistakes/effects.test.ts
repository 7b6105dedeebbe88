import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeAll, readReply } from '../../../../src/coordinator/codec.ts';
import { Ledger, type LogEntry } from '../../../../src/coordinator/index.ts';
import { LedgerDriver } from '../../coordinator/ledger/driver.ts';
import { Network } from '../consensus/network.ts';

describe('mistake 20: the applied index and the state are one', () => {
  test('an apply that fails half-way leaves neither, and the entries can be applied again', () => {
    const folder = mkdtempSync(join(tmpdir(), 'troupe-applied-'));
    const path = join(folder, 'ledger.sqlite');
    try {
      const stateOf = (ledger: Ledger) => ({ index: ledger.appliedIndex, digest: ledger.digest() });
      const driver = new LedgerDriver({ path, bootId: 'boot' });
      driver.join('n1');
      const after = stateOf(driver.ledger);
      driver.ledger.close();
      rmSync(path);

      const [opened, joined] = driver.entries;
      if (opened === undefined || joined === undefined) throw new RangeError('two entries are expected');
      const ledger = new Ledger({ path, bootId: 'boot' });
      const before = stateOf(ledger);
      // All three share a transaction, and the last makes it fail.
      ledger.apply([opened]);
      expect(() => ledger.apply([joined, joined])).toThrow();
      expect(stateOf(ledger)).toEqual(before);
      ledger.close();

      const again = new Ledger({ path, bootId: 'boot' });
      expect(stateOf(again)).toEqual(before);
      again.apply([opened, joined]);
      expect(stateOf(again)).toEqual(after);
      again.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('a member whose state machine is ahead of the commit index on its disk applies nothing twice', () => {
    const network = new Network(['a']);
    const a = network.elect('a');
    network.propose('a', 'x', 'y');
    network.settle();
    expect(a.log.hardState?.commit).toBeLessThan(a.appliedIndex);
    const given: number[] = [];
    const { apply } = network;
    network.apply = (peer) => {
      given.push(...(peer.applies[0]?.entries ?? []).map((entry) => entry.index));
      apply.call(network, peer);
    };
    a.restart();
    network.elect('a');
    expect(given).toEqual([4]);
  });
});

test('mistake 24: a retry across a change of leader and a snapshot is answered, not applied again', async () => {
  const old = new LedgerDriver();
  const put = { key: 'k', value: new Uint8Array([1]) };
  expect(old.run('kv.put', put)).toEqual({ version: 1 });
  const sent = old.entries.at(-1) as LogEntry;
  // Another leader begins from a snapshot; the client, which heard nothing, sends the same bytes again.
  const next = new Ledger();
  await next.restore(old.ledger.appliedIndex, old.ledger.snapshot());
  const index = next.appliedIndex + 1;
  const [reply] = next.apply([{ index, term: 2, data: sent.data }]);
  expect(readReply(decodeAll(reply as Uint8Array)[0])).toEqual({ reply: { version: 1 } });
  expect(next.query('kv.get', { key: 'k' })).toMatchObject({ version: 1 });
  // A new number is a new command, though it says the same.
  expect(old.run('kv.put', put)).toEqual({ version: 2 });
});
