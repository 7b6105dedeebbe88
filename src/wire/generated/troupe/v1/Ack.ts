// Original file: proto/troupe/v1/control.proto


export interface Ack {
}

export interface Ack__Output {
}
