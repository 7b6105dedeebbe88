// Original file: proto/troupe/v1/api.proto


export interface DeleteValueReply {
}

export interface DeleteValueReply__Output {
}
