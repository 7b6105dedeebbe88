import type { Clock, Logger, NodeId, Random, Tracer } from '../../core/index.ts';
import type { RaftLog } from '../log/index.ts';
import type { RaftTransport, StateMachine } from './port.ts';

/** What a member is opened with. */
export interface RaftMemberOptions {
  readonly id: NodeId;
  /** For log lines; the log's directory and the transport check it themselves. */
  readonly clusterId: string;
  /** The voters when the cluster began, this one included; a snapshot's configuration takes its place. */
  readonly voters: readonly NodeId[];
  /** Opened, and closed by the member. */
  readonly log: RaftLog;
  readonly transport: RaftTransport;
  readonly stateMachine: StateMachine;
  readonly clock: Clock;
  /** Draws election time-outs. */
  readonly random: Random;
  readonly logger?: Logger;
  readonly tracer?: Tracer;
  /** Length of a tick, default 50 ms. Shorter finds a dead leader sooner and bears less delay; 10 to 100 is sensible. */
  readonly tickMs?: number;
  /** Ticks of silence before an election, default 6: each time-out is drawn between that and twice as many. */
  readonly electionTicks?: number;
  /** Ticks between heartbeats, default 1. */
  readonly heartbeatTicks?: number;
  /** A snapshot is taken after this many entries, default 10,000, or ... */
  readonly snapshotEveryEntries?: number;
  /** ... after this many bytes of entries, default 8 MiB. */
  readonly snapshotEveryBytes?: number;
  /** Entries kept behind a snapshot for members that are a little behind, default 1,000. */
  readonly keepEntries?: number;
  /** Proposals that may wait for their outcome, default 16,384; more are refused with OVERLOADED. */
  readonly proposalsMax?: number;
  /** Barriers that may wait, default 65,536. */
  readonly barriersMax?: number;
  /** Entries applied before the loop gets a turn, bytes, default 256 KiB. Larger transactions, later heartbeats. */
  readonly applyBytesMax?: number;
}

/** The options with every default filled in, but for those that may be absent. */
export type MemberSettings = Required<RaftMemberOptions>;

/** Election time-outs after which a barrier gives up. */
export const BARRIER_ELECTIONS_MAX = 5;

/** Election time-outs after which proposals of a lost leadership, whose fate isn't known yet, are given up. */
export const ORPHAN_ELECTIONS_MAX = 2;

/** Election time-outs after which a change of the members that isn't complete is no longer waited for. */
export const CHANGE_ELECTIONS_MAX = 20;

/** Election time-outs without a byte after which fetching a snapshot is given up; the leader will name it again. */
export const FETCH_IDLE_ELECTIONS_MAX = 10;
