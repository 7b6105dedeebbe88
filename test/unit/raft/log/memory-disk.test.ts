import { expect, test } from 'vitest';
import { SeededRandom } from '../../../../src/core/index.ts';
import { MemoryDisk } from '../../../../src/raft/log/index.ts';

test('what is settled is what was durable before the newest sync began', async () => {
  const disk = new MemoryDisk();
  const file = disk.create('a');
  file.write(new Uint8Array(10), 0);
  expect(disk.settledBytes('a')).toBe(0);
  await file.sync();
  expect(disk.settledBytes('a')).toBe(0);
  file.write(new Uint8Array(5), 10);
  file.write(new Uint8Array(5), 15);
  await file.sync();
  expect(disk.settledBytes('a')).toBe(10);
});

test('work fails when it is told to, and the disk goes on', () => {
  let fails = true;
  const disk = new MemoryDisk({
    beforeWork: (action, name) => {
      if (fails) throw new RangeError(`${action} ${name}`);
    },
  });
  const file = disk.create('a');
  expect(() => file.write(new Uint8Array(1), 0)).toThrow('write a');
  expect(() => file.read(new Uint8Array(1), 0)).toThrow('read a');
  expect(() => file.truncate(0)).toThrow('truncate a');
  fails = false;
  file.write(new Uint8Array(1), 0);
  expect(file.size).toBe(1);
});

test('a crash tears a write at sectors of the size that was told', async () => {
  const tears = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const disk = new MemoryDisk({ sectorBytes: 4 });
    const file = disk.create('a');
    file.write(
      Uint8Array.from({ length: 12 }, () => 1),
      0,
    );
    await disk.syncDirectory();
    const after = disk.crash(new SeededRandom(seed));
    const bytes = new Uint8Array(12);
    after.open('a').read(bytes, 0);
    tears.add([0, 4, 8].map((at) => [...bytes.subarray(at, at + 4)].join('')).join(' '));
  }
  expect(tears).toContain('0000 1111 0000');
  for (const tear of tears) expect(tear).toMatch(/^(0000|1111) (0000|1111) (0000|1111)$/);
});
