import { expect, test } from 'vitest';
import { RecordingConsumer } from '../../../conformance/replicated-log.ts';
import { bytes, outcome, TestCluster, type TestMember } from './members.ts';

test('a watch that has gone silent costs one period, nothing else', async () => {
  const cluster = new TestCluster();
  const [a, b] = (await cluster.start('a', 'b')) as [TestMember, TestMember];
  b.client.deafTo = '/t/';
  const { index } = await a.log.append(bytes('x'));
  const at = cluster.clock.monotonic();
  const barrier = b.log.barrier();
  await cluster.until(() => b.consumer.appliedIndex === index);
  expect(await barrier).toBe(index);
  expect(cluster.clock.monotonic() - at).toBeLessThanOrEqual(2_000);
});

test('a barrier of a member that falls behind fails in time', async () => {
  const cluster = new TestCluster({ watchMs: 60_000 });
  const [a, b] = (await cluster.start('a', 'b')) as [TestMember, TestMember];
  b.client.deafTo = '/t/';
  await a.log.append(bytes('x'));
  const barrier = outcome(b.log.barrier());
  await cluster.clock.advance(5_000);
  expect(await barrier).toBe('TIMEOUT');
});

test('a member below the trimmed log, whose history etcd has forgotten too, goes on from the snapshot', async () => {
  const cluster = new TestCluster();
  const [a, b] = (await cluster.start('a', 'b')) as [TestMember, TestMember];
  b.client.deafTo = '/t/';
  for (const text of ['1', '2', '3']) {
    await a.log.append(bytes(text));
    await a.log.compact();
  }
  b.client.deafTo = undefined;
  await cluster.until(() => b.consumer.appliedIndex === 3);
  expect(b.consumer.entries).toEqual(a.consumer.entries);
});

test('the leader takes snapshots by itself, and neither keys nor history of etcd grow without end', async () => {
  const cluster = new TestCluster({ snapshotEveryEntries: 10, valueBytesMax: 256 });
  const [a] = (await cluster.start('a')) as [TestMember];
  for (let i = 0; i < 200; i++) {
    await a.log.append(bytes(`entry ${i}`));
    await cluster.clock.advance(1);
  }
  await a.log.compact();
  expect(cluster.etcd.keys('/t/log/').length).toBeLessThan(20);
  expect(new Set(cluster.etcd.keys('/t/snapshot/0').map((key) => key.split('/')[3])).size).toBe(1);
  // Two periods of ten entries, and what the snapshots themselves wrote.
  expect(cluster.etcd.historyLength).toBeLessThan(300);
  const late = await cluster.open('late');
  expect(late.consumer.entries).toEqual(a.consumer.entries);
});

test('what a leader left that died over a snapshot is removed by the next snapshot', async () => {
  const cluster = new TestCluster({ valueBytesMax: 64 });
  const [a] = (await cluster.start('a')) as [TestMember];
  await a.log.append(bytes('x'.repeat(200)));
  a.client.fate = ({ ops }) =>
    ops.some((op) => op.type === 'put' && op.key === '/t/snapshot/meta') ? 'lost' : 'answered';
  const told = outcome(a.log.compact());
  await cluster.clock.advance(5_000);
  expect(await told).toBe('TIMEOUT');
  const garbage = cluster.etcd.keys('/t/snapshot/0');
  expect(garbage.length).toBeGreaterThan(1);
  a.client.fate = () => 'answered';
  await a.log.append(bytes('y'));
  await a.log.compact();
  const kept = cluster.etcd.keys('/t/snapshot/0');
  expect(kept.filter((key) => garbage.includes(key))).toEqual([]);
  expect((await cluster.open('late')).consumer.entries).toEqual(a.consumer.entries);
});

test('parts of a large entry are gone when the entry is', async () => {
  const cluster = new TestCluster({ valueBytesMax: 64 });
  const [a, b] = (await cluster.start('a', 'b')) as [TestMember, TestMember];
  await a.log.append(bytes('x'.repeat(1_000)));
  await cluster.until(() => b.consumer.texts[0]?.length === 1_000);
  expect(cluster.etcd.keys('/t/parts/').length).toBe(16);
  await a.log.compact();
  expect(cluster.etcd.keys('/t/parts/')).toEqual([]);
});

test.each([
  ['record', '/t/log/', 'LOG_CORRUPT'],
  ['part', '/t/parts/', 'LOG_CORRUPT'],
  ['chunk', '/t/snapshot/0', 'SNAPSHOT_CORRUPT'],
])('a damaged %s is refused', async (what, prefix, code) => {
  const cluster = new TestCluster({ valueBytesMax: 64 });
  const [a] = (await cluster.start('a')) as [TestMember];
  await a.log.append(bytes(what === 'record' ? 'x' : 'x'.repeat(200)));
  if (what === 'chunk') await a.log.compact();
  const [key] = cluster.etcd.keys(prefix) as [string];
  const value = await stored(cluster, key);
  value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
  cluster.etcd.overwrite(key, value);
  expect(await outcome(cluster.open('b'))).toBe(code);
});

test('a damaged record stops a member that follows, and says so', async () => {
  const cluster = new TestCluster();
  const [a, b] = (await cluster.start('a', 'b')) as [TestMember, TestMember];
  b.client.deafTo = '/t/';
  await a.log.append(bytes('x'));
  const [key] = cluster.etcd.keys('/t/log/') as [string];
  cluster.etcd.overwrite(key, Uint8Array.of(1, 2, 3));
  await cluster.clock.advance(2_100);
  expect(await outcome(b.log.failed.then((error) => Promise.reject(error)))).toBe('LOG_CORRUPT');
  expect(await outcome(b.log.barrier())).toBe('NODE_UNAVAILABLE');
});

test('a consumer that is ahead of the log is refused: etcd has lost entries', async () => {
  const cluster = new TestCluster();
  await cluster.start('a');
  const ahead = new RecordingConsumer();
  ahead.appliedIndex = 7;
  await expect(cluster.open('b', ahead)).rejects.toMatchObject({
    code: 'LOG_CORRUPT',
    message: expect.stringMatching(/ends at 0.*applied 7/),
  });
});

test('a consumer that fails stops its member', async () => {
  const cluster = new TestCluster();
  const [a, b] = (await cluster.start('a', 'b')) as [TestMember, TestMember];
  a.consumer.apply = () => {
    throw new RangeError('broken');
  };
  const told = outcome(a.log.append(bytes('x')));
  expect(await a.log.failed).toMatchObject({ message: 'broken' });
  expect(await told).toBe('PROPOSAL_DROPPED');
  await cluster.until(() => b.log.role.leading);
  expect(b.consumer.texts).toEqual(['x']);
});

async function stored(cluster: TestCluster, key: string): Promise<Uint8Array> {
  const { ranges } = await cluster.etcd.client().txn({ ops: [{ type: 'range', key }] }, 1_000);
  return Uint8Array.from(ranges[0]?.[0]?.value ?? []);
}
