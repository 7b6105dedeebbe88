// Original file: proto/troupe/v1/api.proto


export interface PublishTopicReply {
  'sentToAll'?: (boolean);
}

export interface PublishTopicReply__Output {
  'sentToAll'?: (boolean);
}
