// What a program outside the cluster needs besides a client: teams on it, and the names of what it is told.

export type { Ruling } from '../agent/index.ts';
export type { PoolStatus } from '../cluster/index.ts';
export type {
  DecisionRecord,
  DecisionRule,
  LedgerEvent,
  NodeRecord,
  VoterChange,
  VotersChanged,
} from '../coordinator/index.ts';
export { team } from '../team/index.ts';
export { type ApiClient, type ApiStatus, type ConnectApiOptions, connectApi } from './client.ts';
export { type HeldPlace, type HeldTurn, type HeldTurns, heldOver } from './held.ts';
export { API_MESSAGE_BYTES_MAX, API_STREAMS_MAX, VOTERS_MS } from './limits.ts';
export type { ImaginedNode, PlacementPlan, PlanQuestion, ShardMove } from './plan-message.ts';
export { type ApiServer, PREEMPTION_SERVICE, type ServeApiOptions, serveApi } from './server.ts';
export { API_VERSION, type Drain } from './service.ts';
export { publishTo, readTopic } from './topic-handlers.ts';
export {
  type ClientTopic,
  type ListenOptions,
  type TopicGap,
  type TopicSubscription,
  topicOver,
} from './topics.ts';
export { type StoredValue, type Values, valuesOver } from './values.ts';
export { startWorkflow, type Workflow, type WorkflowOptions } from './workflow.ts';
