import { expect, test } from 'vitest';
import { ATTRIBUTES } from '../../src/telemetry/index.ts';
import { eventually, leaderOf, ONE_AND_SPOTS, THREE } from './harness.ts';
import { named, parentOf, traced } from './traced.ts';
import { clerk, desk } from './traced-agents.ts';

const KEYS = Array.from({ length: 12 }, (_, i) => `clerk-${i}`);

/** Shards that a drained node has at least. */
const MOVES_MIN = 8;

test('one trace runs from the program through nodes, agents, steps, ballots and Raft proposals', async () => {
  const { tree, others } = await traced(async ({ cluster }) => {
    const names = Array.from({ length: 6 }, (_, i) => `case-${i}`);
    const handled = await Promise.all(names.map((name) => cluster.agent(desk, name).ask('handle', name)));
    expect(handled.map((one) => one.choice)).toEqual(names.map(() => 'yes'));
    const office = cluster.team('office', { members: [clerk], size: 3 });
    expect((await office.decide({ question: 'close?', options: ['yes', 'no'] })).result?.choice).toBe('yes');
    const perItem = (item: string) => ({ kind: 'clerk', key: item, method: 'file', input: item });
    const filed: string[] = [];
    for await (const one of office.map<string, string>(['x', 'y', 'z'], { perItem })) if (one.ok) filed.push(one.item);
    expect(filed.toSorted()).toEqual(['x', 'y', 'z']);
  }, THREE);
  expect([...others.keys()]).toEqual([]);
  expect(tree.root).toMatchObject({ name: 'invoke_workflow', service: 'troupe-run' });
  expect(tree.services.size).toBeGreaterThanOrEqual(3);
  expect(tree.spans.filter((span) => span.lost)).toEqual([]);

  // The turn of a desk: asked by the program, it asks clerks, who take steps on their own nodes.
  const turns = named(tree, 'invoke_agent');
  const messages = (message: string) => turns.filter((turn) => turn.attributes[ATTRIBUTES.message] === message);
  expect(messages('handle')).toHaveLength(6);
  expect(messages('file')).toHaveLength(15);
  for (const turn of turns) expect(parentOf(tree, turn)?.name).toBe('send');
  const askers = messages('file').map((turn) => parentOf(tree, parentOf(tree, turn) ?? turn));
  expect(askers.filter((asker) => asker?.attributes[ATTRIBUTES.message] === 'handle')).toHaveLength(12);
  for (const step of named(tree, 'execute_tool')) {
    expect(parentOf(tree, step)).toMatchObject({ name: 'invoke_agent', service: step.service });
  }
  expect(named(tree, 'execute_tool')).toHaveLength(15 * 2 + 6);

  // Ballots that leave a node together are one proposal, in the trace of the first.
  expect(messages('$vote').length).toBeGreaterThanOrEqual(7 * 2);
  const proposals = named(tree, 'raft.propose');
  const causes = proposals.map((proposal) => parentOf(tree, proposal)?.attributes[ATTRIBUTES.message]);
  expect(causes).toContain('$vote');
  expect(causes).toContain('handle');
  const [leader, ...more] = new Set(proposals.map((proposal) => proposal.service));
  expect(more, 'only the leader proposes').toEqual([]);
  for (const applied of named(tree, 'ledger.apply')) {
    expect(parentOf(tree, applied)).toMatchObject({ name: 'raft.propose', service: leader });
  }
  expect(named(tree, 'ledger.apply').length).toBe(proposals.length);
});

test('a drain is a trace of its own with its migrations; the trace of the agents has no orphans after it', async () => {
  const { tree, others } = await traced(async ({ cluster }) => {
    // A node that starts after the others is given its shards one after another.
    await eventually('spot-1 has its part', async () => {
      const { shards } = (await cluster.status()).view;
      return shards.filter(({ owner }) => owner?.node === 'spot-1').length > MOVES_MIN || undefined;
    });
    const work = KEYS.map((key) =>
      cluster.agent(clerk, key).ask('work', { steps: 25, stepMs: 100 }, { timeoutMs: 30_000 }),
    );
    await eventually('the agents work', async () => (await cluster.status()).stats.journalRecords > 40 || undefined);
    await cluster.node('spot-1').drain({ reason: 'test', deadlineMs: 2_000 });
    expect(await Promise.all(work)).not.toContain('spot-1');
  }, ONE_AND_SPOTS);
  const [drain, ...rest] = others.get('node.drain') ?? [];
  expect(rest).toEqual([]);
  expect(drain?.root).toMatchObject({ service: 'troupe-spot-1', error: undefined, lost: false });
  expect(drain?.root.attributes).toMatchObject({ [ATTRIBUTES.reason]: 'test', [ATTRIBUTES.deadlineMs]: 2_000 });
  const moves = drain === undefined ? [] : named(drain, 'agent.migrate');
  expect(moves.length).toBeGreaterThan(MOVES_MIN);
  for (const move of moves) {
    expect(move).toMatchObject({ parentSpanId: drain?.root.spanId, lost: false, error: undefined });
    expect(move.attributes).toMatchObject({ [ATTRIBUTES.fromNode]: 'spot-1' });
    expect(move.attributes[ATTRIBUTES.toNode]).toMatch(/^(node-1|spot-2)$/);
  }
  expect([...others.keys()]).toEqual(['node.drain']);

  // A turn that was cut short and its repetition elsewhere hang on the same message.
  const turns = Map.groupBy(named(tree, 'invoke_agent'), (turn) => turn.attributes[ATTRIBUTES.genAiAgentId]);
  const moved = [...turns.values()].filter((both) => both.length > 1);
  expect(moved.length).toBeGreaterThan(0);
  for (const [before, after] of moved) {
    expect(before).toMatchObject({ service: 'troupe-spot-1', parentSpanId: after?.parentSpanId });
    expect(after?.service).not.toBe('troupe-spot-1');
  }
  for (const steps of Map.groupBy(named(tree, 'execute_tool'), (step) => parentOf(tree, step)?.parentSpanId).values()) {
    const run = steps.filter((step) => step.error === undefined && step.attributes[ATTRIBUTES.replayed] !== true);
    const done = run.map((step) => step.attributes[ATTRIBUTES.step]);
    expect(new Set(done).size, 'no step was done twice').toBe(done.length);
    expect(done).toHaveLength(25);
  }
});

test('the leader is killed at work: its next life tells of the spans that it left, and nothing is an orphan', async () => {
  const { tree } = await traced(
    async ({ cluster }) => {
      const work = KEYS.map((key) =>
        cluster.agent(clerk, key).ask('work', { steps: 20, stepMs: 100 }, { timeoutMs: 30_000 }),
      );
      await eventually('the agents work', async () => (await cluster.status()).stats.journalRecords > 40 || undefined);
      const leader = await leaderOf(cluster);
      const life = (await cluster.status()).view.nodes.find(({ node }) => node === leader)?.incarnation;
      // It is back before anyone misses it: its new life takes over what the old one had.
      cluster.node(leader).signal('SIGKILL');
      await Promise.all(work);
      await eventually('the killed node is back', async () => {
        const node = (await cluster.status()).view.nodes.find((candidate) => candidate.node === leader);
        return (node?.state === 'up' && node.incarnation > (life ?? 0)) || undefined;
      });
    },
    THREE,
    { downAfterMs: 6_000 },
  );
  const lost = tree.spans.filter((span) => span.lost);
  expect(new Set(lost.map((span) => span.name))).toContain('invoke_agent');
  expect(new Set(lost.map((span) => span.service)).size).toBe(1);
  for (const span of lost) expect(span.error).toBe('the process died before the span ended');
});

test('every node is killed and none comes back: whoever started them sends what they left', async () => {
  const { tree } = await traced(async ({ cluster }) => {
    const work = KEYS.map((key) => cluster.agent(clerk, key).ask('work', { steps: 20, stepMs: 100 }));
    const settled = Promise.allSettled(work);
    await eventually('the agents work', async () => (await cluster.status()).stats.journalRecords > 40 || undefined);
    for (const { node } of (await cluster.status()).view.nodes) cluster.node(node).signal('SIGKILL');
    await cluster.close();
    expect((await settled).map((one) => one.status)).toEqual(KEYS.map(() => 'rejected'));
  }, ONE_AND_SPOTS);
  expect(tree.services.size).toBeGreaterThanOrEqual(3);
  const turns = named(tree, 'invoke_agent');
  expect(new Set(turns.map((turn) => turn.attributes[ATTRIBUTES.genAiAgentId])).size).toBe(KEYS.length);
  expect(turns.every((turn) => turn.lost)).toBe(true);
});
