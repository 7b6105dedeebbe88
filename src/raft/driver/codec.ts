import { TroupeError } from '../../core/index.ts';
import type { RaftMessage } from '../../wire/index.ts';
import type { Configuration, Entry, Message, SnapshotMeta } from '../consensus/index.ts';

/** Types that travel between members; what a member says to its own storage never does. */
const WIRE_TYPES = {
  preVote: 'PRE_VOTE',
  preVoteReply: 'PRE_VOTE_REPLY',
  vote: 'VOTE',
  voteReply: 'VOTE_REPLY',
  append: 'APPEND',
  appendReply: 'APPEND_REPLY',
  heartbeat: 'HEARTBEAT',
  heartbeatReply: 'HEARTBEAT_REPLY',
  snapshot: 'SNAPSHOT',
  timeoutNow: 'TIMEOUT_NOW',
  readIndex: 'READ_INDEX',
  readIndexReply: 'READ_INDEX_REPLY',
  propose: 'PROPOSE',
  transferLeader: 'TRANSFER_LEADER',
} as const;

type WireName = keyof typeof WIRE_TYPES;

const TYPES: ReadonlyMap<string | undefined, WireName> = new Map(
  (Object.keys(WIRE_TYPES) as WireName[]).map((name) => [WIRE_TYPES[name], name]),
);
const NOTHING = Buffer.alloc(0);

/**
 * A message in the form of `proto/troupe/v1/control.proto`.
 *
 * @throws TroupeError INVALID_ARGUMENT for a type that stays within the member
 */
export function toWire(message: Message): RaftMessage {
  if (!(message.type in WIRE_TYPES)) {
    throw new TroupeError('INVALID_ARGUMENT', `a ${message.type} message doesn't leave its member`);
  }
  const wire: RaftMessage = {
    type: WIRE_TYPES[message.type as WireName],
    from: message.from,
    to: message.to,
    term: message.term,
  };
  if (message.index !== undefined) wire.index = message.index;
  if (message.logTerm !== undefined) wire.logTerm = message.logTerm;
  if (message.commit !== undefined) wire.commit = message.commit;
  if (message.entries !== undefined && message.entries.length > 0) wire.entries = message.entries.map(entryToWire);
  if (message.reject === true) wire.reject = true;
  if (message.rejectHint !== undefined) wire.rejectHint = message.rejectHint;
  if (message.force === true) wire.force = true;
  if (message.snapshot !== undefined) wire.snapshot = snapshotToWire(message.snapshot);
  if (message.context !== undefined) wire.context = message.context;
  if (message.lease === true) wire.lease = true;
  return wire;
}

/**
 * The message that `toWire` described. Fields that proto3 leaves out because they hold their default may be absent, null or zero.
 *
 * @throws TroupeError PROTOCOL_VIOLATION when there is no type or no sender, or a snapshot message names no snapshot
 */
export function fromWire(wire: RaftMessage): Message {
  const type = TYPES.get(wire.type);
  if (type === undefined || !wire.from || !wire.to || (type === 'snapshot' && !wire.snapshot)) {
    throw new TroupeError('PROTOCOL_VIOLATION', `${wire.from || 'a peer'} sent a Raft message without what it needs`);
  }
  return {
    type,
    from: wire.from,
    to: wire.to,
    term: wire.term ?? 0,
    ...(wire.index == null ? {} : { index: wire.index }),
    ...(wire.logTerm == null ? {} : { logTerm: wire.logTerm }),
    ...(wire.commit == null ? {} : { commit: wire.commit }),
    ...(type === 'append' ? { entries: (wire.entries ?? []).map(entryFromWire) } : {}),
    ...(wire.reject ? { reject: true } : {}),
    ...(wire.rejectHint == null ? {} : { rejectHint: wire.rejectHint }),
    ...(wire.force ? { force: true } : {}),
    ...(wire.snapshot == null ? {} : { snapshot: snapshotFromWire(wire.snapshot) }),
    ...(wire.context == null ? {} : { context: wire.context }),
    ...(wire.lease ? { lease: true } : {}),
  };
}

function entryToWire(entry: Entry): NonNullable<RaftMessage['entries']>[number] {
  const { data } = entry;
  return {
    term: entry.term,
    index: entry.index,
    config: entry.kind === 'config',
    data: Buffer.from(data.buffer, data.byteOffset, data.byteLength),
  };
}

function entryFromWire(wire: NonNullable<RaftMessage['entries']>[number]): Entry {
  const kind = wire.config ? 'config' : 'normal';
  return { term: wire.term ?? 0, index: wire.index ?? 0, kind, data: wire.data ?? NOTHING };
}

function snapshotToWire(meta: SnapshotMeta): NonNullable<RaftMessage['snapshot']> {
  const { voters, votersOutgoing = [], learners = [], learnersNext = [] } = meta.configuration;
  const configuration = {
    voters: [...voters],
    votersOutgoing: [...votersOutgoing],
    learners: [...learners],
    learnersNext: [...learnersNext],
  };
  return { index: meta.index, term: meta.term, configuration };
}

function snapshotFromWire(wire: NonNullable<RaftMessage['snapshot']>): SnapshotMeta {
  const { voters = [], votersOutgoing = [], learners = [], learnersNext = [] } = wire.configuration ?? {};
  const configuration: Configuration = {
    voters,
    ...(votersOutgoing.length === 0 ? {} : { votersOutgoing }),
    ...(learners.length === 0 ? {} : { learners }),
    ...(learnersNext.length === 0 ? {} : { learnersNext }),
  };
  return { index: wire.index ?? 0, term: wire.term ?? 0, configuration };
}
