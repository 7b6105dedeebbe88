export * from './bytes.ts';
export * from './error-detail.ts';
export type { ErrorDetail__Output as ErrorDetail } from './generated/troupe/v1/ErrorDetail.ts';
export type { RaftMessage__Output as RaftMessage } from './generated/troupe/v1/RaftMessage.ts';
export * from './load.ts';
export * from './payload.ts';
export * from './refs.ts';
export * from './schema.ts';
