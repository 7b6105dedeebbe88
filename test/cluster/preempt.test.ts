import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster, NodeRecord } from 'troupe';
import { expect, test } from 'vitest';
import { ClusterFolder } from '../../src/node/index.ts';
import { Cloud, type Reply } from '../unit/cluster/preemption/cloud.ts';
import { eventually, FIVE, leaderOf, ONE_AND_SPOTS, Sandbox } from './harness.ts';
import { recorder, sender } from './moving-agents.ts';
import { PlainClient } from './plain-client.ts';

const AGENTS = { agents: [new URL('./moving-agents.ts', import.meta.url)] };
const KEYS = Array.from({ length: 12 }, (_, i) => `recorder-${i}`);
/** Messages to each recorder, and how long each takes: together longer than a drain may wait for. */
const COUNT = 25;
const NOTE_MS = 60;
const SPOTS = ['spot-1', 'spot-2'];
/** What their notices leave, ms. */
const DEADLINE_MS = 9_000;

/** What the agents did to the outside world, a line each. */
function effects(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, -1);
}

async function record(cluster: Cluster, node: string): Promise<NodeRecord | undefined> {
  return (await cluster.status()).view.nodes.find((candidate) => candidate.node === node);
}

async function left(cluster: Cluster, node: string): Promise<NodeRecord> {
  return eventually(`${node} has left`, async () => {
    const found = await record(cluster, node);
    return found?.state === 'left' ? found : undefined;
  });
}

test('spot nodes that are taken at once, one by a file and one by SIGTERM, empty inside their deadline, queues and order kept', async () => {
  await using box = new Sandbox();
  const file = join(box.folder, 'effects');
  writeFileSync(file, '');
  const signal = { kind: 'signal', graceMs: DEADLINE_MS } as const;
  const nodes = ONE_AND_SPOTS.map((node) => (node.id === 'spot-2' ? { ...node, preemption: [signal] } : node));
  const cluster = await box.start(nodes, {}, AGENTS);
  const lives = await Promise.all(SPOTS.map((node) => record(cluster, node)));
  const sent = KEYS.map((to) =>
    cluster.agent(sender, `for-${to}`).ask('send', { to, file, count: COUNT, ms: NOTE_MS }, { timeoutMs: 60_000 }),
  );
  await eventually('the agents work', () => effects(file).length > KEYS.length || undefined);
  process.kill(new ClusterFolder(box.folder).card('spot-2')?.pid as number, 'SIGTERM');
  await cluster.node('spot-1').preempt(DEADLINE_MS);
  const gone = await Promise.all(SPOTS.map((node) => left(cluster, node)));
  const homes = (await Promise.all(sent)).flat();
  expect(homes, 'some were done on the nodes before they left').toEqual(expect.arrayContaining(SPOTS));
  expect(effects(file).toSorted(), 'each message took effect once').toEqual(
    KEYS.flatMap((key) => Array.from({ length: COUNT }, (_, n) => `${key} ${n}`)).toSorted(),
  );
  const inOrder = Array.from({ length: COUNT }, (_, n) => n);
  for (const key of KEYS) expect(await cluster.agent(recorder, key).ask('read', null), key).toEqual(inOrder);
  expect(gone.map(({ reason }) => reason)).toEqual(['preemption: terminate', 'SIGTERM']);
  for (const { account } of gone) {
    expect(account?.drainMs).toBeLessThan(DEADLINE_MS);
    expect(account?.agents).toBeGreaterThan(0);
    expect(account?.messages).toBeGreaterThan(COUNT / 2);
    expect(account?.pauseMsP99).toBeLessThan(1_500);
  }
  // The processes ended by themselves and stay away; had the moves counted as crashes, their agents would be given up.
  for (const [at, node] of SPOTS.entries()) {
    expect(await record(cluster, node)).toMatchObject({ state: 'left', incarnation: lives[at]?.incarnation });
  }
  for (const { id } of nodes) expect(box.log(id)).not.toContain('given up');
});

test('an Azure event empties its machine, which is acknowledged then; a service that fails is only unwell', async () => {
  await using box = new Sandbox();
  await using cloud = await Cloud.start();
  let answer: Reply = { status: 503 };
  let emptyBefore = false;
  cloud.answer = ({ method }) => {
    if (method === 'GET') return answer;
    emptyBefore = box.log('spot-1').includes('"drained"');
    return { status: 200 };
  };
  const list = (...events: object[]): Reply => ({
    status: 200,
    body: JSON.stringify({ DocumentIncarnation: 1, Events: events }),
  });
  const azure = { kind: 'azure', address: cloud.address, resource: 'spot-vm' } as const;
  const nodes = ONE_AND_SPOTS.map((node) => (node.id === 'spot-1' ? { ...node, preemption: [azure] } : node));
  const cluster = await box.start(nodes, {}, AGENTS);
  using health = PlainClient.health((await record(cluster, 'spot-1'))?.addresses.api as string);
  const says = (status: string): Promise<unknown> =>
    eventually(`the node says ${status}`, async () => {
      const reply = (await health.call('Check', { service: 'troupe.preemption' })) as { readonly status: string };
      return reply.status === status || undefined;
    });
  await says('NOT_SERVING');
  answer = list();
  await says('SERVING');
  expect((await record(cluster, 'spot-1'))?.state).toBe('up');
  answer = list({
    EventId: 'A-1',
    EventType: 'Preempt',
    ResourceType: 'VirtualMachine',
    Resources: ['spot-vm'],
    EventStatus: 'Scheduled',
    NotBefore: new Date(Date.now() + 10_000).toUTCString(),
    DurationInSeconds: -1,
  });
  const gone = await left(cluster, 'spot-1');
  expect(gone.reason).toBe('scheduled event: Preempt');
  expect(gone.account?.drainMs).toBeLessThan(10_000);
  const post = await eventually('the cloud hears that the machine is empty', () =>
    cloud.requests.find(({ method }) => method === 'POST'),
  );
  expect(JSON.parse(post.body)).toEqual({ StartRequests: [{ EventId: 'A-1' }] });
  expect(emptyBefore, 'and not before it was').toBe(true);
});

test('a drain of the node that leads hands leadership over first: one change of term, no gap', async () => {
  await using box = new Sandbox();
  const cluster = await box.start(FIVE.slice(0, 4), {}, AGENTS);
  const { leader: before, view } = await eventually('the leader has shards', async () => {
    const status = await cluster.status();
    return status.view.shards.some(({ owner }) => owner?.node === status.leader?.node) ? status : undefined;
  });
  const leader = await leaderOf(cluster);
  const owners = new Map(view.shards.map(({ group, shard, owner }) => [`${group}:${shard}`, owner?.node]));
  const stop = new AbortController();
  const terms: [string, number][] = [];
  const watching = (async () => {
    for await (const event of cluster.events(stop.signal)) {
      if (event.type === 'node' && event.node.node === leader) terms.push([event.node.state, event.term]);
      // A cluster that has just started may still be balancing: what counts is what leaves this node after the mark.
      if (event.type !== 'shards') continue;
      for (const { group, shard, owner } of event.shards) {
        const left = owners.get(`${group}:${shard}`) === leader && owner !== undefined && owner.node !== leader;
        if (left && terms.length > 0) terms.push(['moved', event.term]);
        owners.set(`${group}:${shard}`, owner?.node);
      }
    }
  })();
  await cluster.status();
  let draining = true;
  const panel = cluster.team('panel', { members: [{ kind: 'nobody', key: '1' }] });
  const commands = (async () => {
    for (let i = 0; draining; i++) {
      await panel.decide({ id: `d-${i}`, question: '?', deadlineMs: 60_000 });
    }
  })();
  await cluster.node(leader).drain({ reason: 'test', deadlineMs: 9_000 });
  draining = false;
  await commands;
  const after = (await cluster.status()).leader;
  expect(after?.node).not.toBe(leader);
  expect(after?.term).toBe((before?.term ?? 0) + 1);
  await eventually('the node was seen to leave', () => terms.some(([what]) => what === 'left') || undefined);
  stop.abort();
  await watching;
  const [marked] = terms;
  expect(marked).toEqual(['draining', before?.term]);
  expect(terms.map(([what]) => what)).toContain('moved');
  expect(terms.filter(([what]) => what !== 'draining').map(([, term]) => term)).not.toContain(before?.term);
  expect((await record(cluster, leader))?.account?.drainMs).toBeLessThan(9_000);
});

test('a long turn is interrupted between two steps before the deadline, and goes on elsewhere from there', async () => {
  await using box = new Sandbox();
  const file = join(box.folder, 'effects');
  writeFileSync(file, '');
  const cluster = await box.start(ONE_AND_SPOTS, {}, AGENTS);
  const options = { timeoutMs: 60_000 };
  const steps = 24;
  const long = KEYS.map((key) => cluster.agent(recorder, key).ask('long', { file, steps, stepMs: 120 }, options));
  const queued = KEYS.map((key) => cluster.agent(recorder, key).ask('note', { file, n: 1, ms: 0 }, options));
  await eventually('the agents work', () => effects(file).length > KEYS.length * 3 || undefined);
  await cluster.node('spot-1').drain({ reason: 'test', deadlineMs: 3_000 });
  expect((await left(cluster, 'spot-1')).account?.drainMs).toBeLessThan(3_000);
  expect(await Promise.all(long)).not.toContain('spot-1');
  await Promise.all(queued);
  const parts = effects(file).filter((line) => line.startsWith('begin') || line.startsWith('end'));
  const counts = Map.groupBy(parts, (line) => line);
  expect([...counts].filter(([, lines]) => lines.length > 1).map(([line]) => line)).toEqual([]);
  expect(counts.size).toBe(KEYS.length * steps * 2);
  for (const { id } of ONE_AND_SPOTS) expect(box.log(id)).not.toContain('given up');
});

test('a turn that hears no signal holds no drain up: it runs again elsewhere', async () => {
  await using box = new Sandbox();
  const file = join(box.folder, 'effects');
  writeFileSync(file, '');
  const cluster = await box.start(ONE_AND_SPOTS, {}, AGENTS);
  // A node that has just joined is given its shards one after another.
  const key = await eventually('an agent on spot-1', async () => (await keysOn(cluster, 'spot-1'))[0]);
  const agent = cluster.agent(recorder, key);
  const deaf = agent.ask('deaf', { file, ms: 30_000 }, { timeoutMs: 60_000 });
  const behind = agent.ask('note', { file, n: 1, ms: 0 }, { timeoutMs: 60_000 });
  await eventually('the turn runs', () => effects(file).includes('deaf spot-1') || undefined);
  await cluster.node('spot-2').drain({ reason: 'nowhere but home', deadlineMs: 5_000 });
  await cluster.node('spot-1').drain({ reason: 'test', deadlineMs: 3_000 });
  expect(await deaf).toBe('node-1');
  expect(await behind).toBe('node-1');
  // A turn without steps leaves no receipt: whoever asks again has it done again. What waited behind it is done once.
  expect(effects(file).slice(0, 2)).toEqual(['deaf spot-1', 'deaf node-1']);
  expect(effects(file).filter((line) => line === `${key} 1`)).toHaveLength(1);
  // Two, and twice as many when the client lost its node meanwhile and asked again: each asker's message moves.
  expect((await record(cluster, 'spot-1'))?.account?.messages).toBeGreaterThanOrEqual(2);
});

/** Keys of recorders that live on the node, by the ledger's view. */
async function keysOn(cluster: Cluster, node: string): Promise<string[]> {
  const found: string[] = [];
  for (const key of KEYS) {
    const file = '/dev/null';
    if ((await cluster.agent(recorder, key).ask('note', { file, n: 0, ms: 0 })) === node) found.push(key);
  }
  return found;
}
