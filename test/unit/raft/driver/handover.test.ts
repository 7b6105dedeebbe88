import { afterEach, describe, expect, test } from 'vitest';
import type { Status } from '../../../../src/raft/consensus/index.ts';
import { Handover } from '../../../../src/raft/driver/handover.ts';
import { Cluster } from './cluster.ts';

const FAST = { tickMs: 15, electionTicks: 10 };
const command = (text: string): Buffer => Buffer.from(text);
let cluster: Cluster;

afterEach(async () => cluster?.close());

test('news of the election that made this member the leader does not end a transfer that has just begun', async () => {
  const configuration = { voters: ['a', 'b'] };
  const status = { id: 'a', term: 2, commit: 1, applied: 1, configuration };
  const handover = new Handover(30);
  const gone = new Promise<void>((resolve, reject) => handover.begin({ resolve, reject }));
  handover.changed({ ...status, role: 'leader', leader: 'a' } satisfies Status);
  expect(handover.holds).toBe(true);
  handover.changed({ ...status, role: 'follower', leader: undefined } satisfies Status);
  await gone;
  expect(handover.holds).toBe(true);
  handover.changed({ ...status, role: 'follower', leader: 'b' } satisfies Status);
  expect(handover.holds).toBe(false);
});

describe('proposals while the leadership is handed over', () => {
  test('are refused only when the next leader is known, and then with its name', async () => {
    cluster = await Cluster.start(3, FAST);
    const old = await cluster.leader();
    const to = cluster.others(old)[0] as string;
    await cluster.wait(cluster.member(old).propose(command('a')));
    const before = cluster.clock.monotonic();
    const transfer = cluster.member(old).transferLeadership(to);
    const during = cluster.member(old).propose(command('b'));
    await cluster.wait(transfer);
    const gap = cluster.member(old).propose(command('c'));
    for (const held of [during, gap]) {
      await expect(cluster.wait(held)).rejects.toMatchObject({ code: 'NOT_LEADER', data: { leader: to } });
    }
    expect(cluster.clock.monotonic() - before).toBeLessThan(50);
    await cluster.wait(cluster.member(to).propose(command('b')));
    expect(cluster.machine(to).commands).toEqual(['a', 'b']);
  });

  test('go on where they were made when nobody took the leadership', async () => {
    cluster = await Cluster.start(3, FAST);
    const old = await cluster.leader();
    const to = cluster.others(old)[0] as string;
    await cluster.wait(cluster.member(old).propose(command('a')));
    cluster.cut.add(to);
    const transfer = cluster.member(old).transferLeadership(to);
    const during = cluster.member(old).propose(command('b'));
    await expect(cluster.wait(transfer)).rejects.toMatchObject({ code: 'TIMEOUT' });
    await expect(cluster.wait(during)).resolves.toMatchObject({ reply: 2 });
  });

  test('do not wait for ever when no leader comes out of it', async () => {
    cluster = await Cluster.start(3, FAST);
    const old = await cluster.leader();
    const to = cluster.others(old)[0] as string;
    await cluster.wait(cluster.member(old).propose(command('a')));
    cluster.lose = (message) => message.type === 'voteReply';
    await cluster.wait(cluster.member(old).transferLeadership(to));
    const before = cluster.clock.monotonic();
    const held = cluster.member(old).propose(command('b'));
    await expect(cluster.wait(held)).rejects.toMatchObject({ code: 'NOT_LEADER' });
    expect(cluster.clock.monotonic() - before).toBeLessThanOrEqual(3 * 10 * 15);
  });

  test('what was proposed before is committed by the next leader, and answered by the old one, once', async () => {
    cluster = await Cluster.start(3, FAST);
    const old = await cluster.leader();
    const to = cluster.others(old)[0] as string;
    await cluster.wait(cluster.member(old).propose(command('a')));
    // The old leader hears no acknowledgement but the one that lets it hand over.
    cluster.lose = (message) => message.type === 'appendReply' && message.from !== to;
    const pending = cluster.member(old).propose(command('b'));
    const transfer = cluster.member(old).transferLeadership(to);
    await expect(cluster.wait(pending)).resolves.toMatchObject({ reply: 2 });
    await cluster.wait(transfer);
    expect(await cluster.leader()).toBe(to);
    cluster.lose = () => false;
    await cluster.wait(cluster.member(to).barrier());
    expect(cluster.machine(to).commands).toEqual(['a', 'b']);
  });
});
