import { expect, test } from 'vitest';
import { bytes, outcome, TestCluster, type TestMember } from './members.ts';
import type { Fate } from './memory-etcd.ts';

/** The next transaction that writes a record meets this fate; all others are answered. */
function next(member: TestMember, fate: Fate): void {
  let used = false;
  member.client.fate = ({ ops }) => {
    const record = !used && ops.some((op) => op.type === 'put' && op.key.startsWith('/t/log/'));
    if (record) used = true;
    return record ? fate : 'answered';
  };
}

test('a write whose answer was lost on the way, and is sent again, is in the log once', async () => {
  const cluster = new TestCluster();
  const [a, b] = (await cluster.start('a', 'b')) as [TestMember, TestMember];
  next(a, 'repeated');
  expect(await a.log.append(bytes('x'))).toMatchObject({ index: 1, reply: 'did x' });
  expect(await a.log.append(bytes('y'))).toMatchObject({ index: 2, reply: 'did y' });
  await cluster.until(() => b.consumer.appliedIndex === 2);
  expect(b.consumer.entries).toEqual(a.consumer.entries);
});

test.each([
  ['unanswered', ['x']],
  ['lost', []],
] as const)(
  'a write with unknown outcome (%s) is PROPOSAL_DROPPED, ends the term, and is applied once or never',
  async (fate, texts) => {
    const cluster = new TestCluster();
    const [a, b] = (await cluster.start('a', 'b')) as [TestMember, TestMember];
    const { term } = a.log.role;
    next(a, fate);
    const told = outcome(a.log.append(bytes('x')));
    await cluster.until(() => !a.log.role.leading);
    expect(await told).toBe('PROPOSAL_DROPPED');
    await cluster.until(() => a.log.role.leading || b.log.role.leading);
    const leader = a.log.role.leading ? a : b;
    expect(leader.log.role.term).toBeGreaterThan(term);
    expect(leader.consumer.texts).toEqual(texts);
    await leader.log.append(bytes('y'));
    await cluster.until(() => [a, b].every(({ consumer }) => consumer.texts.at(-1) === 'y'));
    for (const { consumer } of [a, b]) expect(consumer.texts).toEqual([...texts, 'y']);
  },
);

test('a write that arrives after its term never lands, not even where the log has the same length', async () => {
  const cluster = new TestCluster();
  const [a, b] = (await cluster.start('a', 'b')) as [TestMember, TestMember];
  next(a, 'late');
  const told = outcome(a.log.append(bytes('deposed')));
  await cluster.until(() => b.log.role.leading || (!a.log.role.leading && a.log.role.leader === undefined));
  await cluster.until(() => a.log.role.leading || b.log.role.leading);
  const before = cluster.etcd.revision;
  a.client.arrive();
  expect(cluster.etcd.revision).toBe(before);
  expect(await told).toBe('PROPOSAL_DROPPED');
  const leader = a.log.role.leading ? a : b;
  await leader.log.append(bytes('after'));
  await cluster.until(() => [a, b].every(({ consumer }) => consumer.texts.length > 0));
  for (const { consumer } of [a, b]) expect(consumer.texts).toEqual(['after']);
});

test('a repetition that arrives when the log was written on and trimmed changes nothing', async () => {
  const cluster = new TestCluster();
  const [a] = (await cluster.start('a')) as [TestMember];
  let copy: (() => void) | undefined;
  a.client.fate = (txn) => {
    const record = txn.ops.some((op) => op.type === 'put' && op.key.startsWith('/t/log/'));
    if (record) copy ??= () => void cluster.etcd.execute(txn);
    return 'answered';
  };
  await a.log.append(bytes('1'));
  await a.log.append(bytes('2'));
  await a.log.compact();
  expect(cluster.etcd.keys('/t/log/')).toEqual([]);
  const before = cluster.etcd.revision;
  copy?.();
  expect(cluster.etcd.revision).toBe(before);
  expect((await a.log.append(bytes('3'))).index).toBe(3);
});

test('a leader that is cut off stops to lead before its lease ends, so that there are never two', async () => {
  const cluster = new TestCluster();
  const [a, b] = (await cluster.start('a', 'b')) as [TestMember, TestMember];
  // Its last prolongation may be up to a quarter of the lease old.
  await cluster.clock.advance(600);
  a.client.cut = true;
  let stoppedAt: number | undefined;
  await cluster.until(() => {
    expect(a.log.role.leading && b.log.role.leading).toBe(false);
    if (!a.log.role.leading) stoppedAt ??= cluster.clock.monotonic();
    return b.log.role.leading;
  });
  expect(stoppedAt).toBeLessThan(cluster.clock.monotonic());
  await expect(a.log.append(bytes('x'))).rejects.toMatchObject({ code: 'NOT_LEADER' });
});

test('a leader that slept through its lease refuses at once when it wakes, before it has heard of anything', async () => {
  const cluster = new TestCluster();
  const [a, b] = (await cluster.start('a', 'b')) as [TestMember, TestMember];
  // As after SIGSTOP: time passed, and none of its timers has run.
  const now = cluster.clock.monotonic.bind(cluster.clock);
  cluster.clock.monotonic = () => now() + 10_000;
  expect(a.log.role.leading).toBe(false);
  await expect(a.log.append(bytes('x'))).rejects.toMatchObject({ code: 'NOT_LEADER' });
  expect(b.consumer.texts).toEqual([]);
});

test('a process that comes back under its id ends the leadership of its earlier life at once', async () => {
  const cluster = new TestCluster();
  const [a] = (await cluster.start('a')) as [TestMember];
  a.client.cut = true;
  const at = cluster.clock.monotonic();
  const again = await cluster.open('a');
  await cluster.until(() => again.log.role.leading);
  expect(cluster.clock.monotonic() - at).toBeLessThan(500);
});

test('a leader whose death is known is deposed without waiting for its lease', async () => {
  const cluster = new TestCluster();
  const [a, b] = (await cluster.start('a', 'b')) as [TestMember, TestMember];
  a.client.cut = true;
  await b.log.depose('b');
  await b.log.depose('a');
  await cluster.until(() => b.log.role.leading);
  expect(cluster.clock.monotonic()).toBeLessThan(500);
  expect((await b.log.append(bytes('x'))).reply).toBe('did x');
});

test('a successor that does not come costs a second, then anyone may lead; the old term is over', async () => {
  const cluster = new TestCluster();
  const [a, b, c] = (await cluster.start('a', 'b', 'c')) as [TestMember, TestMember, TestMember];
  const { term } = a.log.role;
  b.client.cut = true;
  const moved = outcome(a.log.transferLeadership('b'));
  await cluster.until(() => [a, c].some(({ log }) => log.role.leading && log.role.term > term));
  expect(await moved).toBe('TIMEOUT');
  await expect(outcome(a.log.transferLeadership('nobody'))).resolves.toMatch(/NO_QUORUM|NOT_LEADER/);
});

test('a new leader has read all that earlier ones wrote before it serves, though its watch told it nothing', async () => {
  const cluster = new TestCluster({ watchMs: 60_000 });
  const [a, b] = (await cluster.start('a', 'b')) as [TestMember, TestMember];
  b.client.deafTo = '/t/log/';
  await a.log.append(bytes('1'));
  await a.log.append(bytes('2'));
  a.client.cut = true;
  await b.log.depose('a');
  let appliedThen: number | undefined;
  b.log.onRole(({ leading }) => {
    if (leading) appliedThen ??= b.consumer.appliedIndex;
  });
  await cluster.until(() => b.log.role.leading);
  expect(appliedThen).toBe(2);
  expect((await b.log.append(bytes('3'))).index).toBe(3);
});

test.each(['unanswered', 'repeated'] as const)(
  'a hand-over that is %s, to a successor that is gone, keeps nobody from leading',
  async (fate) => {
    const cluster = new TestCluster();
    const [a, b, c] = (await cluster.start('a', 'b', 'c')) as [TestMember, TestMember, TestMember];
    const { term } = a.log.role;
    b.client.cut = true;
    a.client.fate = ({ ops }) =>
      ops.some((op) => op.type === 'put' && op.key === '/t/leader/next') ? fate : 'answered';
    const moved = outcome(a.log.transferLeadership('b'));
    await cluster.until(() => [a, c].some(({ log }) => log.role.leading && log.role.term > term));
    expect(await moved).toBe('TIMEOUT');
    expect(cluster.clock.monotonic()).toBeLessThan(7_000);
  },
);
