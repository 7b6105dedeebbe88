// Original file: proto/troupe/v1/api.proto


export interface SubscribeTopicRequest {
  'topic'?: (string);
}

export interface SubscribeTopicRequest__Output {
  'topic'?: (string);
}
