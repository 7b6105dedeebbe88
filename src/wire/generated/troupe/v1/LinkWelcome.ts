// Original file: proto/troupe/v1/peer.proto


export interface LinkWelcome {
  'protocol'?: (number);
  'capabilities'?: (string)[];
}

export interface LinkWelcome__Output {
  'protocol'?: (number);
  'capabilities'?: (string)[];
}
