// Original file: proto/troupe/v1/api.proto


export interface ScaledPool {
  'pool'?: (string);
  'min'?: (number);
  'max'?: (number);
  'wanted'?: (number);
  'count'?: (number);
  'up'?: (number);
  'draining'?: (number);
  'open'?: (number | string);
  'waitMs'?: (number | string);
  'lagMs'?: (number | string);
  'why'?: (string);
  'trouble'?: (string);
  '_count'?: "count";
  '_trouble'?: "trouble";
}

export interface ScaledPool__Output {
  'pool'?: (string);
  'min'?: (number);
  'max'?: (number);
  'wanted'?: (number);
  'count'?: (number);
  'up'?: (number);
  'draining'?: (number);
  'open'?: (number);
  'waitMs'?: (number);
  'lagMs'?: (number);
  'why'?: (string);
  'trouble'?: (string);
  '_count'?: "count";
  '_trouble'?: "trouble";
}
