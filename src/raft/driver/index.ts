export { fromWire, toWire } from './codec.ts';
export { openRaftMember } from './open.ts';
export type { RaftMemberOptions } from './options.ts';
export type { BarrierOptions, Committed, ProposeOptions, RaftMember, RaftTransport, StateMachine } from './port.ts';
