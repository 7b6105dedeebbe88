import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterConfigInput } from 'troupe';
import { expect, test } from 'vitest';
import { eventually, Sandbox } from './harness.ts';
import { recorder } from './moving-agents.ts';

const AGENTS = { agents: [new URL('./moving-agents.ts', import.meta.url)] };
const PACE = { cooldownMs: 500, windowMs: 0 };
const POOL: Partial<ClusterConfigInput> = {
  autoscale: {
    pools: [
      {
        name: 'spot',
        worker: { labels: { capacity: 'spot' } },
        min: 1,
        max: 2,
        target: { open: 4 },
        out: PACE,
        in: { ...PACE, windowMs: 1_000 },
        drainMs: 5_000,
      },
    ],
  },
};
/** For the pool to change, on a busy machine, ms. */
const LIMIT_MS = 40_000;
const KEYS = Array.from({ length: 12 }, (_, i) => `recorder-${i}`);

test('a pool of processes grows under load and shrinks when it is over, by a drain: nothing is lost or repeated', {
  timeout: 120_000,
}, async () => {
  await using box = new Sandbox();
  const file = join(box.folder, 'effects');
  writeFileSync(file, '');
  const cluster = await box.start([{ id: 'node-1', voter: true }], POOL, AGENTS);
  const spots = async (state: string): Promise<string[]> =>
    (await cluster.status()).view.nodes
      .filter((node) => node.labels.pool === 'spot' && node.state === state)
      .map(({ node }) => node);
  expect(await spots('up')).toEqual(['spot-0']);
  let sent = 0;
  const homes = new Set<string>();
  const load = KEYS.map(async (key) => {
    const ref = cluster.agent(recorder, key);
    // Until the new one works; the first may not have had all the shards when this began.
    for (let n = 0; !homes.has('spot-1'); n++, sent++) {
      homes.add(await ref.ask('note', { file, n, ms: 50 }, { timeoutMs: 60_000 }));
    }
  });
  await eventually('a second worker', async () => ((await spots('up')).length === 2 ? true : undefined), LIMIT_MS);
  expect((await cluster.scale())[0]).toMatchObject({ pool: 'spot', min: 1, max: 2, wanted: 2, up: 2 });
  await Promise.all(load);
  expect([...homes], 'both worked').toEqual(expect.arrayContaining(['spot-0', 'spot-1']));
  const gone = await eventually('one of them has left', async () => (await spots('left'))[0], LIMIT_MS);
  const record = (await cluster.status()).view.nodes.find(({ node }) => node === gone);
  expect(record).toMatchObject({ reason: 'scale-in', account: { messages: 0 } });
  const notes = await Promise.all(KEYS.map((key) => cluster.agent(recorder, key).ask('read', null)));
  for (const of of notes) expect(of).toEqual(of.map((_, n) => n));
  expect(notes.flat()).toHaveLength(sent);
  expect(readFileSync(file, 'utf8').split('\n').slice(0, -1).toSorted(), 'each message took effect once').toEqual(
    KEYS.flatMap((key, i) => (notes[i] ?? []).map((n) => `${key} ${n}`)).toSorted(),
  );
});
