// Original file: proto/troupe/v1/control.proto

export const RaftMessageType = {
  RAFT_MESSAGE_TYPE_UNSPECIFIED: 'RAFT_MESSAGE_TYPE_UNSPECIFIED',
  PRE_VOTE: 'PRE_VOTE',
  PRE_VOTE_REPLY: 'PRE_VOTE_REPLY',
  VOTE: 'VOTE',
  VOTE_REPLY: 'VOTE_REPLY',
  APPEND: 'APPEND',
  APPEND_REPLY: 'APPEND_REPLY',
  HEARTBEAT: 'HEARTBEAT',
  HEARTBEAT_REPLY: 'HEARTBEAT_REPLY',
  SNAPSHOT: 'SNAPSHOT',
  TIMEOUT_NOW: 'TIMEOUT_NOW',
  READ_INDEX: 'READ_INDEX',
  READ_INDEX_REPLY: 'READ_INDEX_REPLY',
  PROPOSE: 'PROPOSE',
  TRANSFER_LEADER: 'TRANSFER_LEADER',
} as const;

export type RaftMessageType =
  | 'RAFT_MESSAGE_TYPE_UNSPECIFIED'
  | 0
  | 'PRE_VOTE'
  | 1
  | 'PRE_VOTE_REPLY'
  | 2
  | 'VOTE'
  | 3
  | 'VOTE_REPLY'
  | 4
  | 'APPEND'
  | 5
  | 'APPEND_REPLY'
  | 6
  | 'HEARTBEAT'
  | 7
  | 'HEARTBEAT_REPLY'
  | 8
  | 'SNAPSHOT'
  | 9
  | 'TIMEOUT_NOW'
  | 10
  | 'READ_INDEX'
  | 11
  | 'READ_INDEX_REPLY'
  | 12
  | 'PROPOSE'
  | 13
  | 'TRANSFER_LEADER'
  | 14

export type RaftMessageType__Output = typeof RaftMessageType[keyof typeof RaftMessageType]
