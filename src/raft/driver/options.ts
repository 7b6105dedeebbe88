import {
  type Clock,
  type Logger,
  type NodeId,
  nullLogger,
  nullTracer,
  type Random,
  type Tracer,
} from '../../core/index.ts';
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
  /** Entries in one message to a member, bytes, unless a single one is larger; default 1 MiB. */
  readonly appendBytesMax?: number;
  /**
   * Entries for a member that lacks what the others have committed, bytes a second, default 3 MiB; half as fast again as the log grows when
   * that is more. Less leaves more of the leader's and the disks' time to the others, more brings the member up sooner.
   */
  readonly catchUpBytesPerSecond?: number;
  /**
   * Let the leader answer `barrier({ lease: true })` by itself while it holds a lease, and grant leases to others. Default false;
   * a member without it grants none. Bears clocks whose rates differ by a third; makes a new leader wait for an election time-out.
   */
  readonly leaseReads?: boolean;
}

/** The options with every default filled in. */
export type MemberSettings = Required<RaftMemberOptions>;

/** The options with their defaults; consensus checks them. */
export function settingsOf(options: RaftMemberOptions): MemberSettings {
  return {
    logger: nullLogger,
    tracer: nullTracer,
    tickMs: 50,
    electionTicks: 6,
    heartbeatTicks: 1,
    snapshotEveryEntries: 10_000,
    snapshotEveryBytes: 8 * 2 ** 20,
    keepEntries: 1_000,
    proposalsMax: 16_384,
    barriersMax: 65_536,
    applyBytesMax: 256 * 1024,
    appendBytesMax: 2 ** 20,
    catchUpBytesPerSecond: 3 * 2 ** 20,
    leaseReads: false,
    ...options,
  };
}

/** How long followers may wait to hear of a commit: appends of that time tell them in passing, ms. Longer than a lone client's write. */
export const ANNOUNCE_MS = 2;

/** A tick that comes later than so many tick lengths after the one before voids a lease. */
export const TICK_LATE_FACTOR = 1.5;

/**
 * How long a lease lasts, in ticks: less than half of the promise that it stands on. That leaves room for ticks that are late
 * (TICK_LATE_FACTOR) on a machine whose clock is slow by a third to another's.
 */
export function leaseTicksOf(settings: Pick<MemberSettings, 'electionTicks' | 'leaseReads'>): number {
  return settings.leaseReads ? Math.max(1, Math.floor((settings.electionTicks - 2) / 2)) : 0;
}

/** Election time-outs after which proposals wait no longer for the end of a transfer. */
export const HANDOVER_ELECTIONS_MAX = 3;

/** Election time-outs after which a barrier gives up. */
export const BARRIER_ELECTIONS_MAX = 5;

/** Election time-outs after which proposals of a lost leadership, whose fate isn't known yet, are given up. */
export const ORPHAN_ELECTIONS_MAX = 2;

/** Election time-outs after which a change of the members that isn't complete is no longer waited for. */
export const CHANGE_ELECTIONS_MAX = 20;

/** Election time-outs without a byte after which fetching a snapshot is given up; the leader will name it again. */
export const FETCH_IDLE_ELECTIONS_MAX = 10;
