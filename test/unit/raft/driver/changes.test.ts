import { describe, expect, test } from 'vitest';
import type { Configuration } from '../../../../src/raft/consensus/index.ts';
import { Cluster } from './cluster.ts';

/** The leader, once it has committed in its term: before that it takes no change. */
async function settled(cluster: Cluster): Promise<string> {
  const leader = await cluster.leader();
  await cluster.wait(cluster.member(leader).propose(Buffer.from('first')));
  return leader;
}

describe('changing the members', () => {
  test('resolves when the change is complete and holds here, and tells listeners', async () => {
    const cluster = await Cluster.start(3);
    const old = await settled(cluster);
    const [gone = '', other = ''] = cluster.others(old);
    const seen: Configuration[] = [];
    cluster.member(old).onConfiguration((configuration) => seen.push(configuration));
    const changed = await cluster.wait(cluster.member(old).changeMembers({ remove: [gone] }));
    expect(changed).toEqual({ voters: cluster.others(gone) });
    expect(cluster.member(old).status.configuration).toEqual(changed);
    expect(seen).toEqual([changed]);
    await expect(cluster.wait(cluster.member(other).changeMembers({ remove: [old] }))).rejects.toMatchObject({
      code: 'NOT_LEADER',
      data: { leader: old },
    });
    await cluster.close();
  });

  test('a change of several voters resolves after the joint configuration was left', async () => {
    const cluster = await Cluster.start(5);
    const old = await settled(cluster);
    const gone = cluster.others(old).slice(0, 2);
    const seen: Configuration[] = [];
    cluster.member(old).onConfiguration((configuration) => seen.push(configuration));
    const changed = await cluster.wait(cluster.member(old).changeMembers({ remove: gone }));
    expect(changed.votersOutgoing).toBeUndefined();
    expect(changed.voters).toHaveLength(3);
    expect(seen.map((each) => each.votersOutgoing?.length)).toEqual([5, undefined]);
    await cluster.close();
  });

  test('one that a new leader cut off fails as unknown, and one that never completes is given up', async () => {
    const cluster = await Cluster.start(3);
    const old = await settled(cluster);
    const [other = ''] = cluster.others(old);
    cluster.cut.add(old);
    const lost = cluster.member(old).changeMembers({ remove: [other] });
    lost.catch(() => {});
    const next = await settled(cluster);
    cluster.cut.clear();
    await expect(cluster.wait(lost)).rejects.toMatchObject({ code: 'PROPOSAL_DROPPED' });

    for (const id of cluster.others(next)) cluster.cut.add(id);
    const stuck = cluster.member(next).changeMembers({ remove: [other] });
    await expect(cluster.wait(stuck)).rejects.toMatchObject({ code: 'TIMEOUT' });
    await cluster.close();
  });
});

describe('a broken connection to the leader', () => {
  test('when the leader died another leads within a few ticks', async () => {
    const cluster = await Cluster.start(3, { tickMs: 15, electionTicks: 10 });
    const old = await settled(cluster);
    cluster.crash(old);
    for (const id of cluster.others(old)) cluster.member(id).disconnected(old);
    await cluster.until(() => cluster.others(old).some((id) => cluster.member(id).status.role === 'leader'), 100);
    await cluster.close();
  });

  test('the leader stays when only one member lost its connection', async () => {
    const cluster = await Cluster.start(3, { tickMs: 15, electionTicks: 10 });
    const old = await settled(cluster);
    const { term } = cluster.member(old).status;
    const [one = ''] = cluster.others(old);
    cluster.member(one).disconnected(old);
    expect(cluster.member(one).status.leader).toBeUndefined();
    for (let i = 0; i < 100; i++) await cluster.clock.advance(15);
    expect(cluster.member(one).status).toMatchObject({ leader: old, term });
    await cluster.close();
  });
});
