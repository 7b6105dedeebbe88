import {
  CoordinatorServer,
  Ledger,
  type MemberId,
  membersIn,
  nodeOfMember,
  raftLog,
  stateMachineOf,
} from '../../coordinator/index.ts';
import {
  fromWire,
  openRaftMember,
  type RaftLog,
  type RaftMember,
  type RaftTransport,
  toWire,
} from '../../raft/index.ts';
import type { ControlTransport } from '../../remote/index.ts';
import type { ControlPlaneParts } from './plane.ts';
import type { Voter } from './voter.ts';

/** A voter, or learner, on embedded Raft. */
export interface RaftVoter extends Voter {
  readonly member: RaftMember;
  readonly ledger: Ledger;
}

/**
 * Starts a member of Raft on its log, with the ledger and the coordinator on top. Who the members are is in the log itself.
 *
 * @throws TroupeError LOG_CORRUPT, SNAPSHOT_CORRUPT, DISK_FULL
 */
export async function startRaftVoter(parts: ControlPlaneParts, id: MemberId, log: RaftLog): Promise<RaftVoter> {
  const { config, ledgerPath, clock, random, logger, tracer } = parts;
  const ledger = new Ledger({ path: ledgerPath, logger });
  const lease = config.coordinator.kind === 'raft' && config.coordinator.leaseReads;
  const member = await openRaftMember({
    id,
    clusterId: config.name,
    voters: [],
    log,
    transport: raftTransport(parts.transport),
    stateMachine: stateMachineOf(ledger),
    clock,
    random,
    logger,
    tickMs: config.timing.raftTickMs,
    electionTicks: config.timing.electionTicks,
    leaseReads: lease,
  });
  const server = new CoordinatorServer({ log: raftLog(member, { lease }), ledger, clock, tracer, logger });
  return {
    member,
    ledger,
    server,
    get leading() {
      return member.status.role === 'leader';
    },
    failed: member.failed,
    // What was meant for an earlier directory of this node, or comes from one that isn't the sender's, is not for this member.
    receive: (from, messages) =>
      member.receive(
        messages.map(fromWire).filter((message) => message.to === id && nodeOfMember(message.from) === from),
      ),
    lost: (peer) => {
      const { voters } = membersIn(member.status.configuration);
      for (const voter of voters) if (voter.node === peer) member.disconnected(voter.member);
    },
    snapshot: (index) => member.readSnapshot(index),
    transferLeadership: async () => {
      const { role, configuration } = member.status;
      if (role === 'leader' && membersIn(configuration).voters.length > 1) await member.transferLeadership();
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
    send: (to, messages) => transport.sendRaft(nodeOfMember(to), messages.map(toWire)),
    fetchSnapshot: (from, meta, signal) => transport.fetchSnapshot(nodeOfMember(from), meta.index, signal),
  };
}
