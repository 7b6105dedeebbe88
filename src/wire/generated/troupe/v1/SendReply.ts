// Original file: proto/troupe/v1/api.proto


export interface SendReply {
}

export interface SendReply__Output {
}
