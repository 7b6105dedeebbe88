// Original file: proto/troupe/v1/api.proto


export interface TellReply {
}

export interface TellReply__Output {
}
