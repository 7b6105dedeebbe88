import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { between, type Loss, noDelay, noNetwork, oneWay } from './netns.ts';
import { NetworkCluster } from './netns-cluster.ts';
import { LIBRARY, now, Workload } from './workload.ts';

const NODES = ['node-1', 'node-2', 'node-3'];
/** How long a fault lasts, and how long clients work on afterwards, ms. */
const LASTS_MS = 2_500;
/** Longest time without an answer where there should be one, ms, less than `LASTS_MS`: usual are 700, on a busy machine 1,700. */
const SILENCE_MAX_MS = 2_300;
/** Terms that one fault may cost, with what comes after it. Elections that don't end cost two each second: a dozen. */
const TERMS_MAX = 8;

if (noNetwork !== undefined) console.log(`no tests of partitions: ${noNetwork}`);
else if (noDelay !== undefined) console.log(`no test of delay: ${noDelay}`);

/** A fault of the network, or of a node. */
interface Fault {
  readonly losses?: readonly Loss[];
  /** A node whose process stands still. */
  readonly paused?: string;
  /** Nodes whose clients are answered nothing, */
  readonly silent?: readonly string[];
  /** and those whose clients are. */
  readonly serving?: readonly string[];
  /** Default `LASTS_MS`. */
  readonly lastsMs?: number;
  /** Default 1,500. */
  readonly patienceMs?: number;
  /** Default `SILENCE_MAX_MS`. */
  readonly silenceMaxMs?: number;
}

/**
 * Lets clients work while all is well, under the fault, and after it. What they saw has to be linearizable, the
 * last reads with it, so nothing that was acknowledged is lost; and afterwards all nodes serve again.
 */
async function suffer(cluster: NetworkCluster, fault: Fault): Promise<void> {
  const { losses = [], paused, silent = [], serving = [] } = fault;
  const { lastsMs = LASTS_MS, patienceMs = 1_500, silenceMaxMs = SILENCE_MAX_MS } = fault;
  const { running, network, term } = cluster;
  const workload = await Workload.start(cluster, running, patienceMs);
  await sleep(500);
  network.lose(losses);
  if (paused !== undefined) cluster.signal(paused, 'SIGSTOP');
  const cut = now();
  await sleep(lastsMs);
  const { lost } = network;
  const healed = now();
  network.lose([]);
  if (paused !== undefined) cluster.signal(paused, 'SIGCONT');
  await sleep(lastsMs);
  const end = now();
  const history = await workload.stop();

  const terms = cluster.term - term;
  const all = [...running, LIBRARY];
  const silences = all.map((who) => {
    const [during, after] = [history.silence(who, cut, healed), history.silence(who, healed, end)];
    return `${who} ${during.toFixed(0)}/${after.toFixed(0)}`;
  });
  const unknown = history.operations.filter((operation) => operation.return === Number.POSITIVE_INFINITY).length;
  console.log(
    `${lost} packets lost, ${terms} terms, ${history.operations.length} operations (${unknown} unknown); ` +
      `longest silence during/after, ms: ${silences.join(', ')}`,
  );
  if (losses.length > 0) expect(lost, 'packets lost').toBeGreaterThan(0);
  history.check();
  for (const node of silent) expect(history.answered(node, cut, healed), `answers of ${node}, cut off`).toEqual([]);
  if (silent.length < running.length) {
    const answers = all.reduce((sum, who) => sum + history.answered(who, cut, healed).length, 0);
    expect(answers, 'answers during the fault').toBeGreaterThan(0);
  }
  for (const who of serving) {
    expect(history.silence(who, cut, healed), `silence of ${who}`).toBeLessThan(silenceMaxMs);
  }
  for (const who of all) {
    expect(history.silence(who, healed, end), `silence of ${who} afterwards`).toBeLessThan(silenceMaxMs);
  }
  expect(terms, 'terms').toBeLessThanOrEqual(TERMS_MAX);
}

describe.skipIf(noNetwork !== undefined)('three voters in a network', () => {
  let cluster: NetworkCluster;
  beforeAll(async () => {
    cluster = await NetworkCluster.start(NODES);
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  async function parts(): Promise<{ leader: string; others: string[] }> {
    const leader = await cluster.leader();
    return { leader, others: NODES.filter((node) => node !== leader) };
  }

  test('the leader is cut off: the others go on without it', async () => {
    const { leader, others } = await parts();
    await suffer(cluster, { losses: between([leader], others), silent: [leader], serving: [...others, LIBRARY] });
  });

  test('a follower is cut off: the others go on', async () => {
    const { leader, others } = await parts();
    const [other, follower] = others as [string, string];
    const losses = between([follower], [leader, other]);
    await suffer(cluster, { losses, silent: [follower], serving: [leader, other, LIBRARY] });
  });

  test('the leader hears nobody, though all could hear it: the others go on', async () => {
    const { leader, others } = await parts();
    await suffer(cluster, { losses: oneWay(others, [leader]), silent: [leader], serving: [...others, LIBRARY] });
  });

  test('nobody hears the leader, though it could hear all: the others go on', async () => {
    const { leader, others } = await parts();
    await suffer(cluster, { losses: oneWay([leader], others), silent: [leader], serving: [...others, LIBRARY] });
  });

  test('one follower hears the leader no more, both hear the third: elections end', async () => {
    const { leader, others } = await parts();
    const [other, follower] = others as [string, string];
    await suffer(cluster, { losses: oneWay([leader], [follower]), serving: [other, LIBRARY] });
  });

  test('the leader stands still: the others go on without it', async () => {
    const { leader, others } = await parts();
    await suffer(cluster, { paused: leader, silent: [leader], serving: others });
  });

  test('every tenth packet is lost: all go on', async () => {
    const losses = oneWay(NODES, NODES).map((loss) => ({ ...loss, percent: 10 }));
    await suffer(cluster, { losses, serving: [...NODES, LIBRARY] });
  });
});

describe.skipIf(noNetwork !== undefined)('other clusters in a network', () => {
  test('four voters in halves: neither answers anything', async () => {
    await using cluster = await NetworkCluster.start([...NODES, 'node-4']);
    const leader = await cluster.leader();
    const [first, ...rest] = cluster.running.filter((node) => node !== leader) as [string, ...string[]];
    await suffer(cluster, { losses: between([leader, first], rest), silent: cluster.running });
  });

  test('one of three voters is gone for good: two serve, and neither alone', async () => {
    await using cluster = await NetworkCluster.start(NODES);
    await cluster.kill(await cluster.leader());
    const [one, other] = cluster.running as [string, string];
    await suffer(cluster, { losses: between([one], [other]), silent: [one, other] });
  });

  test.skipIf(noDelay !== undefined)('200 ms, and every tenth packet lost: all go on', async () => {
    const timing = { raftTickMs: 100, electionTicks: 20, keepAliveMs: 1_000, downAfterMs: 10_000 };
    await using cluster = await NetworkCluster.start(NODES, { timing }, true);
    cluster.network.delay(200);
    const losses = oneWay(NODES, NODES).map((loss) => ({ ...loss, percent: 10 }));
    await suffer(cluster, {
      losses,
      // Who loses a packet or two in a row may hear nothing for as long as the fault lasts; not all of them do.
      lastsMs: 6_000,
      // A read at a follower takes three rounds of 400 ms, and clients that only read wait for a fifth of this.
      patienceMs: 8_000,
      silenceMaxMs: 5_500,
    });
  });
});
