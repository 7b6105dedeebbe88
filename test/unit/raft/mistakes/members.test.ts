import { expect, test } from 'vitest';
import { openDiskLog } from '../../../../src/raft/log/index.ts';
import { Network } from '../consensus/network.ts';
import { Cluster, type Seat } from '../driver/cluster.ts';

const FIVE = ['a', 'b', 'c', 'd', 'e'];
const refusal = (code: string) => expect.objectContaining({ code });

test('mistake 16: no change before an entry of the current term is committed', () => {
  const network = new Network(FIVE);
  network.elect('a');
  network.lose = (message) => message.type === 'append';
  network.at('a').node.transferLeader('b');
  network.settle();
  const { node } = network.at('b');
  expect(node.status().role).toBe('leader');
  expect(() => node.proposeChange({ remove: ['e'] })).toThrow(refusal('OVERLOADED'));
  network.lose = () => false;
  network.tick(2);
  node.proposeChange({ remove: ['e'] });
});

test('mistake 17: one change at a time', () => {
  const network = new Network(FIVE);
  const { node } = network.elect('a');
  node.proposeChange({ remove: ['e'] });
  expect(() => node.proposeChange({ remove: ['d'] })).toThrow(refusal('OVERLOADED'));
  network.settle();
  node.proposeChange({ remove: ['d'] });
  network.settle();
  expect(node.status().configuration).toEqual({ voters: ['a', 'b', 'c'] });
});

test('mistake 17: a change that is cut off by a new leader never holds', () => {
  const network = new Network(FIVE);
  network.elect('a');
  network.partition(['a', 'b'], ['c', 'd', 'e']);
  network.at('a').node.proposeChange({ remove: ['c', 'd', 'e'] });
  network.settle();
  network.tick(60);
  network.partition();
  network.tick(30);
  for (const id of FIVE) expect(network.at(id).status.configuration).toEqual({ voters: FIVE });
  expect(
    network
      .at('a')
      .log.all()
      .some((entry) => entry.kind === 'config'),
  ).toBe(false);
});

test('mistake 18: a snapshot carries the configuration as of its index, not one that is on its way', () => {
  const network = new Network(FIVE);
  const { node } = network.elect('a');
  network.partition(['a'], ['b', 'c', 'd', 'e']);
  node.proposeChange({ remove: ['e'] });
  network.settle();
  expect(node.snapshotMeta()).toEqual({ index: 1, term: 1, configuration: { voters: FIVE } });
  network.partition();
  network.tick(2);
  expect(node.snapshotMeta()).toEqual({ index: 2, term: 1, configuration: { voters: ['a', 'b', 'c', 'd'] } });
});

test('mistake 22: a removed leader does not count itself, and steps down', () => {
  const network = new Network(['a', 'b', 'c']);
  const a = network.elect('a');
  a.node.proposeChange({ remove: ['a'] });
  network.settle();
  expect(a.status.role).toBe('follower');
  network.tick(40);
  const leader = [network.at('b'), network.at('c')].find((peer) => peer.status.role === 'leader');
  expect(leader?.status.configuration).toEqual({ voters: ['b', 'c'] });
  expect(a.status.role).toBe('follower');
});

test('mistake 18: a snapshot that is taken while a change is on its way knows nothing of it, on the disk too', async () => {
  const cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  await cluster.wait(cluster.member(leader).propose(Buffer.from('x')));
  for (const id of cluster.others(leader)) cluster.cut.add(id);
  const change = cluster.member(leader).changeMembers({ remove: cluster.others(leader).slice(0, 1) });
  change.catch(() => {});
  await cluster.wait(cluster.member(leader).compact());
  cluster.crash(leader);
  const log = await openDiskLog({ disk: (cluster.seats.get(leader) as Seat).disk, clusterId: 'test', id: leader });
  expect(log.snapshot()?.configuration).toEqual({ voters: ['n1', 'n2', 'n3'] });
  expect(log.lastIndex()).toBeGreaterThan(log.snapshot()?.index ?? 0);
  await log.close();
  await cluster.close();
});
