import type { ApiServer } from '../../../src/api/index.ts';
import { createProgram, runCommandLine } from '../../../src/cli/program.ts';
import { CoordinatorClient, CoordinatorServer, Ledger, MemoryLogCluster } from '../../../src/coordinator/index.ts';
import { systemClock, systemRandom } from '../../../src/core/index.ts';
import { FakeCluster } from '../api/fake-cluster.ts';
import { fakeContext } from './fakes.ts';

/** One voter, `a`, with a real ledger and an API port, for commands that read and change the ledger. */
export interface Voter {
  readonly ledger: Ledger;
  readonly coordinator: CoordinatorClient;
  readonly api: ApiServer;
  /** Runs `troupe ARGV --api …`. @returns what it printed @throws TroupeError as the command does */
  run(...argv: string[]): Promise<string>;
  close(): Promise<void>;
}

export async function startVoter(): Promise<Voter> {
  const shared = new MemoryLogCluster();
  const ledger = new Ledger();
  const server = new CoordinatorServer({ log: await shared.join('a', ledger), ledger, clock: systemClock });
  shared.elect('a');
  const transport = {
    call: () => Promise.reject(new RangeError('alone')),
    watch: (_: string, signal: AbortSignal) => server.watch(signal),
  };
  const parts = { self: 'a', voters: ['a'], local: server, clock: systemClock, random: systemRandom };
  const coordinator = new CoordinatorClient({ ...parts, transport });
  const api = await new FakeCluster().serve({ coordinator, node: 'a' });
  return {
    ledger,
    coordinator,
    api,
    async run(...argv) {
      const context = { ...fakeContext(), clock: systemClock };
      await runCommandLine(createProgram(context), [...argv, '--api', api.address], context);
      return context.out.join('\n');
    },
    async close() {
      await api.close(50);
      await coordinator.close();
      server.close();
    },
  };
}
