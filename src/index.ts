/** Troupe: a fault-tolerant, distributed actor runtime for teams of LLM agents. */
export {
  type AgentContext,
  type AgentDefinition,
  type AgentRef,
  type AgentSpec,
  type AnyAgent,
  type AskOptions,
  defineAgent,
  type Host,
  isAgent,
  type Protocol,
  type StepOptions,
  type StepRun,
  type Vote,
  type VoteRequest,
} from './agent/index.ts';
export { type ApiClient, connectApi } from './api/index.ts';
export type { DecisionRecord, DecisionResult, LedgerEvent, LedgerStats, NodeRecord } from './coordinator/index.ts';
export {
  type AgentAddress,
  agentAddressKey,
  asTroupeError,
  delay,
  ERROR_CODES,
  type ErrorCode,
  errorMessage,
  isTroupeError,
  systemClock,
  TroupeError,
} from './core/index.ts';
export {
  Cluster,
  type ClusterConfigInput,
  type ClusterPlace,
  type ClusterStatus,
  createNode,
  defineCluster,
  defineJob,
  type Job,
  type JobContext,
  type JobResult,
  loadConfig,
  type NodeHandle,
  startCluster,
  type Timeline,
  type TimelineEntry,
  type TroupeNode,
} from './node/index.ts';
export {
  type DecideOptions,
  type MapOptions,
  type MapResult,
  type Team,
  type TeamOptions,
  team,
} from './team/index.ts';
