// Original file: proto/etcd/etcd.proto


export interface DeleteRangeResponse {
}

export interface DeleteRangeResponse__Output {
}
