import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster, type ClusterConfigInput } from 'troupe';
import { describe, expect, test } from 'vitest';
import { account } from './agents.ts';
import { eventually, leaderOf, Sandbox } from './harness.ts';
import { type Launched, launch, troupe } from './processes.ts';

const labels = { capacity: 'on-demand' };
const KEYS = Array.from({ length: 8 }, (_, i) => `k${i}`);

/** Adds 1 to every account again and again until it is told to stop, each under an id of its own. */
class Load {
  readonly #cluster: Cluster;
  readonly #acknowledged: Map<string, string[]> = new Map(KEYS.map((key) => [key, []]));
  readonly #loops: Promise<unknown>;
  #going = true;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#loops = Promise.all(KEYS.map((key) => this.#run(key)));
    this.#loops.catch(() => undefined);
  }

  get count(): number {
    return [...this.#acknowledged.values()].reduce((sum, ids) => sum + ids.length, 0);
  }

  /** Waits until it has gone on for a while. */
  async more(): Promise<void> {
    const target = this.count + 40;
    await Promise.race([this.#loops, eventually('the load goes on', () => (this.count >= target ? true : undefined))]);
  }

  /** Ends it, and holds what is stored against what was acknowledged: all of it, once each, in order. */
  async check(): Promise<void> {
    this.#going = false;
    await this.#loops;
    for (const [key, ids] of this.#acknowledged) {
      const { total, requests } = await this.#cluster.agent(account, key).ask('read', null);
      expect([key, total, requests]).toEqual([key, ids.length, ids]);
    }
  }

  async #run(key: string): Promise<void> {
    const ids = this.#acknowledged.get(key) as string[];
    while (this.#going) {
      const requestId = `${key}-${ids.length}`;
      await this.#cluster.agent(account, key).ask('add', 1, { requestId, timeoutMs: 30_000 });
      ids.push(requestId);
    }
  }
}

async function votersOf(cluster: Cluster): Promise<string[]> {
  const { members } = (await cluster.status()).view;
  return (members?.voters ?? []).map(({ node }) => node).sort();
}

/** Half a minute on a quiet machine. */
describe('voters of a cluster of real processes, under load', { timeout: 240_000 }, () => {
  test('one grows to three and five, and goes back to one, each leader removed on the way', async () => {
    await using box = new Sandbox();
    const ids = ['n1', 'n2', 'n3', 'n4', 'n5'];
    const cluster = await box.start(ids.map((id) => ({ id, voter: id === 'n1', labels })));
    const load = new Load(cluster);
    for (const id of ['n2', 'n3']) await cluster.voters.add(id);
    await load.more();
    for (const id of ['n4', 'n5']) await cluster.voters.add(id);
    expect(await votersOf(cluster)).toEqual(ids);
    await load.more();
    const removed: string[] = [];
    while (removed.length < 4) {
      const leader = await leaderOf(cluster);
      await cluster.voters.remove(leader);
      removed.push(leader);
      await load.more();
    }
    expect(new Set(removed).size).toBe(4);
    const last = ids.filter((id) => !removed.includes(id));
    expect(await votersOf(cluster)).toEqual(last);
    expect(await leaderOf(cluster)).toBe(last[0]);
    await load.check();
    // Whoever left works on, and has forgotten what it held as a voter.
    for (const id of removed)
      await eventually(`${id} has no log`, () => identity(box.folder, id).state === 'worker' || undefined);
    expect((await cluster.status()).view.nodes.map(({ node, state }) => [node, state])).toEqual(
      ids.map((id) => [id, 'up']),
    );
  });

  test('a killed voter is replaced by a new machine; a voter that comes back without its disk is refused', async () => {
    await using box = new Sandbox();
    const three = ['n1', 'n2', 'n3'];
    const config = write(box.folder, 'three', three);
    const machines = new Map<string, Launched>();
    const start = async (id: string, file = config): Promise<void> => {
      machines.set(id, await launch('machine.ts', [file, id]));
    };
    try {
      await Promise.all(three.map((id) => start(id)));
      await using cluster = Cluster.connect({ folder: join(box.folder, 'cluster') });
      const load = new Load(cluster);
      const killed = await leaderOf(cluster);
      await machines.get(killed)?.kill();
      // Its own configuration says that it votes; the cluster formed without it, so it is a worker first.
      await start('n4', write(box.folder, 'four', [...three, 'n4']));
      const added = await cli(box, 'add', 'n4');
      expect(added.stdout).toMatch(/^n4 votes; voters: /);
      expect((await cli(box, 'remove', killed)).stdout).toMatch(
        new RegExp(`^${killed} neither votes nor learns; voters:`),
      );
      expect((await cli(box, 'remove', killed)).stdout).toContain('as it did before');
      const now = [...three.filter((id) => id !== killed), 'n4'];
      expect(await votersOf(cluster)).toEqual(now);
      await load.more();

      // The dead one comes back with its disk: it learns that it was removed, and works.
      await start(killed);
      await eventually(
        `${killed} has no log`,
        () => identity(join(box.folder, 'cluster'), killed).state === 'worker' || undefined,
      );

      // Another one loses its disk.
      const wiped = now[0] as string;
      const before = identity(join(box.folder, 'cluster'), wiped).member;
      await machines.get(wiped)?.kill();
      rmSync(join(box.folder, 'cluster', 'data', wiped, 'raft'), { recursive: true });
      const refused = await troupe(
        'node',
        '--config',
        config,
        '--id',
        wiped,
        '--log-file',
        join(box.folder, 'refused.log'),
      );
      expect(refused.code).toBe(1);
      expect(refused.stderr.trim().split('\n')).toEqual([
        expect.stringMatching(
          new RegExp(`^troupe: the disk of ${wiped} is gone .*troupe voters remove ${wiped}.*\\[IDENTITY_MISMATCH\\]$`),
        ),
      ]);
      await cli(box, 'remove', wiped);
      await start(wiped);
      expect((await cli(box, 'add', wiped)).stdout).toMatch(new RegExp(`^${wiped} votes`));
      expect(await votersOf(cluster)).toEqual(now);
      expect(identity(join(box.folder, 'cluster'), wiped).member).not.toBe(before);
      await load.check();
    } finally {
      await Promise.all([...machines.values()].map((machine) => machine.kill()));
    }
  });
});

interface Identity {
  readonly state: string;
  readonly member?: string;
}

function identity(folder: string, id: string): Identity {
  return JSON.parse(readFileSync(join(folder, 'data', id, 'raft', 'identity.json'), 'utf8')) as Identity;
}

function cli(box: Sandbox, verb: string, node: string): ReturnType<typeof troupe> {
  return troupe('voters', verb, node, '--cluster', join(box.folder, 'cluster'));
}

/** A configuration file as each machine has its own. */
function write(folder: string, name: string, ids: readonly string[]): string {
  const config: ClusterConfigInput = {
    name: 'test',
    dataDir: join(folder, 'cluster'),
    agents: [new URL('./agents.ts', import.meta.url).href],
    nodes: ids.map((id) => ({ id, voter: true, labels })),
  };
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, `export default ${JSON.stringify(config)};\n`);
  return file;
}
