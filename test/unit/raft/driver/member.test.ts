import { afterEach, describe, expect, test } from 'vitest';
import { Cluster, type Seat } from './cluster.ts';

let cluster: Cluster;

afterEach(() => cluster.close());

const command = (text: string): Uint8Array => Buffer.from(text);

async function proposeMany(leader: string, first: number, last: number): Promise<void> {
  const all = [];
  for (let i = first; i <= last; i++) all.push(cluster.member(leader).propose(command(`c${i}`)));
  await cluster.wait(Promise.all(all));
}

describe('replication', () => {
  test('a proposal resolves with the reply of the state machine, and every member applies it', async () => {
    cluster = await Cluster.start(3);
    const leader = await cluster.leader();
    const first = await cluster.wait(cluster.member(leader).propose(command('a')));
    const second = await cluster.wait(cluster.member(leader).propose(command('b')));
    expect([first.reply, second.reply]).toEqual([1, 2]);
    expect(second.index).toBe(first.index + 1);
    expect(second.term).toBe(cluster.member(leader).status.term);
    await cluster.until(() => cluster.others(leader).every((id) => cluster.machine(id).commands.length === 2));
    for (const id of cluster.seats.keys()) expect(cluster.machine(id).commands).toEqual(['a', 'b']);
  });

  test('a follower refuses a proposal and names the leader', async () => {
    cluster = await Cluster.start(3);
    const leader = await cluster.leader();
    const follower = cluster.others(leader)[0] as string;
    await cluster.until(() => cluster.member(follower).status.leader === leader);
    await expect(cluster.wait(cluster.member(follower).propose(command('x')))).rejects.toMatchObject({
      code: 'NOT_LEADER',
      data: { leader },
    });
  });

  test('one voter alone leads at once and commits', async () => {
    cluster = await Cluster.start(1);
    await cluster.leader();
    const done = await cluster.wait(cluster.member('n1').propose(command('solo')));
    expect(done.reply).toBe(1);
    expect(cluster.clock.monotonic()).toBeLessThan(50);
  });

  test('proposals of one turn share one sync', async () => {
    cluster = await Cluster.start(1);
    await cluster.leader();
    await cluster.wait(cluster.member('n1').propose(command('warm')));
    const { disk } = cluster.seats.get('n1') as { disk: { syncs: number } };
    const before = disk.syncs;
    await cluster.wait(
      Promise.all(Array.from({ length: 50 }, (_, i) => cluster.member('n1').propose(command(`${i}`)))),
    );
    expect(disk.syncs - before).toBe(1);
  });

  test('a follower begins to write what came before it applies what that committed', async () => {
    cluster = await Cluster.start(3);
    const leader = await cluster.leader();
    const [follower = ''] = cluster.others(leader);
    cluster.lose = ({ type, to }) => type === 'heartbeat' && to === follower;
    await cluster.wait(cluster.member(leader).propose(command('a')));
    const { disk, machine } = cluster.seats.get(follower) as Seat;
    const order: string[] = [];
    disk.beforeSync = () => {
      order.push('sync');
    };
    const { apply } = machine;
    machine.apply = (entries) => {
      order.push('apply');
      return apply.call(machine, entries);
    };
    await cluster.wait(cluster.member(leader).propose(command('b')));
    await cluster.until(() => machine.commands.includes('a'));
    expect(order.slice(0, 2)).toEqual(['sync', 'apply']);
  });

  test('more proposals than the limit are refused, and the rest go on', async () => {
    cluster = await Cluster.start(3, { proposalsMax: 10 });
    const leader = await cluster.leader();
    const all = Array.from({ length: 15 }, (_, i) => cluster.member(leader).propose(command(`${i}`)));
    const settled = await cluster.wait(Promise.allSettled(all));
    expect(settled.filter((each) => each.status === 'fulfilled')).toHaveLength(10);
    for (const each of settled.slice(10)) expect(each).toMatchObject({ reason: { code: 'OVERLOADED' } });
  });
});

describe('restart from disk', () => {
  test('what was acknowledged is there after the whole cluster lost power', async () => {
    cluster = await Cluster.start(3);
    const leader = await cluster.leader();
    await proposeMany(leader, 1, 40);
    const term = cluster.member(leader).status.term;
    for (const id of cluster.seats.keys()) cluster.crash(id);
    for (const id of cluster.seats.keys()) await cluster.boot(id);
    const next = await cluster.leader();
    expect(cluster.member(next).status.term).toBeGreaterThan(term);
    await cluster.wait(cluster.member(next).barrier());
    expect(cluster.machine(next).commands).toEqual(Array.from({ length: 40 }, (_, i) => `c${i + 1}`));
  });

  test('the leader is lost: another takes over, and the old one follows when it is back', async () => {
    cluster = await Cluster.start(3);
    const old = await cluster.leader();
    await proposeMany(old, 1, 5);
    cluster.crash(old);
    const next = await cluster.leader();
    await proposeMany(next, 6, 10);
    await cluster.boot(old);
    await cluster.until(() => cluster.machine(old).commands.length === 10);
    expect(cluster.member(old).status.role).toBe('follower');
  });
});

describe('lost leadership', () => {
  test('proposals of a leader that was cut off fail as unknown, and never take effect', async () => {
    cluster = await Cluster.start(3);
    const old = await cluster.leader();
    await proposeMany(old, 1, 3);
    cluster.cut.add(old);
    const lost = cluster.member(old).propose(command('lost'));
    const outcome = expect(lost).rejects.toMatchObject({ code: 'PROPOSAL_DROPPED' });
    const next = await cluster.leader();
    await proposeMany(next, 4, 6);
    await cluster.wait(lost.catch(() => {}));
    await outcome;
    cluster.cut.clear();
    await cluster.until(() => cluster.machine(old).commands.length === 6);
    expect(cluster.machine(old).commands).not.toContain('lost');
  });

  test('an entry of another term at its index fails a proposal at once', async () => {
    cluster = await Cluster.start(3, { electionTicks: 10 });
    const old = await cluster.leader();
    await proposeMany(old, 1, 3);
    // Its appends are lost, its heartbeats are not: it goes on leading until somebody else stands.
    cluster.lose = (message) => message.from === old && message.type === 'append';
    const lost = cluster.member(old).propose(command('lost'));
    const outcome = expect(lost).rejects.toMatchObject({ code: 'PROPOSAL_DROPPED' });
    await cluster.clock.advance(20);
    cluster.cut.add(old);
    const next = await cluster.leader();
    await proposeMany(next, 4, 6);
    cluster.cut.clear();
    await cluster.wait(lost.catch(() => {}));
    await outcome;
    await cluster.until(() => cluster.machine(old).commands.length === 6);
  });
});

describe('barriers', () => {
  test('a follower that passed a barrier has applied all that was acknowledged before', async () => {
    cluster = await Cluster.start(3);
    const leader = await cluster.leader();
    const follower = cluster.others(leader)[0] as string;
    await proposeMany(leader, 1, 20);
    const index = await cluster.wait(cluster.member(follower).barrier());
    expect(cluster.machine(follower).commands).toHaveLength(20);
    expect(cluster.machine(follower).appliedIndex).toBeGreaterThanOrEqual(index);
  });

  test('a leader that was cut off answers no barrier', async () => {
    cluster = await Cluster.start(3);
    const old = await cluster.leader();
    cluster.cut.add(old);
    const barrier = cluster.member(old).barrier();
    const outcome = expect(barrier).rejects.toMatchObject({ code: 'TIMEOUT' });
    await cluster.wait(barrier.catch(() => {}));
    await outcome;
  });

  test('a barrier survives the loss of the leader it asked', async () => {
    cluster = await Cluster.start(3);
    const old = await cluster.leader();
    await proposeMany(old, 1, 3);
    const follower = cluster.others(old)[0] as string;
    cluster.cut.add(old);
    const barrier = cluster.member(follower).barrier();
    await cluster.leader();
    await cluster.wait(barrier);
    expect(cluster.machine(follower).commands).toHaveLength(3);
  });
});

describe('snapshots', () => {
  const small = { snapshotEveryEntries: 20, keepEntries: 5 };

  test('the log is cut behind snapshots, and a restart begins from one', async () => {
    cluster = await Cluster.start(3, small);
    const leader = await cluster.leader();
    for (let i = 0; i < 10; i++) await proposeMany(leader, i * 10 + 1, i * 10 + 10);
    const { disk } = cluster.seats.get(leader) as { disk: { list(): readonly string[] } };
    expect(disk.list().filter((name) => name.endsWith('.snap')).length).toBe(2);
    cluster.crash(leader);
    await cluster.boot(leader);
    expect(cluster.machine(leader).restores).toBe(1);
    await cluster.until(() => cluster.machine(leader).commands.length === 100);
  });

  test('a member that is too far behind is brought up by a snapshot', async () => {
    cluster = await Cluster.start(3, small);
    const leader = await cluster.leader();
    const laggard = cluster.others(leader)[0] as string;
    cluster.cut.add(laggard);
    for (let i = 0; i < 10; i++) await proposeMany(leader, i * 10 + 1, i * 10 + 10);
    cluster.cut.clear();
    await cluster.until(() => cluster.machine(laggard).commands.length === 100);
    expect(cluster.machine(laggard).restores).toBe(1);
    await proposeMany(await cluster.leader(), 101, 110);
    await cluster.until(() => cluster.machine(laggard).commands.length === 110);
    cluster.crash(laggard);
    await cluster.boot(laggard);
    await cluster.until(() => cluster.machine(laggard).commands.length === 110);
  });

  test('a member whose fetch takes longer than the log takes to grow past it need not start over', async () => {
    cluster = await Cluster.start(3, small);
    const leader = await cluster.leader();
    const laggard = cluster.others(leader)[0] as string;
    cluster.cut.add(laggard);
    for (let i = 0; i < 10; i++) await proposeMany(leader, i * 10 + 1, i * 10 + 10);
    cluster.fetchMs = 400;
    cluster.cut.clear();
    await cluster.until(() => cluster.fetches === 1);
    for (let i = 10; i < 40; i++) {
      await proposeMany(leader, i * 10 + 1, i * 10 + 10);
      await cluster.clock.advance(25);
    }
    await cluster.until(() => cluster.machine(laggard).commands.length === 400);
    expect(cluster.fetches).toBe(1);
  });

  test('a member that is gone keeps no log for itself', async () => {
    cluster = await Cluster.start(3, small);
    const leader = await cluster.leader();
    cluster.cut.add(cluster.others(leader)[0] as string);
    for (let i = 0; i < 60; i++) {
      await proposeMany(leader, i * 10 + 1, i * 10 + 10);
      await cluster.clock.advance(25);
    }
    const { disk } = cluster.seats.get(leader) as { disk: { list(): readonly string[] } };
    expect(disk.list().filter((name) => name.endsWith('.wal')).length).toBeLessThan(4);
  });

  test('a fetch that breaks off is tried again, and changes nothing meanwhile', async () => {
    cluster = await Cluster.start(3, small);
    const leader = await cluster.leader();
    const laggard = cluster.others(leader)[0] as string;
    cluster.cut.add(laggard);
    for (let i = 0; i < 10; i++) await proposeMany(leader, i * 10 + 1, i * 10 + 10);
    const serve = cluster.member(leader).readSnapshot.bind(cluster.member(leader));
    let failures = 2;
    cluster.member(leader).readSnapshot = (index) => {
      if (failures-- > 0) throw new RangeError('no bytes today');
      return serve(index);
    };
    cluster.cut.clear();
    await cluster.until(() => cluster.fetches === 1);
    expect(cluster.machine(laggard).restores).toBe(0);
    await cluster.until(() => cluster.machine(laggard).commands.length === 100);
    expect(cluster.fetches).toBe(3);
  });

  test('the term that came with a snapshot is durable before the snapshot is', async () => {
    cluster = await Cluster.start(3, {
      ...small,
      transport: {
        send() {},
        async *fetchSnapshot() {
          yield Buffer.from('["from", "afar"]');
        },
      },
    });
    const snapshot = { index: 50, term: 9, configuration: { voters: ['n1', 'n2', 'n3'] } };
    cluster.member('n1').receive([{ type: 'snapshot', from: 'n2', to: 'n1', term: 9, snapshot }]);
    await cluster.until(() => cluster.machine('n1').restores === 1);
    cluster.crash('n1');
    const again = await cluster.boot('n1');
    expect(again.status).toMatchObject({ term: 9, applied: 50 });
    expect(cluster.machine('n1').commands).toEqual(['from', 'afar']);
  });

  test('compact takes a snapshot now', async () => {
    cluster = await Cluster.start(1);
    await cluster.leader();
    await proposeMany('n1', 1, 10);
    await cluster.wait(cluster.member('n1').compact());
    const { disk } = cluster.seats.get('n1') as { disk: { list(): readonly string[] } };
    expect(disk.list().filter((name) => name.endsWith('.snap'))).toHaveLength(1);
    await cluster.wait(cluster.member('n1').compact());
    expect(disk.list().filter((name) => name.endsWith('.snap'))).toHaveLength(1);
  });
});

describe('handing over', () => {
  test('leadership goes to the member named, without a refused write after it', async () => {
    cluster = await Cluster.start(3);
    const old = await cluster.leader();
    const to = cluster.others(old)[1] as string;
    await proposeMany(old, 1, 10);
    const pending = cluster.member(old).propose(command('on the way'));
    const before = cluster.clock.monotonic();
    await cluster.wait(cluster.member(old).transferLeadership(to));
    expect(cluster.clock.monotonic() - before).toBeLessThan(50);
    await expect(cluster.wait(pending)).resolves.toMatchObject({ reply: 11 });
    expect(await cluster.leader()).toBe(to);
    await cluster.wait(cluster.member(to).propose(command('next')));
  });

  test('without a name it goes to one that is up to date', async () => {
    cluster = await Cluster.start(3);
    const old = await cluster.leader();
    await proposeMany(old, 1, 3);
    await cluster.wait(cluster.member(old).transferLeadership());
    expect(cluster.member(old).status.role).not.toBe('leader');
  });

  test('it is given up when the other one does not answer', async () => {
    cluster = await Cluster.start(3);
    const old = await cluster.leader();
    const to = cluster.others(old)[0] as string;
    cluster.cut.add(to);
    await expect(cluster.wait(cluster.member(old).transferLeadership(to))).rejects.toMatchObject({ code: 'TIMEOUT' });
    await cluster.wait(cluster.member(old).propose(command('still here')));
  });

  test('a follower, and a member alone, cannot hand over', async () => {
    cluster = await Cluster.start(3);
    const leader = await cluster.leader();
    const follower = cluster.member(cluster.others(leader)[0] as string);
    await expect(follower.transferLeadership()).rejects.toMatchObject({ code: 'NOT_LEADER' });
    await cluster.close();
    cluster = await Cluster.start(1);
    await cluster.leader();
    await expect(cluster.member('n1').transferLeadership()).rejects.toMatchObject({ code: 'NO_QUORUM' });
  });
});

describe('failures', () => {
  test('a failed sync stops the member: nothing is acknowledged, and the others go on', async () => {
    cluster = await Cluster.start(3);
    const old = await cluster.leader();
    await proposeMany(old, 1, 3);
    const seat = cluster.seats.get(old);
    if (seat === undefined) return;
    seat.disk.beforeSync = () => {
      throw new RangeError('I/O error');
    };
    const lost = cluster.member(old).propose(command('lost'));
    await expect(cluster.wait(lost)).rejects.toMatchObject({ code: 'LOG_POISONED' });
    await expect(cluster.wait(cluster.member(old).failed)).resolves.toMatchObject({ code: 'LOG_POISONED' });
    await expect(cluster.member(old).propose(command('x'))).rejects.toMatchObject({ code: 'LOG_POISONED' });
    await expect(cluster.member(old).barrier()).rejects.toMatchObject({ code: 'LOG_POISONED' });
    cluster.cut.add(old);
    const next = await cluster.leader();
    expect(next).not.toBe(old);
    await proposeMany(next, 4, 5);
  });

  test('a state machine that throws stops the member', async () => {
    cluster = await Cluster.start(1);
    await cluster.leader();
    await proposeMany('n1', 1, 1);
    cluster.machine('n1').apply = () => {
      throw new RangeError('broken');
    };
    const lost = cluster.member('n1').propose(command('x'));
    await expect(cluster.wait(lost)).rejects.toMatchObject({ code: 'INVARIANT_VIOLATED', message: 'broken' });
    await expect(cluster.member('n1').failed).resolves.toMatchObject({ message: 'broken' });
  });

  test('a message that breaks the protocol is dropped', async () => {
    cluster = await Cluster.start(3);
    const leader = await cluster.leader();
    const forged = { type: 'appendReply', from: 'n9', to: leader, term: 1, index: -4 } as const;
    cluster.member(leader).receive([forged, { ...forged, to: 'someone else' }]);
    await proposeMany(leader, 1, 2);
  });

  test('closing fails what waits, and says so to what comes later', async () => {
    cluster = await Cluster.start(3);
    const leader = await cluster.leader();
    cluster.cut.add(leader);
    const waiting = cluster.member(leader).propose(command('x'));
    const outcome = expect(waiting).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await cluster.member(leader).close();
    await outcome;
    await expect(cluster.member(leader).propose(command('y'))).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});
