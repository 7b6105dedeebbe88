import { describe, expect, test } from 'vitest';
import { account } from './agents.ts';
import { eventually, keyOn, leaderOf, Sandbox } from './harness.ts';

const KEYS = Array.from({ length: 40 }, (_, i) => `k${i}`);

/** Adds 1 to every account, once, under ids that make a repetition the same request. */
async function addRound(cluster: Awaited<ReturnType<Sandbox['start']>>, round: number): Promise<number[]> {
  return Promise.all(
    KEYS.map((key) => cluster.agent(account, key).ask('add', 1, { requestId: `${key}-${round}`, timeoutMs: 30_000 })),
  );
}

const GIFTS = Array.from({ length: 10 }, (_, i) => i);

/** Lets accounts give to others; a third account of each gets 1 from outside. */
async function giveAll(cluster: Awaited<ReturnType<Sandbox['start']>>): Promise<void> {
  const gifts = GIFTS.flatMap((i) => [
    cluster.agent(account, `giver-${i}`).ask('give', `friend-${i}`, { requestId: `give-${i}`, timeoutMs: 30_000 }),
    cluster.agent(account, `guest-${i}`).send('add', 1, `guest-${i}`),
  ]);
  await Promise.all(gifts);
}

/** Waits until all of that has arrived, and looks that nothing came twice. */
async function givenOnce(cluster: Awaited<ReturnType<Sandbox['start']>>): Promise<void> {
  const read = (who: string) => Promise.all(GIFTS.map((i) => cluster.agent(account, `${who}-${i}`).ask('read', null)));
  const all = await eventually('gifts have arrived', async () => {
    const [friends, givers, guests] = [await read('friend'), await read('giver'), await read('guest')];
    return [...friends, ...givers, ...guests].every(({ total }) => total > 0) ? [friends, givers, guests] : undefined;
  });
  const once = (total: number) => GIFTS.map(() => ({ total, requests: [expect.any(String)] }));
  expect(all).toEqual([once(1), once(100), once(1)]);
}

describe('a cluster of real processes', () => {
  test('a worker is killed: its agents come back elsewhere with their state, nothing is added twice', async () => {
    await using box = new Sandbox();
    const cluster = await box.start();
    await addRound(cluster, 1);
    const life = (await cluster.status()).view.nodes.find((node) => node.node === 'spot-1');
    const under = addRound(cluster, 2);
    const giving = giveAll(cluster);
    cluster.node('spot-1').signal('SIGKILL');
    expect(await under).toEqual(KEYS.map(() => 2));
    expect(await addRound(cluster, 3)).toEqual(KEYS.map(() => 3));
    await giving;
    await givenOnce(cluster);
    const { requests } = await cluster.agent(account, 'k0').ask('read', null);
    expect(requests).toEqual(['k0-1', 'k0-2', 'k0-3']);
    const back = await eventually('the worker is back under a new life', async () => {
      const node = (await cluster.status()).view.nodes.find((candidate) => candidate.node === 'spot-1');
      return node?.state === 'up' && node.incarnation !== life?.incarnation ? node : undefined;
    });
    expect(back.incarnation).toBeGreaterThan(life?.incarnation ?? 0);
  });

  test('the leader is killed: another leads, acknowledged decisions stay, work goes on', async () => {
    await using box = new Sandbox();
    const cluster = await box.start();
    const panel = cluster.team('panel', { members: [account], size: 3 });
    const before = await panel.decide({ id: 'before', question: 'go?', options: ['yes', 'no'] });
    const leader = await leaderOf(cluster);
    const under = addRound(cluster, 1);
    cluster.node(leader).signal('SIGKILL');
    expect(await under).toEqual(KEYS.map(() => 1));
    const after = await panel.decide({ id: 'after', question: 'go?', options: ['yes', 'no'] });
    expect(after.result?.choice).toBe('yes');
    expect((await panel.decide({ id: 'before', question: 'go?', options: ['yes', 'no'] })).result).toEqual(
      before.result,
    );
    expect((await cluster.status()).leader?.term).toBeGreaterThan(before.result?.term ?? 0);
  });

  test('two of five nodes are killed at once, the leader among them', async () => {
    await using box = new Sandbox();
    const cluster = await box.start();
    await addRound(cluster, 1);
    const leader = await leaderOf(cluster);
    const under = addRound(cluster, 2);
    cluster.node(leader).signal('SIGKILL');
    cluster.node('spot-2').signal('SIGKILL');
    expect(await under).toEqual(KEYS.map(() => 2));
    expect(await addRound(cluster, 3)).toEqual(KEYS.map(() => 3));
  });

  test('the whole cluster is killed at once: after a restart from disk every acknowledged decision and state is there', async () => {
    await using box = new Sandbox();
    const first = await box.start();
    const panel = first.team('panel', { members: [account], size: 3 });
    const ids = Array.from({ length: 20 }, (_, i) => `decision-${i}`);
    const options = { question: 'go?', options: ['yes', 'no'] };
    const decided = await Promise.all(ids.map((id) => panel.decide({ id, ...options })));
    await addRound(first, 1);
    await giveAll(first);
    for (const id of ['node-1', 'node-2', 'node-3', 'spot-1', 'spot-2']) first.node(id).signal('SIGKILL');
    await first.close();
    const second = await box.start();
    const again = second.team('panel', { members: [account], size: 3 });
    for (const [i, id] of ids.entries())
      expect((await again.decide({ id, ...options })).result).toEqual(decided[i]?.result);
    expect(await addRound(second, 1)).toEqual(KEYS.map(() => 1));
    expect(await addRound(second, 2)).toEqual(KEYS.map(() => 2));
    await givenOnce(second);
  });

  test('a node is paused for ten seconds: it can commit nothing under its old epoch, and joins again', async () => {
    await using box = new Sandbox();
    const cluster = await box.start();
    const key = await keyOn(cluster, 'spot-1', account);
    const agent = cluster.agent(account, key);
    await agent.ask('add', 1, { requestId: 'before' });
    const lives = (await cluster.status()).view.nodes.find((node) => node.node === 'spot-1');
    const recordsBefore = (await cluster.status()).stats.journalRecords;
    // A turn is under way, with steps to come, when the node stops; its request is answered by the next owner.
    const slow = agent.ask('slow', { steps: 40, stepMs: 50 }, { requestId: 'slow', timeoutMs: 60_000 });
    const added = agent.ask('add', 1, { requestId: 'queued', timeoutMs: 60_000 });
    await eventually('a step of the turn is recorded', async () => {
      const { journalRecords } = (await cluster.status()).stats;
      return journalRecords > recordsBefore ? journalRecords : undefined;
    });
    cluster.node('spot-1').signal('SIGSTOP');
    const stoppedAt = performance.now();
    expect(await slow).toBe(2);
    expect(await added).toBe(3);
    expect(await agent.ask('where', null)).not.toBe('spot-1');
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, 10_000 - (performance.now() - stoppedAt))));
    cluster.node('spot-1').signal('SIGCONT');
    await eventually('the node has joined again', async () => {
      const node = (await cluster.status()).view.nodes.find((candidate) => candidate.node === 'spot-1');
      return node?.state === 'up' && node.incarnation > (lives?.incarnation ?? 0) ? node : undefined;
    });
    expect(box.log('spot-1')).toContain('given up by the cluster; joining again');
    expect(await agent.ask('read', null)).toEqual({ total: 3, requests: ['before', 'slow', 'queued'] });
  });
});
