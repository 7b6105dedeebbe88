import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from 'troupe';
import { describe, expect, test } from 'vitest';
import { ClusterFolder } from '../../src/node/index.ts';
import { account } from './agents.ts';
import { eventually, keyOn, leaderOf, Sandbox, THREE } from './harness.ts';

const BLOCK_MS = 500;

/** Writes one after another until it is told to stop. */
class Writer {
  readonly acknowledged: string[] = [];
  /** From one acknowledgement to the next, ms, at most. */
  longestMs = 0;
  readonly #cluster: Cluster;
  readonly #key: string;
  #stopped = false;
  readonly #done: Promise<void>;

  constructor(cluster: Cluster, key: string) {
    this.#cluster = cluster;
    this.#key = key;
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  /** What the cluster has of its writes. */
  async kept(): Promise<readonly string[]> {
    return (await this.#cluster.agent(account, this.#key).ask('read', null)).requests;
  }

  async #run(): Promise<void> {
    for (let i = 0; !this.#stopped; i++) {
      const from = performance.now();
      const requestId = `${this.#key}-${i}`;
      await this.#cluster.agent(account, this.#key).ask('add', 1, { requestId, timeoutMs: 30_000 });
      this.acknowledged.push(requestId);
      this.longestMs = Math.max(this.longestMs, performance.now() - from);
    }
  }
}

/** Blocks the control thread of a node. @returns for how long it stood still, ms */
async function blockControlThread(folder: string, node: string, file: string): Promise<number> {
  writeFileSync(file, '');
  process.kill(new ClusterFolder(folder).card(node)?.pid as number, 'SIGUSR2');
  return eventually('the control thread was blocked', () => Number(readFileSync(file, 'utf8')) || undefined);
}

describe('a thread of the leader is blocked', () => {
  test('the main thread, for three seconds: no election, no node declared dead', async () => {
    await using box = new Sandbox();
    const cluster = await box.start();
    const leader = await leaderOf(cluster);
    const key = await keyOn(cluster, leader, account);
    const before = await cluster.status();
    expect(await cluster.agent(account, key).ask('block', 3_000, { timeoutMs: 30_000 })).toBe(leader);
    const after = await cluster.status();
    expect(after.leader).toEqual(before.leader);
    expect(after.view.nodes.map((node) => [node.node, node.incarnation, node.state])).toEqual(
      before.view.nodes.map((node) => [node.node, node.incarnation, node.state]),
    );
  });

  test(`the control thread itself, for ${BLOCK_MS} ms: no write is lost, and there is at most one election`, async () => {
    await using box = new Sandbox();
    const file = join(box.folder, 'blocked');
    const NODE_OPTIONS = `--import ${new URL('./blocking.ts', import.meta.url).href}`;
    const env = { NODE_OPTIONS, BLOCK_MS: String(BLOCK_MS), BLOCK_FILE: file };
    const cluster = await box.start(THREE, {}, { env });
    const writers = Array.from({ length: 8 }, (_, i) => new Writer(cluster, `writer-${i}`));
    const some = (more: number): Promise<unknown> => {
      const least = writers.map(({ acknowledged }) => acknowledged.length + more);
      return eventually('everyone wrote', () =>
        writers.every(({ acknowledged }, i) => acknowledged.length >= (least[i] as number)) ? true : undefined,
      );
    };
    await some(5);
    for (const writer of writers) writer.longestMs = 0;
    const before = (await cluster.status()).leader;
    const blockedMs = await blockControlThread(box.folder, before?.node as string, file);
    await some(20);
    await Promise.all(writers.map((writer) => writer.stop()));
    const after = (await cluster.status()).leader;
    const elections = (after?.term ?? 0) - (before?.term ?? 0);
    const longestMs = Math.max(...writers.map((writer) => writer.longestMs));
    const writes = writers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
    console.log(
      `control thread of the leader blocked for ${blockedMs.toFixed(0)} ms: ${elections} elections, ` +
        `${writes} acknowledged writes, longest wait ${longestMs.toFixed(0)} ms`,
    );
    expect(blockedMs).toBeGreaterThanOrEqual(BLOCK_MS - 1);
    expect(elections).toBeLessThanOrEqual(1);
    for (const writer of writers) expect(await writer.kept()).toEqual(writer.acknowledged);
  });
});
