// Original file: proto/troupe/v1/api.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { AskReply as _troupe_v1_AskReply, AskReply__Output as _troupe_v1_AskReply__Output } from '../../troupe/v1/AskReply.ts';
import type { AskRequest as _troupe_v1_AskRequest, AskRequest__Output as _troupe_v1_AskRequest__Output } from '../../troupe/v1/AskRequest.ts';
import type { CancelJobRequest as _troupe_v1_CancelJobRequest, CancelJobRequest__Output as _troupe_v1_CancelJobRequest__Output } from '../../troupe/v1/CancelJobRequest.ts';
import type { CastBallotRequest as _troupe_v1_CastBallotRequest, CastBallotRequest__Output as _troupe_v1_CastBallotRequest__Output } from '../../troupe/v1/CastBallotRequest.ts';
import type { ChangeVotersReply as _troupe_v1_ChangeVotersReply, ChangeVotersReply__Output as _troupe_v1_ChangeVotersReply__Output } from '../../troupe/v1/ChangeVotersReply.ts';
import type { ChangeVotersRequest as _troupe_v1_ChangeVotersRequest, ChangeVotersRequest__Output as _troupe_v1_ChangeVotersRequest__Output } from '../../troupe/v1/ChangeVotersRequest.ts';
import type { CloseDecisionRequest as _troupe_v1_CloseDecisionRequest, CloseDecisionRequest__Output as _troupe_v1_CloseDecisionRequest__Output } from '../../troupe/v1/CloseDecisionRequest.ts';
import type { ClusterUpdate as _troupe_v1_ClusterUpdate, ClusterUpdate__Output as _troupe_v1_ClusterUpdate__Output } from '../../troupe/v1/ClusterUpdate.ts';
import type { Decision as _troupe_v1_Decision, Decision__Output as _troupe_v1_Decision__Output } from '../../troupe/v1/Decision.ts';
import type { DeleteValueReply as _troupe_v1_DeleteValueReply, DeleteValueReply__Output as _troupe_v1_DeleteValueReply__Output } from '../../troupe/v1/DeleteValueReply.ts';
import type { DeleteValueRequest as _troupe_v1_DeleteValueRequest, DeleteValueRequest__Output as _troupe_v1_DeleteValueRequest__Output } from '../../troupe/v1/DeleteValueRequest.ts';
import type { DrainNodeRequest as _troupe_v1_DrainNodeRequest, DrainNodeRequest__Output as _troupe_v1_DrainNodeRequest__Output } from '../../troupe/v1/DrainNodeRequest.ts';
import type { GetDecisionRequest as _troupe_v1_GetDecisionRequest, GetDecisionRequest__Output as _troupe_v1_GetDecisionRequest__Output } from '../../troupe/v1/GetDecisionRequest.ts';
import type { GetScaleReply as _troupe_v1_GetScaleReply, GetScaleReply__Output as _troupe_v1_GetScaleReply__Output } from '../../troupe/v1/GetScaleReply.ts';
import type { GetScaleRequest as _troupe_v1_GetScaleRequest, GetScaleRequest__Output as _troupe_v1_GetScaleRequest__Output } from '../../troupe/v1/GetScaleRequest.ts';
import type { GetStatusReply as _troupe_v1_GetStatusReply, GetStatusReply__Output as _troupe_v1_GetStatusReply__Output } from '../../troupe/v1/GetStatusReply.ts';
import type { GetStatusRequest as _troupe_v1_GetStatusRequest, GetStatusRequest__Output as _troupe_v1_GetStatusRequest__Output } from '../../troupe/v1/GetStatusRequest.ts';
import type { GetValueReply as _troupe_v1_GetValueReply, GetValueReply__Output as _troupe_v1_GetValueReply__Output } from '../../troupe/v1/GetValueReply.ts';
import type { GetValueRequest as _troupe_v1_GetValueRequest, GetValueRequest__Output as _troupe_v1_GetValueRequest__Output } from '../../troupe/v1/GetValueRequest.ts';
import type { HeldTurn as _troupe_v1_HeldTurn, HeldTurn__Output as _troupe_v1_HeldTurn__Output } from '../../troupe/v1/HeldTurn.ts';
import type { Job as _troupe_v1_Job, Job__Output as _troupe_v1_Job__Output } from '../../troupe/v1/Job.ts';
import type { JobProgress as _troupe_v1_JobProgress, JobProgress__Output as _troupe_v1_JobProgress__Output } from '../../troupe/v1/JobProgress.ts';
import type { ListHeldReply as _troupe_v1_ListHeldReply, ListHeldReply__Output as _troupe_v1_ListHeldReply__Output } from '../../troupe/v1/ListHeldReply.ts';
import type { ListHeldRequest as _troupe_v1_ListHeldRequest, ListHeldRequest__Output as _troupe_v1_ListHeldRequest__Output } from '../../troupe/v1/ListHeldRequest.ts';
import type { ListNodesReply as _troupe_v1_ListNodesReply, ListNodesReply__Output as _troupe_v1_ListNodesReply__Output } from '../../troupe/v1/ListNodesReply.ts';
import type { ListNodesRequest as _troupe_v1_ListNodesRequest, ListNodesRequest__Output as _troupe_v1_ListNodesRequest__Output } from '../../troupe/v1/ListNodesRequest.ts';
import type { ListValuesReply as _troupe_v1_ListValuesReply, ListValuesReply__Output as _troupe_v1_ListValuesReply__Output } from '../../troupe/v1/ListValuesReply.ts';
import type { ListValuesRequest as _troupe_v1_ListValuesRequest, ListValuesRequest__Output as _troupe_v1_ListValuesRequest__Output } from '../../troupe/v1/ListValuesRequest.ts';
import type { Node as _troupe_v1_Node, Node__Output as _troupe_v1_Node__Output } from '../../troupe/v1/Node.ts';
import type { OpenDecisionRequest as _troupe_v1_OpenDecisionRequest, OpenDecisionRequest__Output as _troupe_v1_OpenDecisionRequest__Output } from '../../troupe/v1/OpenDecisionRequest.ts';
import type { PlanPlacementReply as _troupe_v1_PlanPlacementReply, PlanPlacementReply__Output as _troupe_v1_PlanPlacementReply__Output } from '../../troupe/v1/PlanPlacementReply.ts';
import type { PlanPlacementRequest as _troupe_v1_PlanPlacementRequest, PlanPlacementRequest__Output as _troupe_v1_PlanPlacementRequest__Output } from '../../troupe/v1/PlanPlacementRequest.ts';
import type { PublishTopicReply as _troupe_v1_PublishTopicReply, PublishTopicReply__Output as _troupe_v1_PublishTopicReply__Output } from '../../troupe/v1/PublishTopicReply.ts';
import type { PublishTopicRequest as _troupe_v1_PublishTopicRequest, PublishTopicRequest__Output as _troupe_v1_PublishTopicRequest__Output } from '../../troupe/v1/PublishTopicRequest.ts';
import type { PutValueReply as _troupe_v1_PutValueReply, PutValueReply__Output as _troupe_v1_PutValueReply__Output } from '../../troupe/v1/PutValueReply.ts';
import type { PutValueRequest as _troupe_v1_PutValueRequest, PutValueRequest__Output as _troupe_v1_PutValueRequest__Output } from '../../troupe/v1/PutValueRequest.ts';
import type { RelayReply as _troupe_v1_RelayReply, RelayReply__Output as _troupe_v1_RelayReply__Output } from '../../troupe/v1/RelayReply.ts';
import type { RelayRequest as _troupe_v1_RelayRequest, RelayRequest__Output as _troupe_v1_RelayRequest__Output } from '../../troupe/v1/RelayRequest.ts';
import type { ResolveHeldRequest as _troupe_v1_ResolveHeldRequest, ResolveHeldRequest__Output as _troupe_v1_ResolveHeldRequest__Output } from '../../troupe/v1/ResolveHeldRequest.ts';
import type { SendReply as _troupe_v1_SendReply, SendReply__Output as _troupe_v1_SendReply__Output } from '../../troupe/v1/SendReply.ts';
import type { SendRequest as _troupe_v1_SendRequest, SendRequest__Output as _troupe_v1_SendRequest__Output } from '../../troupe/v1/SendRequest.ts';
import type { StreamEventsRequest as _troupe_v1_StreamEventsRequest, StreamEventsRequest__Output as _troupe_v1_StreamEventsRequest__Output } from '../../troupe/v1/StreamEventsRequest.ts';
import type { SubmitJobRequest as _troupe_v1_SubmitJobRequest, SubmitJobRequest__Output as _troupe_v1_SubmitJobRequest__Output } from '../../troupe/v1/SubmitJobRequest.ts';
import type { SubscribeTopicRequest as _troupe_v1_SubscribeTopicRequest, SubscribeTopicRequest__Output as _troupe_v1_SubscribeTopicRequest__Output } from '../../troupe/v1/SubscribeTopicRequest.ts';
import type { TellReply as _troupe_v1_TellReply, TellReply__Output as _troupe_v1_TellReply__Output } from '../../troupe/v1/TellReply.ts';
import type { TellRequest as _troupe_v1_TellRequest, TellRequest__Output as _troupe_v1_TellRequest__Output } from '../../troupe/v1/TellRequest.ts';
import type { TopicNews as _troupe_v1_TopicNews, TopicNews__Output as _troupe_v1_TopicNews__Output } from '../../troupe/v1/TopicNews.ts';
import type { WatchDecisionRequest as _troupe_v1_WatchDecisionRequest, WatchDecisionRequest__Output as _troupe_v1_WatchDecisionRequest__Output } from '../../troupe/v1/WatchDecisionRequest.ts';
import type { WatchJobRequest as _troupe_v1_WatchJobRequest, WatchJobRequest__Output as _troupe_v1_WatchJobRequest__Output } from '../../troupe/v1/WatchJobRequest.ts';

export interface TroupeClient extends grpc.Client {
  Ask(argument: _troupe_v1_AskRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_AskReply__Output>): grpc.ClientUnaryCall;
  Ask(argument: _troupe_v1_AskRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_AskReply__Output>): grpc.ClientUnaryCall;
  Ask(argument: _troupe_v1_AskRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_AskReply__Output>): grpc.ClientUnaryCall;
  Ask(argument: _troupe_v1_AskRequest, callback: grpc.requestCallback<_troupe_v1_AskReply__Output>): grpc.ClientUnaryCall;
  ask(argument: _troupe_v1_AskRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_AskReply__Output>): grpc.ClientUnaryCall;
  ask(argument: _troupe_v1_AskRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_AskReply__Output>): grpc.ClientUnaryCall;
  ask(argument: _troupe_v1_AskRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_AskReply__Output>): grpc.ClientUnaryCall;
  ask(argument: _troupe_v1_AskRequest, callback: grpc.requestCallback<_troupe_v1_AskReply__Output>): grpc.ClientUnaryCall;
  
  CancelJob(argument: _troupe_v1_CancelJobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Job__Output>): grpc.ClientUnaryCall;
  CancelJob(argument: _troupe_v1_CancelJobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_Job__Output>): grpc.ClientUnaryCall;
  CancelJob(argument: _troupe_v1_CancelJobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Job__Output>): grpc.ClientUnaryCall;
  CancelJob(argument: _troupe_v1_CancelJobRequest, callback: grpc.requestCallback<_troupe_v1_Job__Output>): grpc.ClientUnaryCall;
  cancelJob(argument: _troupe_v1_CancelJobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Job__Output>): grpc.ClientUnaryCall;
  cancelJob(argument: _troupe_v1_CancelJobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_Job__Output>): grpc.ClientUnaryCall;
  cancelJob(argument: _troupe_v1_CancelJobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Job__Output>): grpc.ClientUnaryCall;
  cancelJob(argument: _troupe_v1_CancelJobRequest, callback: grpc.requestCallback<_troupe_v1_Job__Output>): grpc.ClientUnaryCall;
  
  CastBallot(argument: _troupe_v1_CastBallotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  CastBallot(argument: _troupe_v1_CastBallotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  CastBallot(argument: _troupe_v1_CastBallotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  CastBallot(argument: _troupe_v1_CastBallotRequest, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  castBallot(argument: _troupe_v1_CastBallotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  castBallot(argument: _troupe_v1_CastBallotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  castBallot(argument: _troupe_v1_CastBallotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  castBallot(argument: _troupe_v1_CastBallotRequest, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  
  ChangeVoters(argument: _troupe_v1_ChangeVotersRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_ChangeVotersReply__Output>): grpc.ClientUnaryCall;
  ChangeVoters(argument: _troupe_v1_ChangeVotersRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_ChangeVotersReply__Output>): grpc.ClientUnaryCall;
  ChangeVoters(argument: _troupe_v1_ChangeVotersRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_ChangeVotersReply__Output>): grpc.ClientUnaryCall;
  ChangeVoters(argument: _troupe_v1_ChangeVotersRequest, callback: grpc.requestCallback<_troupe_v1_ChangeVotersReply__Output>): grpc.ClientUnaryCall;
  changeVoters(argument: _troupe_v1_ChangeVotersRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_ChangeVotersReply__Output>): grpc.ClientUnaryCall;
  changeVoters(argument: _troupe_v1_ChangeVotersRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_ChangeVotersReply__Output>): grpc.ClientUnaryCall;
  changeVoters(argument: _troupe_v1_ChangeVotersRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_ChangeVotersReply__Output>): grpc.ClientUnaryCall;
  changeVoters(argument: _troupe_v1_ChangeVotersRequest, callback: grpc.requestCallback<_troupe_v1_ChangeVotersReply__Output>): grpc.ClientUnaryCall;
  
  CloseDecision(argument: _troupe_v1_CloseDecisionRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  CloseDecision(argument: _troupe_v1_CloseDecisionRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  CloseDecision(argument: _troupe_v1_CloseDecisionRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  CloseDecision(argument: _troupe_v1_CloseDecisionRequest, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  closeDecision(argument: _troupe_v1_CloseDecisionRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  closeDecision(argument: _troupe_v1_CloseDecisionRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  closeDecision(argument: _troupe_v1_CloseDecisionRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  closeDecision(argument: _troupe_v1_CloseDecisionRequest, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  
  DeleteValue(argument: _troupe_v1_DeleteValueRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_DeleteValueReply__Output>): grpc.ClientUnaryCall;
  DeleteValue(argument: _troupe_v1_DeleteValueRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_DeleteValueReply__Output>): grpc.ClientUnaryCall;
  DeleteValue(argument: _troupe_v1_DeleteValueRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_DeleteValueReply__Output>): grpc.ClientUnaryCall;
  DeleteValue(argument: _troupe_v1_DeleteValueRequest, callback: grpc.requestCallback<_troupe_v1_DeleteValueReply__Output>): grpc.ClientUnaryCall;
  deleteValue(argument: _troupe_v1_DeleteValueRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_DeleteValueReply__Output>): grpc.ClientUnaryCall;
  deleteValue(argument: _troupe_v1_DeleteValueRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_DeleteValueReply__Output>): grpc.ClientUnaryCall;
  deleteValue(argument: _troupe_v1_DeleteValueRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_DeleteValueReply__Output>): grpc.ClientUnaryCall;
  deleteValue(argument: _troupe_v1_DeleteValueRequest, callback: grpc.requestCallback<_troupe_v1_DeleteValueReply__Output>): grpc.ClientUnaryCall;
  
  DrainNode(argument: _troupe_v1_DrainNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Node__Output>): grpc.ClientUnaryCall;
  DrainNode(argument: _troupe_v1_DrainNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_Node__Output>): grpc.ClientUnaryCall;
  DrainNode(argument: _troupe_v1_DrainNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Node__Output>): grpc.ClientUnaryCall;
  DrainNode(argument: _troupe_v1_DrainNodeRequest, callback: grpc.requestCallback<_troupe_v1_Node__Output>): grpc.ClientUnaryCall;
  drainNode(argument: _troupe_v1_DrainNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Node__Output>): grpc.ClientUnaryCall;
  drainNode(argument: _troupe_v1_DrainNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_Node__Output>): grpc.ClientUnaryCall;
  drainNode(argument: _troupe_v1_DrainNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Node__Output>): grpc.ClientUnaryCall;
  drainNode(argument: _troupe_v1_DrainNodeRequest, callback: grpc.requestCallback<_troupe_v1_Node__Output>): grpc.ClientUnaryCall;
  
  GetDecision(argument: _troupe_v1_GetDecisionRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  GetDecision(argument: _troupe_v1_GetDecisionRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  GetDecision(argument: _troupe_v1_GetDecisionRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  GetDecision(argument: _troupe_v1_GetDecisionRequest, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  getDecision(argument: _troupe_v1_GetDecisionRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  getDecision(argument: _troupe_v1_GetDecisionRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  getDecision(argument: _troupe_v1_GetDecisionRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  getDecision(argument: _troupe_v1_GetDecisionRequest, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  
  GetScale(argument: _troupe_v1_GetScaleRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_GetScaleReply__Output>): grpc.ClientUnaryCall;
  GetScale(argument: _troupe_v1_GetScaleRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_GetScaleReply__Output>): grpc.ClientUnaryCall;
  GetScale(argument: _troupe_v1_GetScaleRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_GetScaleReply__Output>): grpc.ClientUnaryCall;
  GetScale(argument: _troupe_v1_GetScaleRequest, callback: grpc.requestCallback<_troupe_v1_GetScaleReply__Output>): grpc.ClientUnaryCall;
  getScale(argument: _troupe_v1_GetScaleRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_GetScaleReply__Output>): grpc.ClientUnaryCall;
  getScale(argument: _troupe_v1_GetScaleRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_GetScaleReply__Output>): grpc.ClientUnaryCall;
  getScale(argument: _troupe_v1_GetScaleRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_GetScaleReply__Output>): grpc.ClientUnaryCall;
  getScale(argument: _troupe_v1_GetScaleRequest, callback: grpc.requestCallback<_troupe_v1_GetScaleReply__Output>): grpc.ClientUnaryCall;
  
  GetStatus(argument: _troupe_v1_GetStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_GetStatusReply__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _troupe_v1_GetStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_GetStatusReply__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _troupe_v1_GetStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_GetStatusReply__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _troupe_v1_GetStatusRequest, callback: grpc.requestCallback<_troupe_v1_GetStatusReply__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _troupe_v1_GetStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_GetStatusReply__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _troupe_v1_GetStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_GetStatusReply__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _troupe_v1_GetStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_GetStatusReply__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _troupe_v1_GetStatusRequest, callback: grpc.requestCallback<_troupe_v1_GetStatusReply__Output>): grpc.ClientUnaryCall;
  
  GetValue(argument: _troupe_v1_GetValueRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_GetValueReply__Output>): grpc.ClientUnaryCall;
  GetValue(argument: _troupe_v1_GetValueRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_GetValueReply__Output>): grpc.ClientUnaryCall;
  GetValue(argument: _troupe_v1_GetValueRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_GetValueReply__Output>): grpc.ClientUnaryCall;
  GetValue(argument: _troupe_v1_GetValueRequest, callback: grpc.requestCallback<_troupe_v1_GetValueReply__Output>): grpc.ClientUnaryCall;
  getValue(argument: _troupe_v1_GetValueRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_GetValueReply__Output>): grpc.ClientUnaryCall;
  getValue(argument: _troupe_v1_GetValueRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_GetValueReply__Output>): grpc.ClientUnaryCall;
  getValue(argument: _troupe_v1_GetValueRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_GetValueReply__Output>): grpc.ClientUnaryCall;
  getValue(argument: _troupe_v1_GetValueRequest, callback: grpc.requestCallback<_troupe_v1_GetValueReply__Output>): grpc.ClientUnaryCall;
  
  ListHeld(argument: _troupe_v1_ListHeldRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_ListHeldReply__Output>): grpc.ClientUnaryCall;
  ListHeld(argument: _troupe_v1_ListHeldRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_ListHeldReply__Output>): grpc.ClientUnaryCall;
  ListHeld(argument: _troupe_v1_ListHeldRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_ListHeldReply__Output>): grpc.ClientUnaryCall;
  ListHeld(argument: _troupe_v1_ListHeldRequest, callback: grpc.requestCallback<_troupe_v1_ListHeldReply__Output>): grpc.ClientUnaryCall;
  listHeld(argument: _troupe_v1_ListHeldRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_ListHeldReply__Output>): grpc.ClientUnaryCall;
  listHeld(argument: _troupe_v1_ListHeldRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_ListHeldReply__Output>): grpc.ClientUnaryCall;
  listHeld(argument: _troupe_v1_ListHeldRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_ListHeldReply__Output>): grpc.ClientUnaryCall;
  listHeld(argument: _troupe_v1_ListHeldRequest, callback: grpc.requestCallback<_troupe_v1_ListHeldReply__Output>): grpc.ClientUnaryCall;
  
  ListNodes(argument: _troupe_v1_ListNodesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_ListNodesReply__Output>): grpc.ClientUnaryCall;
  ListNodes(argument: _troupe_v1_ListNodesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_ListNodesReply__Output>): grpc.ClientUnaryCall;
  ListNodes(argument: _troupe_v1_ListNodesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_ListNodesReply__Output>): grpc.ClientUnaryCall;
  ListNodes(argument: _troupe_v1_ListNodesRequest, callback: grpc.requestCallback<_troupe_v1_ListNodesReply__Output>): grpc.ClientUnaryCall;
  listNodes(argument: _troupe_v1_ListNodesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_ListNodesReply__Output>): grpc.ClientUnaryCall;
  listNodes(argument: _troupe_v1_ListNodesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_ListNodesReply__Output>): grpc.ClientUnaryCall;
  listNodes(argument: _troupe_v1_ListNodesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_ListNodesReply__Output>): grpc.ClientUnaryCall;
  listNodes(argument: _troupe_v1_ListNodesRequest, callback: grpc.requestCallback<_troupe_v1_ListNodesReply__Output>): grpc.ClientUnaryCall;
  
  ListValues(argument: _troupe_v1_ListValuesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_ListValuesReply__Output>): grpc.ClientUnaryCall;
  ListValues(argument: _troupe_v1_ListValuesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_ListValuesReply__Output>): grpc.ClientUnaryCall;
  ListValues(argument: _troupe_v1_ListValuesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_ListValuesReply__Output>): grpc.ClientUnaryCall;
  ListValues(argument: _troupe_v1_ListValuesRequest, callback: grpc.requestCallback<_troupe_v1_ListValuesReply__Output>): grpc.ClientUnaryCall;
  listValues(argument: _troupe_v1_ListValuesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_ListValuesReply__Output>): grpc.ClientUnaryCall;
  listValues(argument: _troupe_v1_ListValuesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_ListValuesReply__Output>): grpc.ClientUnaryCall;
  listValues(argument: _troupe_v1_ListValuesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_ListValuesReply__Output>): grpc.ClientUnaryCall;
  listValues(argument: _troupe_v1_ListValuesRequest, callback: grpc.requestCallback<_troupe_v1_ListValuesReply__Output>): grpc.ClientUnaryCall;
  
  OpenDecision(argument: _troupe_v1_OpenDecisionRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  OpenDecision(argument: _troupe_v1_OpenDecisionRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  OpenDecision(argument: _troupe_v1_OpenDecisionRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  OpenDecision(argument: _troupe_v1_OpenDecisionRequest, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  openDecision(argument: _troupe_v1_OpenDecisionRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  openDecision(argument: _troupe_v1_OpenDecisionRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  openDecision(argument: _troupe_v1_OpenDecisionRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  openDecision(argument: _troupe_v1_OpenDecisionRequest, callback: grpc.requestCallback<_troupe_v1_Decision__Output>): grpc.ClientUnaryCall;
  
  PlanPlacement(argument: _troupe_v1_PlanPlacementRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_PlanPlacementReply__Output>): grpc.ClientUnaryCall;
  PlanPlacement(argument: _troupe_v1_PlanPlacementRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_PlanPlacementReply__Output>): grpc.ClientUnaryCall;
  PlanPlacement(argument: _troupe_v1_PlanPlacementRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_PlanPlacementReply__Output>): grpc.ClientUnaryCall;
  PlanPlacement(argument: _troupe_v1_PlanPlacementRequest, callback: grpc.requestCallback<_troupe_v1_PlanPlacementReply__Output>): grpc.ClientUnaryCall;
  planPlacement(argument: _troupe_v1_PlanPlacementRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_PlanPlacementReply__Output>): grpc.ClientUnaryCall;
  planPlacement(argument: _troupe_v1_PlanPlacementRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_PlanPlacementReply__Output>): grpc.ClientUnaryCall;
  planPlacement(argument: _troupe_v1_PlanPlacementRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_PlanPlacementReply__Output>): grpc.ClientUnaryCall;
  planPlacement(argument: _troupe_v1_PlanPlacementRequest, callback: grpc.requestCallback<_troupe_v1_PlanPlacementReply__Output>): grpc.ClientUnaryCall;
  
  PublishTopic(argument: _troupe_v1_PublishTopicRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_PublishTopicReply__Output>): grpc.ClientUnaryCall;
  PublishTopic(argument: _troupe_v1_PublishTopicRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_PublishTopicReply__Output>): grpc.ClientUnaryCall;
  PublishTopic(argument: _troupe_v1_PublishTopicRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_PublishTopicReply__Output>): grpc.ClientUnaryCall;
  PublishTopic(argument: _troupe_v1_PublishTopicRequest, callback: grpc.requestCallback<_troupe_v1_PublishTopicReply__Output>): grpc.ClientUnaryCall;
  publishTopic(argument: _troupe_v1_PublishTopicRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_PublishTopicReply__Output>): grpc.ClientUnaryCall;
  publishTopic(argument: _troupe_v1_PublishTopicRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_PublishTopicReply__Output>): grpc.ClientUnaryCall;
  publishTopic(argument: _troupe_v1_PublishTopicRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_PublishTopicReply__Output>): grpc.ClientUnaryCall;
  publishTopic(argument: _troupe_v1_PublishTopicRequest, callback: grpc.requestCallback<_troupe_v1_PublishTopicReply__Output>): grpc.ClientUnaryCall;
  
  PutValue(argument: _troupe_v1_PutValueRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_PutValueReply__Output>): grpc.ClientUnaryCall;
  PutValue(argument: _troupe_v1_PutValueRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_PutValueReply__Output>): grpc.ClientUnaryCall;
  PutValue(argument: _troupe_v1_PutValueRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_PutValueReply__Output>): grpc.ClientUnaryCall;
  PutValue(argument: _troupe_v1_PutValueRequest, callback: grpc.requestCallback<_troupe_v1_PutValueReply__Output>): grpc.ClientUnaryCall;
  putValue(argument: _troupe_v1_PutValueRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_PutValueReply__Output>): grpc.ClientUnaryCall;
  putValue(argument: _troupe_v1_PutValueRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_PutValueReply__Output>): grpc.ClientUnaryCall;
  putValue(argument: _troupe_v1_PutValueRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_PutValueReply__Output>): grpc.ClientUnaryCall;
  putValue(argument: _troupe_v1_PutValueRequest, callback: grpc.requestCallback<_troupe_v1_PutValueReply__Output>): grpc.ClientUnaryCall;
  
  RelayValues(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_troupe_v1_RelayRequest, _troupe_v1_RelayReply__Output>;
  RelayValues(options?: grpc.CallOptions): grpc.ClientDuplexStream<_troupe_v1_RelayRequest, _troupe_v1_RelayReply__Output>;
  relayValues(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_troupe_v1_RelayRequest, _troupe_v1_RelayReply__Output>;
  relayValues(options?: grpc.CallOptions): grpc.ClientDuplexStream<_troupe_v1_RelayRequest, _troupe_v1_RelayReply__Output>;
  
  ResolveHeld(argument: _troupe_v1_ResolveHeldRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_HeldTurn__Output>): grpc.ClientUnaryCall;
  ResolveHeld(argument: _troupe_v1_ResolveHeldRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_HeldTurn__Output>): grpc.ClientUnaryCall;
  ResolveHeld(argument: _troupe_v1_ResolveHeldRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_HeldTurn__Output>): grpc.ClientUnaryCall;
  ResolveHeld(argument: _troupe_v1_ResolveHeldRequest, callback: grpc.requestCallback<_troupe_v1_HeldTurn__Output>): grpc.ClientUnaryCall;
  resolveHeld(argument: _troupe_v1_ResolveHeldRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_HeldTurn__Output>): grpc.ClientUnaryCall;
  resolveHeld(argument: _troupe_v1_ResolveHeldRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_HeldTurn__Output>): grpc.ClientUnaryCall;
  resolveHeld(argument: _troupe_v1_ResolveHeldRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_HeldTurn__Output>): grpc.ClientUnaryCall;
  resolveHeld(argument: _troupe_v1_ResolveHeldRequest, callback: grpc.requestCallback<_troupe_v1_HeldTurn__Output>): grpc.ClientUnaryCall;
  
  Send(argument: _troupe_v1_SendRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_SendReply__Output>): grpc.ClientUnaryCall;
  Send(argument: _troupe_v1_SendRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_SendReply__Output>): grpc.ClientUnaryCall;
  Send(argument: _troupe_v1_SendRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_SendReply__Output>): grpc.ClientUnaryCall;
  Send(argument: _troupe_v1_SendRequest, callback: grpc.requestCallback<_troupe_v1_SendReply__Output>): grpc.ClientUnaryCall;
  send(argument: _troupe_v1_SendRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_SendReply__Output>): grpc.ClientUnaryCall;
  send(argument: _troupe_v1_SendRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_SendReply__Output>): grpc.ClientUnaryCall;
  send(argument: _troupe_v1_SendRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_SendReply__Output>): grpc.ClientUnaryCall;
  send(argument: _troupe_v1_SendRequest, callback: grpc.requestCallback<_troupe_v1_SendReply__Output>): grpc.ClientUnaryCall;
  
  StreamEvents(argument: _troupe_v1_StreamEventsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_ClusterUpdate__Output>;
  StreamEvents(argument: _troupe_v1_StreamEventsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_ClusterUpdate__Output>;
  streamEvents(argument: _troupe_v1_StreamEventsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_ClusterUpdate__Output>;
  streamEvents(argument: _troupe_v1_StreamEventsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_ClusterUpdate__Output>;
  
  SubmitJob(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Job__Output>): grpc.ClientWritableStream<_troupe_v1_SubmitJobRequest>;
  SubmitJob(metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_Job__Output>): grpc.ClientWritableStream<_troupe_v1_SubmitJobRequest>;
  SubmitJob(options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Job__Output>): grpc.ClientWritableStream<_troupe_v1_SubmitJobRequest>;
  SubmitJob(callback: grpc.requestCallback<_troupe_v1_Job__Output>): grpc.ClientWritableStream<_troupe_v1_SubmitJobRequest>;
  submitJob(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Job__Output>): grpc.ClientWritableStream<_troupe_v1_SubmitJobRequest>;
  submitJob(metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_Job__Output>): grpc.ClientWritableStream<_troupe_v1_SubmitJobRequest>;
  submitJob(options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Job__Output>): grpc.ClientWritableStream<_troupe_v1_SubmitJobRequest>;
  submitJob(callback: grpc.requestCallback<_troupe_v1_Job__Output>): grpc.ClientWritableStream<_troupe_v1_SubmitJobRequest>;
  
  SubscribeTopic(argument: _troupe_v1_SubscribeTopicRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_TopicNews__Output>;
  SubscribeTopic(argument: _troupe_v1_SubscribeTopicRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_TopicNews__Output>;
  subscribeTopic(argument: _troupe_v1_SubscribeTopicRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_TopicNews__Output>;
  subscribeTopic(argument: _troupe_v1_SubscribeTopicRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_TopicNews__Output>;
  
  Tell(argument: _troupe_v1_TellRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_TellReply__Output>): grpc.ClientUnaryCall;
  Tell(argument: _troupe_v1_TellRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_TellReply__Output>): grpc.ClientUnaryCall;
  Tell(argument: _troupe_v1_TellRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_TellReply__Output>): grpc.ClientUnaryCall;
  Tell(argument: _troupe_v1_TellRequest, callback: grpc.requestCallback<_troupe_v1_TellReply__Output>): grpc.ClientUnaryCall;
  tell(argument: _troupe_v1_TellRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_TellReply__Output>): grpc.ClientUnaryCall;
  tell(argument: _troupe_v1_TellRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_TellReply__Output>): grpc.ClientUnaryCall;
  tell(argument: _troupe_v1_TellRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_TellReply__Output>): grpc.ClientUnaryCall;
  tell(argument: _troupe_v1_TellRequest, callback: grpc.requestCallback<_troupe_v1_TellReply__Output>): grpc.ClientUnaryCall;
  
  WatchDecision(argument: _troupe_v1_WatchDecisionRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_Decision__Output>;
  WatchDecision(argument: _troupe_v1_WatchDecisionRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_Decision__Output>;
  watchDecision(argument: _troupe_v1_WatchDecisionRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_Decision__Output>;
  watchDecision(argument: _troupe_v1_WatchDecisionRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_Decision__Output>;
  
  WatchJob(argument: _troupe_v1_WatchJobRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_JobProgress__Output>;
  WatchJob(argument: _troupe_v1_WatchJobRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_JobProgress__Output>;
  watchJob(argument: _troupe_v1_WatchJobRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_JobProgress__Output>;
  watchJob(argument: _troupe_v1_WatchJobRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_JobProgress__Output>;
  
}

export interface TroupeHandlers extends grpc.UntypedServiceImplementation {
  Ask: grpc.handleUnaryCall<_troupe_v1_AskRequest__Output, _troupe_v1_AskReply>;
  
  CancelJob: grpc.handleUnaryCall<_troupe_v1_CancelJobRequest__Output, _troupe_v1_Job>;
  
  CastBallot: grpc.handleUnaryCall<_troupe_v1_CastBallotRequest__Output, _troupe_v1_Decision>;
  
  ChangeVoters: grpc.handleUnaryCall<_troupe_v1_ChangeVotersRequest__Output, _troupe_v1_ChangeVotersReply>;
  
  CloseDecision: grpc.handleUnaryCall<_troupe_v1_CloseDecisionRequest__Output, _troupe_v1_Decision>;
  
  DeleteValue: grpc.handleUnaryCall<_troupe_v1_DeleteValueRequest__Output, _troupe_v1_DeleteValueReply>;
  
  DrainNode: grpc.handleUnaryCall<_troupe_v1_DrainNodeRequest__Output, _troupe_v1_Node>;
  
  GetDecision: grpc.handleUnaryCall<_troupe_v1_GetDecisionRequest__Output, _troupe_v1_Decision>;
  
  GetScale: grpc.handleUnaryCall<_troupe_v1_GetScaleRequest__Output, _troupe_v1_GetScaleReply>;
  
  GetStatus: grpc.handleUnaryCall<_troupe_v1_GetStatusRequest__Output, _troupe_v1_GetStatusReply>;
  
  GetValue: grpc.handleUnaryCall<_troupe_v1_GetValueRequest__Output, _troupe_v1_GetValueReply>;
  
  ListHeld: grpc.handleUnaryCall<_troupe_v1_ListHeldRequest__Output, _troupe_v1_ListHeldReply>;
  
  ListNodes: grpc.handleUnaryCall<_troupe_v1_ListNodesRequest__Output, _troupe_v1_ListNodesReply>;
  
  ListValues: grpc.handleUnaryCall<_troupe_v1_ListValuesRequest__Output, _troupe_v1_ListValuesReply>;
  
  OpenDecision: grpc.handleUnaryCall<_troupe_v1_OpenDecisionRequest__Output, _troupe_v1_Decision>;
  
  PlanPlacement: grpc.handleUnaryCall<_troupe_v1_PlanPlacementRequest__Output, _troupe_v1_PlanPlacementReply>;
  
  PublishTopic: grpc.handleUnaryCall<_troupe_v1_PublishTopicRequest__Output, _troupe_v1_PublishTopicReply>;
  
  PutValue: grpc.handleUnaryCall<_troupe_v1_PutValueRequest__Output, _troupe_v1_PutValueReply>;
  
  RelayValues: grpc.handleBidiStreamingCall<_troupe_v1_RelayRequest__Output, _troupe_v1_RelayReply>;
  
  ResolveHeld: grpc.handleUnaryCall<_troupe_v1_ResolveHeldRequest__Output, _troupe_v1_HeldTurn>;
  
  Send: grpc.handleUnaryCall<_troupe_v1_SendRequest__Output, _troupe_v1_SendReply>;
  
  StreamEvents: grpc.handleServerStreamingCall<_troupe_v1_StreamEventsRequest__Output, _troupe_v1_ClusterUpdate>;
  
  SubmitJob: grpc.handleClientStreamingCall<_troupe_v1_SubmitJobRequest__Output, _troupe_v1_Job>;
  
  SubscribeTopic: grpc.handleServerStreamingCall<_troupe_v1_SubscribeTopicRequest__Output, _troupe_v1_TopicNews>;
  
  Tell: grpc.handleUnaryCall<_troupe_v1_TellRequest__Output, _troupe_v1_TellReply>;
  
  WatchDecision: grpc.handleServerStreamingCall<_troupe_v1_WatchDecisionRequest__Output, _troupe_v1_Decision>;
  
  WatchJob: grpc.handleServerStreamingCall<_troupe_v1_WatchJobRequest__Output, _troupe_v1_JobProgress>;
  
}

export interface TroupeDefinition extends grpc.ServiceDefinition {
  Ask: MethodDefinition<_troupe_v1_AskRequest, _troupe_v1_AskReply, _troupe_v1_AskRequest__Output, _troupe_v1_AskReply__Output>
  CancelJob: MethodDefinition<_troupe_v1_CancelJobRequest, _troupe_v1_Job, _troupe_v1_CancelJobRequest__Output, _troupe_v1_Job__Output>
  CastBallot: MethodDefinition<_troupe_v1_CastBallotRequest, _troupe_v1_Decision, _troupe_v1_CastBallotRequest__Output, _troupe_v1_Decision__Output>
  ChangeVoters: MethodDefinition<_troupe_v1_ChangeVotersRequest, _troupe_v1_ChangeVotersReply, _troupe_v1_ChangeVotersRequest__Output, _troupe_v1_ChangeVotersReply__Output>
  CloseDecision: MethodDefinition<_troupe_v1_CloseDecisionRequest, _troupe_v1_Decision, _troupe_v1_CloseDecisionRequest__Output, _troupe_v1_Decision__Output>
  DeleteValue: MethodDefinition<_troupe_v1_DeleteValueRequest, _troupe_v1_DeleteValueReply, _troupe_v1_DeleteValueRequest__Output, _troupe_v1_DeleteValueReply__Output>
  DrainNode: MethodDefinition<_troupe_v1_DrainNodeRequest, _troupe_v1_Node, _troupe_v1_DrainNodeRequest__Output, _troupe_v1_Node__Output>
  GetDecision: MethodDefinition<_troupe_v1_GetDecisionRequest, _troupe_v1_Decision, _troupe_v1_GetDecisionRequest__Output, _troupe_v1_Decision__Output>
  GetScale: MethodDefinition<_troupe_v1_GetScaleRequest, _troupe_v1_GetScaleReply, _troupe_v1_GetScaleRequest__Output, _troupe_v1_GetScaleReply__Output>
  GetStatus: MethodDefinition<_troupe_v1_GetStatusRequest, _troupe_v1_GetStatusReply, _troupe_v1_GetStatusRequest__Output, _troupe_v1_GetStatusReply__Output>
  GetValue: MethodDefinition<_troupe_v1_GetValueRequest, _troupe_v1_GetValueReply, _troupe_v1_GetValueRequest__Output, _troupe_v1_GetValueReply__Output>
  ListHeld: MethodDefinition<_troupe_v1_ListHeldRequest, _troupe_v1_ListHeldReply, _troupe_v1_ListHeldRequest__Output, _troupe_v1_ListHeldReply__Output>
  ListNodes: MethodDefinition<_troupe_v1_ListNodesRequest, _troupe_v1_ListNodesReply, _troupe_v1_ListNodesRequest__Output, _troupe_v1_ListNodesReply__Output>
  ListValues: MethodDefinition<_troupe_v1_ListValuesRequest, _troupe_v1_ListValuesReply, _troupe_v1_ListValuesRequest__Output, _troupe_v1_ListValuesReply__Output>
  OpenDecision: MethodDefinition<_troupe_v1_OpenDecisionRequest, _troupe_v1_Decision, _troupe_v1_OpenDecisionRequest__Output, _troupe_v1_Decision__Output>
  PlanPlacement: MethodDefinition<_troupe_v1_PlanPlacementRequest, _troupe_v1_PlanPlacementReply, _troupe_v1_PlanPlacementRequest__Output, _troupe_v1_PlanPlacementReply__Output>
  PublishTopic: MethodDefinition<_troupe_v1_PublishTopicRequest, _troupe_v1_PublishTopicReply, _troupe_v1_PublishTopicRequest__Output, _troupe_v1_PublishTopicReply__Output>
  PutValue: MethodDefinition<_troupe_v1_PutValueRequest, _troupe_v1_PutValueReply, _troupe_v1_PutValueRequest__Output, _troupe_v1_PutValueReply__Output>
  RelayValues: MethodDefinition<_troupe_v1_RelayRequest, _troupe_v1_RelayReply, _troupe_v1_RelayRequest__Output, _troupe_v1_RelayReply__Output>
  ResolveHeld: MethodDefinition<_troupe_v1_ResolveHeldRequest, _troupe_v1_HeldTurn, _troupe_v1_ResolveHeldRequest__Output, _troupe_v1_HeldTurn__Output>
  Send: MethodDefinition<_troupe_v1_SendRequest, _troupe_v1_SendReply, _troupe_v1_SendRequest__Output, _troupe_v1_SendReply__Output>
  StreamEvents: MethodDefinition<_troupe_v1_StreamEventsRequest, _troupe_v1_ClusterUpdate, _troupe_v1_StreamEventsRequest__Output, _troupe_v1_ClusterUpdate__Output>
  SubmitJob: MethodDefinition<_troupe_v1_SubmitJobRequest, _troupe_v1_Job, _troupe_v1_SubmitJobRequest__Output, _troupe_v1_Job__Output>
  SubscribeTopic: MethodDefinition<_troupe_v1_SubscribeTopicRequest, _troupe_v1_TopicNews, _troupe_v1_SubscribeTopicRequest__Output, _troupe_v1_TopicNews__Output>
  Tell: MethodDefinition<_troupe_v1_TellRequest, _troupe_v1_TellReply, _troupe_v1_TellRequest__Output, _troupe_v1_TellReply__Output>
  WatchDecision: MethodDefinition<_troupe_v1_WatchDecisionRequest, _troupe_v1_Decision, _troupe_v1_WatchDecisionRequest__Output, _troupe_v1_Decision__Output>
  WatchJob: MethodDefinition<_troupe_v1_WatchJobRequest, _troupe_v1_JobProgress, _troupe_v1_WatchJobRequest__Output, _troupe_v1_JobProgress__Output>
}
