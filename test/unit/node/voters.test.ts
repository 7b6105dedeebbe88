import { afterEach, describe, expect, test, vi } from 'vitest';
import { isTroupeError, TroupeError } from '../../../src/core/index.ts';
import { type InProcessCluster, startInProcess } from '../../../src/node/index.ts';

const capacity = 'on-demand';
const NODES = [
  { id: 'n1', voter: true, labels: { capacity } },
  { id: 'n2', labels: { capacity } },
  { id: 'n3', labels: { capacity } },
  { id: 'spot', labels: { capacity: 'spot' } },
];

let cluster: InProcessCluster | undefined;

async function start(nodes = NODES): Promise<InProcessCluster> {
  cluster = await startInProcess({ name: 'test', nodes, timing: { raftTickMs: 10 } }, { agents: [] });
  return cluster;
}

afterEach(async () => {
  await cluster?.close();
});

async function refusal(work: Promise<unknown>): Promise<TroupeError> {
  const error = await work.then(
    () => new TroupeError('INVARIANT_VIOLATED', 'it was not refused'),
    (thrown: unknown) => thrown,
  );
  return isTroupeError(error) ? error : new TroupeError('INVARIANT_VIOLATED', String(error));
}

function eventually(what: string, probe: () => Promise<boolean>): Promise<void> {
  return vi.waitFor(async () => expect(await probe(), what).toBe(true), { timeout: 5_000, interval: 10 });
}

const nodesOf = (members: readonly { readonly node: string }[] = []): string[] =>
  members.map(({ node }) => node).sort();

describe('voters of a running cluster', () => {
  test('a cluster of one grows to three; the view, the records and the client that stays know it', async () => {
    const { voters, kv, status } = await start();
    await kv.put('before', Buffer.from('1'));
    const { changed, members } = await voters.add('n2');
    expect([changed, nodesOf(members.voters)]).toEqual([true, ['n1', 'n2']]);
    expect((await voters.add('n2')).changed).toBe(false);
    await voters.add('n3', { learner: true });
    const learning = (await status()).view;
    expect([nodesOf(learning.members?.voters), nodesOf(learning.members?.learners)]).toEqual([['n1', 'n2'], ['n3']]);
    expect((await voters.promote('n3')).changed).toBe(true);
    const { view } = await status();
    expect(nodesOf(view.members?.voters)).toEqual(['n1', 'n2', 'n3']);
    expect(view.nodes.filter((node) => node.voter).map((node) => node.node)).toEqual(['n1', 'n2', 'n3']);
    // Each is one directory of its node.
    for (const { node, member } of view.members?.voters ?? [])
      expect(member).toMatch(new RegExp(`^${node}@[a-z2-7]{16}$`));
  });

  test('the leader is removed: another leads, it works on, and comes back as another member', async () => {
    const { voters, kv, status } = await start();
    await voters.add('n2');
    await voters.add('n3');
    const first = (await status()).view.members?.voters.find(({ node }) => node === 'n1')?.member;
    expect((await status()).leader?.node).toBe('n1');
    expect(nodesOf((await voters.remove('n1')).members.voters)).toEqual(['n2', 'n3']);
    expect((await voters.remove('n1')).changed).toBe(false);
    await kv.put('after', Buffer.from('2'));
    await eventually('another leads', async () => ['n2', 'n3'].includes((await status()).leader?.node ?? ''));
    expect((await status()).view.nodes.find((node) => node.node === 'n1')).toMatchObject({ state: 'up', voter: false });
    const { members } = await voters.add('n1');
    const second = members.voters.find(({ node }) => node === 'n1')?.member;
    expect(second).toBeDefined();
    expect(second).not.toBe(first);
    expect(Buffer.from((await kv.get('after'))?.value ?? []).toString()).toBe('2');
  });

  test('the leadership goes to the voter that is named, and to no other node', async () => {
    const { voters, kv, status } = await start();
    await voters.add('n2');
    expect((await voters.lead('n2')).changed).toBe(true);
    await eventually('n2 leads', async () => (await status()).leader?.node === 'n2');
    expect((await voters.lead('n2')).changed).toBe(false);
    await kv.put('after', Buffer.from('1'));
    expect(nodesOf((await status()).view.members?.voters)).toEqual(['n1', 'n2']);
    expect(await refusal(voters.lead('n3'))).toMatchObject({ code: 'INVALID_ARGUMENT', address: 'n3' });
    expect(await refusal(voters.lead('n9'))).toMatchObject({ code: 'NOT_FOUND', address: 'n9' });
  });

  test('back to one: the last voter alone serves, and cannot be removed', async () => {
    const { voters, kv } = await start();
    await voters.add('n2');
    await voters.remove('n1');
    await kv.put('alone', Buffer.from('1'));
    const { code, message } = await refusal(voters.remove('n2'));
    expect([code, message]).toEqual(['INVALID_ARGUMENT', expect.stringContaining('n2 is the last voter')]);
  });

  test('what makes no sense is refused in one line', async () => {
    const { voters, members } = await start();
    const line = async (work: Promise<unknown>): Promise<string> => (await refusal(work)).toString();
    expect(await line(voters.add('nobody'))).toContain('NOT_FOUND: there is no node "nobody"');
    expect(await line(voters.add('spot'))).toContain('may not sit on spot capacity');
    expect(await line(voters.promote('n2'))).toContain('n2 is no learner');
    expect(await line(voters.add('n1', { learner: true }))).toContain('n1 votes; remove it first');
    expect((await voters.remove('n3')).changed).toBe(false);
    await members.get('n3')?.stop();
    await eventually('n3 is given up', async () =>
      (await line(voters.add('n3', { timeoutMs: 200 }))).includes('not up'),
    );
  });

  test('a removal that would leave no live majority is refused', async () => {
    const { voters, members, status } = await start();
    await voters.add('n2');
    await voters.add('n3');
    await members.get('n3')?.stop();
    await eventually('n3 is given up', async () =>
      (await status()).view.nodes.some((node) => node.node === 'n3' && node.state === 'down'),
    );
    const { message } = await refusal(voters.remove('n2'));
    expect(message).toContain('only 1 of 2 voters would be up, which is no majority; bring n3 back or remove it first');
    expect(nodesOf((await voters.remove('n3')).members.voters)).toEqual(['n1', 'n2']);
  });
});
