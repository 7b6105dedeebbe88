// Original file: proto/etcd/etcd.proto


export interface LeaseRevokeResponse {
}

export interface LeaseRevokeResponse__Output {
}
