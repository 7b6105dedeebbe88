// Original file: proto/etcd/etcd.proto


export interface CompactionResponse {
}

export interface CompactionResponse__Output {
}
