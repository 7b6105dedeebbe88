export { loadAgents } from './agents.ts';
export { initCertificates, issueCertificates } from './certificate-folder.ts';
export type { ClusterStatus, NodeHandle } from './cluster.ts';
export {
  type ClusterConfig,
  type ClusterConfigInput,
  checkConfig,
  defineCluster,
  loadConfig,
  type NodeConfig,
  withNode,
} from './config.ts';
export { eraseLog } from './control/etcd-voter.ts';
export { coordinatorOfRun } from './coordinator-config.ts';
export { type CreateNodeOptions, createNode } from './create-node.ts';
export { ClusterFolder, type NodeCard } from './directory.ts';
export { type InProcessCluster, type InProcessOptions, startInProcess } from './in-process.ts';
export {
  defineJob,
  type Job,
  type JobContext,
  type JobOption,
  type JobResult,
  type Timeline,
  type TimelineEntry,
} from './job.ts';
export { eraseJournals, journalsOfRun } from './journal-config.ts';
export { type StartOptions, startCluster } from './local-cluster.ts';
export { isAlive } from './lock.ts';
export { type LogRecord, readLog, verifyLog } from './log-directory.ts';
export type { NodeEnd, TroupeNode } from './node.ts';
export { clientTls } from './node-tls.ts';
export type { SourceHealth } from './preemption.ts';
export { drainsOnSigterm } from './preemption-config.ts';
export { Cluster, type ClusterPlace } from './start.ts';
export { filesIn } from './tls-config.ts';
export type { ClusterVoters, VotersOptions } from './voters.ts';
