import type { Operation } from './clients.ts';
import { Broken } from './surroundings.ts';
import type { Tool } from './tool.ts';

/**
 * Holds what agents remember in the end, and what happened outside, against what their clients were told: every operation is there once, in the
 * place that its answer named, and each of its steps had its effect once.
 *
 * @param memories of all agents, by kind and key: their operations in order
 * @throws Broken
 */
export function verdict(
  operations: readonly Operation[],
  memories: ReadonlyMap<string, readonly string[]>,
  { effects, keys }: Pick<Tool, 'effects' | 'keys'>,
): void {
  const expected = new Map<string, Set<string>>();
  const expect = (agent: string, op: string): void => {
    expected.set(agent, (expected.get(agent) ?? new Set()).add(op));
  };
  for (const { kind, key, work, done } of operations) {
    const agent = `${kind}/${key}`;
    const { op, steps, sink } = work;
    if (done === undefined) throw new Broken(`${op} was never answered`);
    expect(agent, op);
    const found = memories.get(agent)?.[done.count - 1];
    if (found !== op) throw new Broken(`${agent} said that ${op} was its number ${done.count}, which is ${found}`);
    if (sink !== undefined) expect(`sink/${sink}`, `${op}>${sink}`);
    for (let i = 0; i < steps; i++) {
      const label = `${op}.${i}`;
      const times = effects.get(label) ?? 0;
      if (times !== 1) throw new Broken(`step ${label} of ${agent} had its effect ${times} times (${work.policy})`);
      if (keys.get(label)?.size !== 1)
        throw new Broken(`step ${label} came under several keys: ${[...(keys.get(label) ?? [])]}`);
    }
  }
  for (const [agent, ops] of memories) {
    const mine = expected.get(agent) ?? new Set();
    const twice = ops.find((op, i) => ops.indexOf(op) !== i);
    if (twice !== undefined) throw new Broken(`${agent} did ${twice} twice`);
    for (const op of ops) if (!mine.has(op)) throw new Broken(`${agent} did ${op}, which nobody asked for`);
    for (const op of mine) if (!ops.includes(op)) throw new Broken(`${agent} has lost ${op}`);
  }
}
