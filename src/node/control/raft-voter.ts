import { CoordinatorServer, Ledger, raftLog, stateMachineOf } from '../../coordinator/index.ts';
import type { NodeId } from '../../core/index.ts';
import { fromWire, openRaftMember, type RaftTransport, toWire } from '../../raft/index.ts';
import type { ControlTransport } from '../../remote/index.ts';
import type { ControlPlaneParts } from './plane.ts';
import type { Voter } from './voter.ts';

/**
 * Starts a voter on embedded Raft.
 *
 * @param voters ids of all voters, this one included
 * @throws TroupeError what opening the log throws: LOG_CORRUPT, IDENTITY_MISMATCH, DISK_FULL, …
 */
export async function startRaftVoter(parts: ControlPlaneParts, voters: readonly NodeId[]): Promise<Voter> {
  const { config, node, clock, random, logger, tracer } = parts;
  const log = await parts.openLog();
  const ledger = new Ledger({ path: parts.ledgerPath, logger });
  const member = await openRaftMember({
    id: node,
    clusterId: config.name,
    voters,
    log,
    transport: raftTransport(parts.transport),
    stateMachine: stateMachineOf(ledger),
    clock,
    random,
    logger,
    tickMs: config.timing.raftTickMs,
    electionTicks: config.timing.electionTicks,
  });
  const server = new CoordinatorServer({ log: raftLog(member), ledger, clock, tracer, logger });
  return {
    server,
    get leading() {
      return member.status.role === 'leader';
    },
    failed: member.failed,
    receive: (_from, messages) => member.receive(messages.map(fromWire)),
    snapshot: (index) => member.readSnapshot(index),
    transferLeadership: async () => {
      if (member.status.role === 'leader' && voters.length > 1) await member.transferLeadership();
    },
    close: async () => {
      server.close();
      await member.close();
      ledger.close();
    },
  };
}

function raftTransport(transport: ControlTransport): RaftTransport {
  return {
    send: (to, messages) => transport.sendRaft(to, messages.map(toWire)),
    fetchSnapshot: (from, meta, signal) => transport.fetchSnapshot(from, meta.index, signal),
  };
}
