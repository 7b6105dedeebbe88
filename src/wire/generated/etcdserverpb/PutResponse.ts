// Original file: proto/etcd/etcd.proto


export interface PutResponse {
}

export interface PutResponse__Output {
}
