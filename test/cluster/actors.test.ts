import { describe, expect, test } from 'vitest';
import { window } from './actor-agents.ts';
import { eventually, ONE_AND_SPOTS, Sandbox } from './harness.ts';

describe('actors of real processes', () => {
  test('a node is killed: its watchers hear of it once, its asks fail at once, refs of it stay dead when it is back', async () => {
    await using box = new Sandbox();
    const cluster = await box.start(ONE_AND_SPOTS, {}, { agents: [new URL('./actor-agents.ts', import.meta.url)] });
    const desk = cluster.agent(window, 'desk');
    const order = (kind: string, node: string): Promise<string> => desk.ask('order', { kind, node });
    const look = (): Promise<string[]> => desk.ask('look', null);
    expect(await order('echo', 'spot-1')).toBe('spot-1');
    await order('watch', 'spot-2');
    await order('hang', 'spot-1');
    await order('watch', 'spot-1');

    await desk.ask('say', [1, 2, 3]);
    const said = await eventually('all nodes have said it', async () => {
      const log = await look();
      return log.length >= 9 ? log : undefined;
    });
    for (const node of ['node-1', 'spot-1', 'spot-2']) {
      expect(said.filter((line) => line.startsWith(node))).toEqual([1, 2, 3].map((n) => `${node} ${n}`));
    }

    const killedAt = performance.now();
    cluster.node('spot-1').signal('SIGKILL');
    const lost = await eventually('the loss is heard of', async () => {
      const lines = (await look()).filter((line) => /^spot-1 [^123]/.test(line));
      return lines.length >= 2 ? lines : undefined;
    });
    expect(lost.toSorted()).toEqual(['spot-1 NODE_UNAVAILABLE', 'spot-1 lost']);
    expect(performance.now() - killedAt).toBeLessThan(15_000);

    const back = await eventually('a worker of its next life answers', () =>
      order('echo', 'spot-1').catch(() => undefined),
    );
    expect(back).toBe('spot-1');
    expect(await order('again', 'spot-1')).toBe('NODE_UNAVAILABLE');
    const before = (await look()).length;
    await desk.ask('say', [4]);
    const after = await eventually('the next life is subscribed too', async () => {
      const log = (await look()).slice(before);
      return log.length >= 3 ? log : undefined;
    });
    expect(after.toSorted()).toEqual(['node-1 4', 'spot-1 4', 'spot-2 4']);
    expect((await look()).filter((line) => line.endsWith('lost'))).toEqual(['spot-1 lost']);
  });
});
