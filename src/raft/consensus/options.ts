import { type NodeId, type Random, TroupeError } from '../../core/index.ts';
import type { Configuration, HardState, LogReader } from './types.ts';

/** What a member is made from. Times are in ticks: the driver decides how long one is. */
export interface RaftOptions {
  readonly id: NodeId;
  /** The driver's log. It must show what AppendWork gave it as soon as that work's reply is stepped back. */
  readonly log: LogReader;
  /** Term, vote and commit as recovered; undefined for a new directory. */
  readonly hardState: HardState | undefined;
  /** Index of the last entry in the state machine; at least the log's snapshot, 0 for a new one. */
  readonly applied: number;
  /** The members as of the log's snapshot, or as bootstrapped; changes in later entries are found in the log. */
  readonly configuration: Configuration;
  /** Draws election time-outs, nothing else that matters. */
  readonly random: Random;
  /**
   * Silence, in ticks, after which a follower stands for election; each draws a time-out in [n, 2n). A leader that
   * hears no quorum for as long steps down. Default 10; at least 5 times `heartbeatTicks` is sensible.
   */
  readonly electionTicks?: number;
  /** Ticks between heartbeats. Default 1. */
  readonly heartbeatTicks?: number;
  /** Append messages that one follower may have unanswered. Default 256. */
  readonly inflightMessagesMax?: number;
  /** Bytes of entries that one follower may have unanswered; one message may pass it. Default 16 MiB. */
  readonly inflightBytesMax?: number;
  /** Bytes of entries in one append message, unless a single entry is larger. Default 1 MiB. */
  readonly appendBytesMax?: number;
  /**
   * Bytes of entries with each tick for a member that lacks what the others have committed; more when the log grows faster, see
   * CatchUp. Default 150 KiB. More brings it up sooner, less takes less away from the others.
   */
  readonly catchUpBytes?: number;
  /** Bytes of proposals that a leader keeps uncommitted before it refuses more. Default 64 MiB. */
  readonly uncommittedBytesMax?: number;
  /** Bytes of entries in one ApplyWork, unless a single entry is larger. Default 4 MiB. */
  readonly applyBytesMax?: number;
  /** Reads that may wait for their quorum round at once. Default 65,536. */
  readonly readsMax?: number;
  /**
   * Ticks for which a quorum's answers to a heartbeat let the leader serve reads by itself, counted from when it was sent;
   * see `RaftNode.leaseIndex`. Default 0: no leases. At most electionTicks - 2: that much is lost because ticks are whole, and
   * what lies between must bear the drift: members' ticks may differ in length by (electionTicks - 1) / leaseTicks at most. Members
   * that grant leases stand no sooner than an election time-out after the leader's last heartbeat, or their own start.
   */
  readonly leaseTicks?: number;
  /** Ask whether an election could be won before raising the term. Default true; off only in tests. */
  readonly preVote?: boolean;
  /** Leader steps down without a quorum, and votes are refused while a leader is heard. Default true; off only in tests. */
  readonly checkQuorum?: boolean;
}

/** The options with every default filled in. */
export type ResolvedOptions = Required<RaftOptions>;

/**
 * Fills in the defaults.
 *
 * @throws TroupeError INVALID_CONFIGURATION when a limit is not a whole number above 0, or an election is not slower
 *   than a heartbeat
 */
export function resolveOptions(options: RaftOptions): ResolvedOptions {
  const limits = {
    electionTicks: options.electionTicks ?? 10,
    heartbeatTicks: options.heartbeatTicks ?? 1,
    inflightMessagesMax: options.inflightMessagesMax ?? 256,
    inflightBytesMax: options.inflightBytesMax ?? 16 * 2 ** 20,
    appendBytesMax: options.appendBytesMax ?? 2 ** 20,
    catchUpBytes: options.catchUpBytes ?? 150 * 1024,
    uncommittedBytesMax: options.uncommittedBytesMax ?? 64 * 2 ** 20,
    applyBytesMax: options.applyBytesMax ?? 4 * 2 ** 20,
    readsMax: options.readsMax ?? 65_536,
  };
  const wrong = Object.entries(limits).filter(([, value]) => !Number.isSafeInteger(value) || value < 1);
  const problems = wrong.map(([name, value]) => `raft.${name} is ${value}: it must be a whole number above 0`);
  if (limits.electionTicks <= limits.heartbeatTicks) {
    problems.push(`raft.electionTicks is ${limits.electionTicks}: it must be above heartbeatTicks`);
  }
  const { leaseTicks = 0, preVote = true, checkQuorum = true } = options;
  if (!Number.isSafeInteger(leaseTicks) || leaseTicks < 0 || leaseTicks > Math.max(0, limits.electionTicks - 2)) {
    problems.push(`raft.leaseTicks is ${leaseTicks}: it must be a whole number up to electionTicks - 2, or 0`);
  }
  if (leaseTicks > 0 && !(preVote && checkQuorum)) problems.push('raft.leaseTicks needs preVote and checkQuorum');
  if (problems.length > 0) throw new TroupeError('INVALID_CONFIGURATION', problems.join('; '));
  return { ...options, ...limits, leaseTicks, preVote, checkQuorum };
}
