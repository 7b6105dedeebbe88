// Original file: proto/troupe/v1/error.proto


export interface ErrorDetail {
  'code'?: (string);
  'message'?: (string);
  'address'?: (string);
  'retryable'?: (boolean);
  'data'?: ({[key: string]: string});
  'cause'?: (string);
  'numbers'?: ({[key: string]: number | string});
  'flags'?: ({[key: string]: boolean});
  'causeName'?: (string);
}

export interface ErrorDetail__Output {
  'code'?: (string);
  'message'?: (string);
  'address'?: (string);
  'retryable'?: (boolean);
  'data'?: ({[key: string]: string});
  'cause'?: (string);
  'numbers'?: ({[key: string]: number});
  'flags'?: ({[key: string]: boolean});
  'causeName'?: (string);
}
