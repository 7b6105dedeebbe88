/** Starts a cluster in the folder it is given (with `block`, one node is busy for ever) and waits for its own end. */
import { startCluster } from 'troupe';
import { account } from './agents.ts';
import { THREE } from './harness.ts';

const cluster = await startCluster(
  { name: 'test', dataDir: process.argv[2] as string, nodes: THREE },
  { agents: [new URL('./agents.ts', import.meta.url)] },
);
await cluster.team('panel', { members: [{ kind: 'account', key: '1' }] }).decide({ id: 'kept', question: 'go?' });
if (process.argv[3] === 'block') {
  // Bad code on one node: its main thread hears of nothing.
  void cluster.agent(account, 'k').ask('block', 600_000);
  await new Promise((resolve) => setTimeout(resolve, 500));
}
process.stdout.write('up\n');
setInterval(() => undefined, 60_000);
