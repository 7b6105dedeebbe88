import { expect, test } from 'vitest';
import { loadAgents } from '../../../src/node/agents.ts';

test('agents know the module that they were loaded from, for those who load it again in a thread', async () => {
  const url = new URL('../agent/threaded.ts', import.meta.url).href;
  const { agents } = await loadAgents([url, url]);
  expect(agents.map(({ kind, module }) => ({ kind, module }))).toEqual([{ kind: 'worker', module: url }]);
});
