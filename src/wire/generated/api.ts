import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { AskReply as _troupe_v1_AskReply, AskReply__Output as _troupe_v1_AskReply__Output } from './troupe/v1/AskReply.ts';
import type { AskRequest as _troupe_v1_AskRequest, AskRequest__Output as _troupe_v1_AskRequest__Output } from './troupe/v1/AskRequest.ts';
import type { Ballot as _troupe_v1_Ballot, Ballot__Output as _troupe_v1_Ballot__Output } from './troupe/v1/Ballot.ts';
import type { CancelJobRequest as _troupe_v1_CancelJobRequest, CancelJobRequest__Output as _troupe_v1_CancelJobRequest__Output } from './troupe/v1/CancelJobRequest.ts';
import type { CastBallotRequest as _troupe_v1_CastBallotRequest, CastBallotRequest__Output as _troupe_v1_CastBallotRequest__Output } from './troupe/v1/CastBallotRequest.ts';
import type { ChangeVotersReply as _troupe_v1_ChangeVotersReply, ChangeVotersReply__Output as _troupe_v1_ChangeVotersReply__Output } from './troupe/v1/ChangeVotersReply.ts';
import type { ChangeVotersRequest as _troupe_v1_ChangeVotersRequest, ChangeVotersRequest__Output as _troupe_v1_ChangeVotersRequest__Output } from './troupe/v1/ChangeVotersRequest.ts';
import type { CloseDecisionRequest as _troupe_v1_CloseDecisionRequest, CloseDecisionRequest__Output as _troupe_v1_CloseDecisionRequest__Output } from './troupe/v1/CloseDecisionRequest.ts';
import type { ClusterEvent as _troupe_v1_ClusterEvent, ClusterEvent__Output as _troupe_v1_ClusterEvent__Output } from './troupe/v1/ClusterEvent.ts';
import type { ClusterEvents as _troupe_v1_ClusterEvents, ClusterEvents__Output as _troupe_v1_ClusterEvents__Output } from './troupe/v1/ClusterEvents.ts';
import type { ClusterUpdate as _troupe_v1_ClusterUpdate, ClusterUpdate__Output as _troupe_v1_ClusterUpdate__Output } from './troupe/v1/ClusterUpdate.ts';
import type { ClusterView as _troupe_v1_ClusterView, ClusterView__Output as _troupe_v1_ClusterView__Output } from './troupe/v1/ClusterView.ts';
import type { Decision as _troupe_v1_Decision, Decision__Output as _troupe_v1_Decision__Output } from './troupe/v1/Decision.ts';
import type { DecisionResult as _troupe_v1_DecisionResult, DecisionResult__Output as _troupe_v1_DecisionResult__Output } from './troupe/v1/DecisionResult.ts';
import type { DeleteValueReply as _troupe_v1_DeleteValueReply, DeleteValueReply__Output as _troupe_v1_DeleteValueReply__Output } from './troupe/v1/DeleteValueReply.ts';
import type { DeleteValueRequest as _troupe_v1_DeleteValueRequest, DeleteValueRequest__Output as _troupe_v1_DeleteValueRequest__Output } from './troupe/v1/DeleteValueRequest.ts';
import type { DrainAccount as _troupe_v1_DrainAccount, DrainAccount__Output as _troupe_v1_DrainAccount__Output } from './troupe/v1/DrainAccount.ts';
import type { DrainNodeRequest as _troupe_v1_DrainNodeRequest, DrainNodeRequest__Output as _troupe_v1_DrainNodeRequest__Output } from './troupe/v1/DrainNodeRequest.ts';
import type { ErrorDetail as _troupe_v1_ErrorDetail, ErrorDetail__Output as _troupe_v1_ErrorDetail__Output } from './troupe/v1/ErrorDetail.ts';
import type { GetDecisionRequest as _troupe_v1_GetDecisionRequest, GetDecisionRequest__Output as _troupe_v1_GetDecisionRequest__Output } from './troupe/v1/GetDecisionRequest.ts';
import type { GetScaleReply as _troupe_v1_GetScaleReply, GetScaleReply__Output as _troupe_v1_GetScaleReply__Output } from './troupe/v1/GetScaleReply.ts';
import type { GetScaleRequest as _troupe_v1_GetScaleRequest, GetScaleRequest__Output as _troupe_v1_GetScaleRequest__Output } from './troupe/v1/GetScaleRequest.ts';
import type { GetStatusReply as _troupe_v1_GetStatusReply, GetStatusReply__Output as _troupe_v1_GetStatusReply__Output } from './troupe/v1/GetStatusReply.ts';
import type { GetStatusRequest as _troupe_v1_GetStatusRequest, GetStatusRequest__Output as _troupe_v1_GetStatusRequest__Output } from './troupe/v1/GetStatusRequest.ts';
import type { GetValueReply as _troupe_v1_GetValueReply, GetValueReply__Output as _troupe_v1_GetValueReply__Output } from './troupe/v1/GetValueReply.ts';
import type { GetValueRequest as _troupe_v1_GetValueRequest, GetValueRequest__Output as _troupe_v1_GetValueRequest__Output } from './troupe/v1/GetValueRequest.ts';
import type { Group as _troupe_v1_Group, Group__Output as _troupe_v1_Group__Output } from './troupe/v1/Group.ts';
import type { HeldPlace as _troupe_v1_HeldPlace, HeldPlace__Output as _troupe_v1_HeldPlace__Output } from './troupe/v1/HeldPlace.ts';
import type { HeldTurn as _troupe_v1_HeldTurn, HeldTurn__Output as _troupe_v1_HeldTurn__Output } from './troupe/v1/HeldTurn.ts';
import type { HomelessKind as _troupe_v1_HomelessKind, HomelessKind__Output as _troupe_v1_HomelessKind__Output } from './troupe/v1/HomelessKind.ts';
import type { ImaginedNode as _troupe_v1_ImaginedNode, ImaginedNode__Output as _troupe_v1_ImaginedNode__Output } from './troupe/v1/ImaginedNode.ts';
import type { Job as _troupe_v1_Job, Job__Output as _troupe_v1_Job__Output } from './troupe/v1/Job.ts';
import type { JobChange as _troupe_v1_JobChange, JobChange__Output as _troupe_v1_JobChange__Output } from './troupe/v1/JobChange.ts';
import type { JobEnd as _troupe_v1_JobEnd, JobEnd__Output as _troupe_v1_JobEnd__Output } from './troupe/v1/JobEnd.ts';
import type { JobHeader as _troupe_v1_JobHeader, JobHeader__Output as _troupe_v1_JobHeader__Output } from './troupe/v1/JobHeader.ts';
import type { JobProgress as _troupe_v1_JobProgress, JobProgress__Output as _troupe_v1_JobProgress__Output } from './troupe/v1/JobProgress.ts';
import type { Leader as _troupe_v1_Leader, Leader__Output as _troupe_v1_Leader__Output } from './troupe/v1/Leader.ts';
import type { LeaderChange as _troupe_v1_LeaderChange, LeaderChange__Output as _troupe_v1_LeaderChange__Output } from './troupe/v1/LeaderChange.ts';
import type { LedgerStats as _troupe_v1_LedgerStats, LedgerStats__Output as _troupe_v1_LedgerStats__Output } from './troupe/v1/LedgerStats.ts';
import type { ListHeldReply as _troupe_v1_ListHeldReply, ListHeldReply__Output as _troupe_v1_ListHeldReply__Output } from './troupe/v1/ListHeldReply.ts';
import type { ListHeldRequest as _troupe_v1_ListHeldRequest, ListHeldRequest__Output as _troupe_v1_ListHeldRequest__Output } from './troupe/v1/ListHeldRequest.ts';
import type { ListNodesReply as _troupe_v1_ListNodesReply, ListNodesReply__Output as _troupe_v1_ListNodesReply__Output } from './troupe/v1/ListNodesReply.ts';
import type { ListNodesRequest as _troupe_v1_ListNodesRequest, ListNodesRequest__Output as _troupe_v1_ListNodesRequest__Output } from './troupe/v1/ListNodesRequest.ts';
import type { ListValuesReply as _troupe_v1_ListValuesReply, ListValuesReply__Output as _troupe_v1_ListValuesReply__Output } from './troupe/v1/ListValuesReply.ts';
import type { ListValuesRequest as _troupe_v1_ListValuesRequest, ListValuesRequest__Output as _troupe_v1_ListValuesRequest__Output } from './troupe/v1/ListValuesRequest.ts';
import type { LogMember as _troupe_v1_LogMember, LogMember__Output as _troupe_v1_LogMember__Output } from './troupe/v1/LogMember.ts';
import type { Members as _troupe_v1_Members, Members__Output as _troupe_v1_Members__Output } from './troupe/v1/Members.ts';
import type { Node as _troupe_v1_Node, Node__Output as _troupe_v1_Node__Output } from './troupe/v1/Node.ts';
import type { NodeLife as _troupe_v1_NodeLife, NodeLife__Output as _troupe_v1_NodeLife__Output } from './troupe/v1/NodeLife.ts';
import type { OpenDecisionRequest as _troupe_v1_OpenDecisionRequest, OpenDecisionRequest__Output as _troupe_v1_OpenDecisionRequest__Output } from './troupe/v1/OpenDecisionRequest.ts';
import type { PlanPlacementReply as _troupe_v1_PlanPlacementReply, PlanPlacementReply__Output as _troupe_v1_PlanPlacementReply__Output } from './troupe/v1/PlanPlacementReply.ts';
import type { PlanPlacementRequest as _troupe_v1_PlanPlacementRequest, PlanPlacementRequest__Output as _troupe_v1_PlanPlacementRequest__Output } from './troupe/v1/PlanPlacementRequest.ts';
import type { PlannedMove as _troupe_v1_PlannedMove, PlannedMove__Output as _troupe_v1_PlannedMove__Output } from './troupe/v1/PlannedMove.ts';
import type { PlannedNode as _troupe_v1_PlannedNode, PlannedNode__Output as _troupe_v1_PlannedNode__Output } from './troupe/v1/PlannedNode.ts';
import type { PositionRange as _troupe_v1_PositionRange, PositionRange__Output as _troupe_v1_PositionRange__Output } from './troupe/v1/PositionRange.ts';
import type { PublishTopicReply as _troupe_v1_PublishTopicReply, PublishTopicReply__Output as _troupe_v1_PublishTopicReply__Output } from './troupe/v1/PublishTopicReply.ts';
import type { PublishTopicRequest as _troupe_v1_PublishTopicRequest, PublishTopicRequest__Output as _troupe_v1_PublishTopicRequest__Output } from './troupe/v1/PublishTopicRequest.ts';
import type { PutValueReply as _troupe_v1_PutValueReply, PutValueReply__Output as _troupe_v1_PutValueReply__Output } from './troupe/v1/PutValueReply.ts';
import type { PutValueRequest as _troupe_v1_PutValueRequest, PutValueRequest__Output as _troupe_v1_PutValueRequest__Output } from './troupe/v1/PutValueRequest.ts';
import type { RelayReply as _troupe_v1_RelayReply, RelayReply__Output as _troupe_v1_RelayReply__Output } from './troupe/v1/RelayReply.ts';
import type { RelayRequest as _troupe_v1_RelayRequest, RelayRequest__Output as _troupe_v1_RelayRequest__Output } from './troupe/v1/RelayRequest.ts';
import type { ResolveHeldRequest as _troupe_v1_ResolveHeldRequest, ResolveHeldRequest__Output as _troupe_v1_ResolveHeldRequest__Output } from './troupe/v1/ResolveHeldRequest.ts';
import type { Ruling as _troupe_v1_Ruling, Ruling__Output as _troupe_v1_Ruling__Output } from './troupe/v1/Ruling.ts';
import type { ScaledPool as _troupe_v1_ScaledPool, ScaledPool__Output as _troupe_v1_ScaledPool__Output } from './troupe/v1/ScaledPool.ts';
import type { SendReply as _troupe_v1_SendReply, SendReply__Output as _troupe_v1_SendReply__Output } from './troupe/v1/SendReply.ts';
import type { SendRequest as _troupe_v1_SendRequest, SendRequest__Output as _troupe_v1_SendRequest__Output } from './troupe/v1/SendRequest.ts';
import type { SettledTask as _troupe_v1_SettledTask, SettledTask__Output as _troupe_v1_SettledTask__Output } from './troupe/v1/SettledTask.ts';
import type { Shard as _troupe_v1_Shard, Shard__Output as _troupe_v1_Shard__Output } from './troupe/v1/Shard.ts';
import type { ShardChange as _troupe_v1_ShardChange, ShardChange__Output as _troupe_v1_ShardChange__Output } from './troupe/v1/ShardChange.ts';
import type { Spending as _troupe_v1_Spending, Spending__Output as _troupe_v1_Spending__Output } from './troupe/v1/Spending.ts';
import type { StreamEventsRequest as _troupe_v1_StreamEventsRequest, StreamEventsRequest__Output as _troupe_v1_StreamEventsRequest__Output } from './troupe/v1/StreamEventsRequest.ts';
import type { SubmitJobRequest as _troupe_v1_SubmitJobRequest, SubmitJobRequest__Output as _troupe_v1_SubmitJobRequest__Output } from './troupe/v1/SubmitJobRequest.ts';
import type { SubscribeTopicRequest as _troupe_v1_SubscribeTopicRequest, SubscribeTopicRequest__Output as _troupe_v1_SubscribeTopicRequest__Output } from './troupe/v1/SubscribeTopicRequest.ts';
import type { TaskOutcome as _troupe_v1_TaskOutcome, TaskOutcome__Output as _troupe_v1_TaskOutcome__Output } from './troupe/v1/TaskOutcome.ts';
import type { TellReply as _troupe_v1_TellReply, TellReply__Output as _troupe_v1_TellReply__Output } from './troupe/v1/TellReply.ts';
import type { TellRequest as _troupe_v1_TellRequest, TellRequest__Output as _troupe_v1_TellRequest__Output } from './troupe/v1/TellRequest.ts';
import type { TopicNews as _troupe_v1_TopicNews, TopicNews__Output as _troupe_v1_TopicNews__Output } from './troupe/v1/TopicNews.ts';
import type { TroupeClient as _troupe_v1_TroupeClient, TroupeDefinition as _troupe_v1_TroupeDefinition } from './troupe/v1/Troupe.ts';
import type { Value as _troupe_v1_Value, Value__Output as _troupe_v1_Value__Output } from './troupe/v1/Value.ts';
import type { WatchDecisionRequest as _troupe_v1_WatchDecisionRequest, WatchDecisionRequest__Output as _troupe_v1_WatchDecisionRequest__Output } from './troupe/v1/WatchDecisionRequest.ts';
import type { WatchJobRequest as _troupe_v1_WatchJobRequest, WatchJobRequest__Output as _troupe_v1_WatchJobRequest__Output } from './troupe/v1/WatchJobRequest.ts';
import type { WorkItem as _troupe_v1_WorkItem, WorkItem__Output as _troupe_v1_WorkItem__Output } from './troupe/v1/WorkItem.ts';
import type { WorkItems as _troupe_v1_WorkItems, WorkItems__Output as _troupe_v1_WorkItems__Output } from './troupe/v1/WorkItems.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  troupe: {
    v1: {
      AskReply: MessageTypeDefinition<_troupe_v1_AskReply, _troupe_v1_AskReply__Output>
      AskRequest: MessageTypeDefinition<_troupe_v1_AskRequest, _troupe_v1_AskRequest__Output>
      Ballot: MessageTypeDefinition<_troupe_v1_Ballot, _troupe_v1_Ballot__Output>
      CancelJobRequest: MessageTypeDefinition<_troupe_v1_CancelJobRequest, _troupe_v1_CancelJobRequest__Output>
      CastBallotRequest: MessageTypeDefinition<_troupe_v1_CastBallotRequest, _troupe_v1_CastBallotRequest__Output>
      ChangeVotersReply: MessageTypeDefinition<_troupe_v1_ChangeVotersReply, _troupe_v1_ChangeVotersReply__Output>
      ChangeVotersRequest: MessageTypeDefinition<_troupe_v1_ChangeVotersRequest, _troupe_v1_ChangeVotersRequest__Output>
      CloseDecisionRequest: MessageTypeDefinition<_troupe_v1_CloseDecisionRequest, _troupe_v1_CloseDecisionRequest__Output>
      ClusterEvent: MessageTypeDefinition<_troupe_v1_ClusterEvent, _troupe_v1_ClusterEvent__Output>
      ClusterEvents: MessageTypeDefinition<_troupe_v1_ClusterEvents, _troupe_v1_ClusterEvents__Output>
      ClusterUpdate: MessageTypeDefinition<_troupe_v1_ClusterUpdate, _troupe_v1_ClusterUpdate__Output>
      ClusterView: MessageTypeDefinition<_troupe_v1_ClusterView, _troupe_v1_ClusterView__Output>
      Decision: MessageTypeDefinition<_troupe_v1_Decision, _troupe_v1_Decision__Output>
      DecisionOutcome: EnumTypeDefinition
      DecisionResult: MessageTypeDefinition<_troupe_v1_DecisionResult, _troupe_v1_DecisionResult__Output>
      DecisionRule: EnumTypeDefinition
      DeleteValueReply: MessageTypeDefinition<_troupe_v1_DeleteValueReply, _troupe_v1_DeleteValueReply__Output>
      DeleteValueRequest: MessageTypeDefinition<_troupe_v1_DeleteValueRequest, _troupe_v1_DeleteValueRequest__Output>
      DrainAccount: MessageTypeDefinition<_troupe_v1_DrainAccount, _troupe_v1_DrainAccount__Output>
      DrainNodeRequest: MessageTypeDefinition<_troupe_v1_DrainNodeRequest, _troupe_v1_DrainNodeRequest__Output>
      ErrorDetail: MessageTypeDefinition<_troupe_v1_ErrorDetail, _troupe_v1_ErrorDetail__Output>
      GetDecisionRequest: MessageTypeDefinition<_troupe_v1_GetDecisionRequest, _troupe_v1_GetDecisionRequest__Output>
      GetScaleReply: MessageTypeDefinition<_troupe_v1_GetScaleReply, _troupe_v1_GetScaleReply__Output>
      GetScaleRequest: MessageTypeDefinition<_troupe_v1_GetScaleRequest, _troupe_v1_GetScaleRequest__Output>
      GetStatusReply: MessageTypeDefinition<_troupe_v1_GetStatusReply, _troupe_v1_GetStatusReply__Output>
      GetStatusRequest: MessageTypeDefinition<_troupe_v1_GetStatusRequest, _troupe_v1_GetStatusRequest__Output>
      GetValueReply: MessageTypeDefinition<_troupe_v1_GetValueReply, _troupe_v1_GetValueReply__Output>
      GetValueRequest: MessageTypeDefinition<_troupe_v1_GetValueRequest, _troupe_v1_GetValueRequest__Output>
      Group: MessageTypeDefinition<_troupe_v1_Group, _troupe_v1_Group__Output>
      HeldPlace: MessageTypeDefinition<_troupe_v1_HeldPlace, _troupe_v1_HeldPlace__Output>
      HeldTurn: MessageTypeDefinition<_troupe_v1_HeldTurn, _troupe_v1_HeldTurn__Output>
      HomelessKind: MessageTypeDefinition<_troupe_v1_HomelessKind, _troupe_v1_HomelessKind__Output>
      ImaginedNode: MessageTypeDefinition<_troupe_v1_ImaginedNode, _troupe_v1_ImaginedNode__Output>
      Job: MessageTypeDefinition<_troupe_v1_Job, _troupe_v1_Job__Output>
      JobChange: MessageTypeDefinition<_troupe_v1_JobChange, _troupe_v1_JobChange__Output>
      JobEnd: MessageTypeDefinition<_troupe_v1_JobEnd, _troupe_v1_JobEnd__Output>
      JobHeader: MessageTypeDefinition<_troupe_v1_JobHeader, _troupe_v1_JobHeader__Output>
      JobProgress: MessageTypeDefinition<_troupe_v1_JobProgress, _troupe_v1_JobProgress__Output>
      JobState: EnumTypeDefinition
      Leader: MessageTypeDefinition<_troupe_v1_Leader, _troupe_v1_Leader__Output>
      LeaderChange: MessageTypeDefinition<_troupe_v1_LeaderChange, _troupe_v1_LeaderChange__Output>
      LedgerStats: MessageTypeDefinition<_troupe_v1_LedgerStats, _troupe_v1_LedgerStats__Output>
      ListHeldReply: MessageTypeDefinition<_troupe_v1_ListHeldReply, _troupe_v1_ListHeldReply__Output>
      ListHeldRequest: MessageTypeDefinition<_troupe_v1_ListHeldRequest, _troupe_v1_ListHeldRequest__Output>
      ListNodesReply: MessageTypeDefinition<_troupe_v1_ListNodesReply, _troupe_v1_ListNodesReply__Output>
      ListNodesRequest: MessageTypeDefinition<_troupe_v1_ListNodesRequest, _troupe_v1_ListNodesRequest__Output>
      ListValuesReply: MessageTypeDefinition<_troupe_v1_ListValuesReply, _troupe_v1_ListValuesReply__Output>
      ListValuesRequest: MessageTypeDefinition<_troupe_v1_ListValuesRequest, _troupe_v1_ListValuesRequest__Output>
      LogMember: MessageTypeDefinition<_troupe_v1_LogMember, _troupe_v1_LogMember__Output>
      Members: MessageTypeDefinition<_troupe_v1_Members, _troupe_v1_Members__Output>
      Node: MessageTypeDefinition<_troupe_v1_Node, _troupe_v1_Node__Output>
      NodeLife: MessageTypeDefinition<_troupe_v1_NodeLife, _troupe_v1_NodeLife__Output>
      NodeState: EnumTypeDefinition
      OpenDecisionRequest: MessageTypeDefinition<_troupe_v1_OpenDecisionRequest, _troupe_v1_OpenDecisionRequest__Output>
      PlanPlacementReply: MessageTypeDefinition<_troupe_v1_PlanPlacementReply, _troupe_v1_PlanPlacementReply__Output>
      PlanPlacementRequest: MessageTypeDefinition<_troupe_v1_PlanPlacementRequest, _troupe_v1_PlanPlacementRequest__Output>
      PlannedMove: MessageTypeDefinition<_troupe_v1_PlannedMove, _troupe_v1_PlannedMove__Output>
      PlannedNode: MessageTypeDefinition<_troupe_v1_PlannedNode, _troupe_v1_PlannedNode__Output>
      PositionRange: MessageTypeDefinition<_troupe_v1_PositionRange, _troupe_v1_PositionRange__Output>
      PublishTopicReply: MessageTypeDefinition<_troupe_v1_PublishTopicReply, _troupe_v1_PublishTopicReply__Output>
      PublishTopicRequest: MessageTypeDefinition<_troupe_v1_PublishTopicRequest, _troupe_v1_PublishTopicRequest__Output>
      PutValueReply: MessageTypeDefinition<_troupe_v1_PutValueReply, _troupe_v1_PutValueReply__Output>
      PutValueRequest: MessageTypeDefinition<_troupe_v1_PutValueRequest, _troupe_v1_PutValueRequest__Output>
      RelayReply: MessageTypeDefinition<_troupe_v1_RelayReply, _troupe_v1_RelayReply__Output>
      RelayRequest: MessageTypeDefinition<_troupe_v1_RelayRequest, _troupe_v1_RelayRequest__Output>
      ResolveHeldRequest: MessageTypeDefinition<_troupe_v1_ResolveHeldRequest, _troupe_v1_ResolveHeldRequest__Output>
      Ruling: MessageTypeDefinition<_troupe_v1_Ruling, _troupe_v1_Ruling__Output>
      ScaledPool: MessageTypeDefinition<_troupe_v1_ScaledPool, _troupe_v1_ScaledPool__Output>
      SendReply: MessageTypeDefinition<_troupe_v1_SendReply, _troupe_v1_SendReply__Output>
      SendRequest: MessageTypeDefinition<_troupe_v1_SendRequest, _troupe_v1_SendRequest__Output>
      SettledTask: MessageTypeDefinition<_troupe_v1_SettledTask, _troupe_v1_SettledTask__Output>
      Shard: MessageTypeDefinition<_troupe_v1_Shard, _troupe_v1_Shard__Output>
      ShardChange: MessageTypeDefinition<_troupe_v1_ShardChange, _troupe_v1_ShardChange__Output>
      Spending: MessageTypeDefinition<_troupe_v1_Spending, _troupe_v1_Spending__Output>
      StreamEventsRequest: MessageTypeDefinition<_troupe_v1_StreamEventsRequest, _troupe_v1_StreamEventsRequest__Output>
      SubmitJobRequest: MessageTypeDefinition<_troupe_v1_SubmitJobRequest, _troupe_v1_SubmitJobRequest__Output>
      SubscribeTopicRequest: MessageTypeDefinition<_troupe_v1_SubscribeTopicRequest, _troupe_v1_SubscribeTopicRequest__Output>
      TaskOutcome: MessageTypeDefinition<_troupe_v1_TaskOutcome, _troupe_v1_TaskOutcome__Output>
      TellReply: MessageTypeDefinition<_troupe_v1_TellReply, _troupe_v1_TellReply__Output>
      TellRequest: MessageTypeDefinition<_troupe_v1_TellRequest, _troupe_v1_TellRequest__Output>
      TopicNews: MessageTypeDefinition<_troupe_v1_TopicNews, _troupe_v1_TopicNews__Output>
      Troupe: SubtypeConstructor<typeof grpc.Client, _troupe_v1_TroupeClient> & { service: _troupe_v1_TroupeDefinition }
      Value: MessageTypeDefinition<_troupe_v1_Value, _troupe_v1_Value__Output>
      VoterChange: EnumTypeDefinition
      WatchDecisionRequest: MessageTypeDefinition<_troupe_v1_WatchDecisionRequest, _troupe_v1_WatchDecisionRequest__Output>
      WatchJobRequest: MessageTypeDefinition<_troupe_v1_WatchJobRequest, _troupe_v1_WatchJobRequest__Output>
      WorkItem: MessageTypeDefinition<_troupe_v1_WorkItem, _troupe_v1_WorkItem__Output>
      WorkItems: MessageTypeDefinition<_troupe_v1_WorkItems, _troupe_v1_WorkItems__Output>
    }
  }
}

