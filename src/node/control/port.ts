import type { DrainOptions, NodeLoad, PoolStatus } from '../../cluster/index.ts';
import type { ChangeVoters, Coordinator, Relay } from '../../coordinator/index.ts';
import type { NodeId, NodeRef } from '../../core/index.ts';
import type { ClusterConfig } from '../config.ts';

/** The leader's word that a life of this node is to drain. It may come again. */
export interface DrainOrder {
  readonly life: NodeRef;
  readonly options: DrainOptions;
}

/** The control plane of a node as its main thread sees it, whether it has a thread of its own or runs in line. */
export interface ControlPlane {
  readonly coordinator: Coordinator & Relay;
  /** `host:port` of the control port. */
  readonly address: string;
  /** Keep-alives are sent for this life from now on; undefined sends none. */
  keepAlive(life: NodeRef | undefined): void;
  /** What the main thread bears goes along with keep-alives from now on; to be told again and again, see `ToldLoad`. */
  load(load: NodeLoad): void;
  /** How the leader scales pools of workers. @throws TroupeError NO_QUORUM, TIMEOUT */
  scale(timeoutMs: number): Promise<readonly PoolStatus[]>;
  /** Who hears that this node is to drain; nobody at first. */
  onDrain(listener: (order: DrainOrder) => void): void;
  /** Hands Raft leadership over when this node leads; resolves when it doesn't. */
  transferLeadership(): Promise<void>;
  /** Changes who votes, wherever the leader is. */
  readonly changeVoters: ChangeVoters;
  /** Resolves with the reason when the control plane had to stop by itself (a broken log, a broken invariant). */
  readonly failed: Promise<unknown>;
  /** Sends the spans it holds and closes everything. */
  close(): Promise<void>;
}

/** What a control plane is made from; crosses to its thread as data. */
export interface ControlPlaneSettings {
  readonly config: ClusterConfig;
  readonly node: NodeId;
  /** Folder of the cluster on this machine. */
  readonly folder: string;
  /** File for log lines; undefined means standard error. */
  readonly logFile: string | undefined;
  /** Process that started this one and is to be outlived by seconds only; undefined for a node on its own. */
  readonly parentPid: number | undefined;
}
