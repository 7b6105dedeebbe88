/** Entry of this benchmark's node processes: workers whose role says so keep their agents' journals without protection. */
import { systemClock } from '../../src/core/index.ts';
import { UnprotectedStore } from '../../src/testkit/index.ts';
import { serve } from '../node-process.ts';
import { MODES } from './racer.ts';

await serve(({ nodes }, id) => {
  const role = nodes.find((node) => node.id === id)?.labels.role;
  if (role !== MODES.without) return {};
  return { journals: (coordinator) => new UnprotectedStore(coordinator, systemClock) };
});
