// Original file: proto/troupe/v1/api.proto


export interface PublishTopicRequest {
  'topic'?: (string);
  'payload'?: (Buffer | Uint8Array | string);
}

export interface PublishTopicRequest__Output {
  'topic'?: (string);
  'payload'?: (Buffer);
}
