// Original file: proto/troupe/v1/control.proto


export interface Chunk {
  'data'?: (Buffer | Uint8Array | string);
}

export interface Chunk__Output {
  'data'?: (Buffer);
}
