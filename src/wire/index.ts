export type { RaftMessage__Output as RaftMessage } from './generated/troupe/v1/RaftMessage.ts';
