import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import type { Message } from '../../../../src/raft/consensus/index.ts';
import { fromWire, toWire } from '../../../../src/raft/driver/index.ts';
import type { RaftMessage } from '../../../../src/wire/index.ts';

const root = new protobuf.Root();
root.resolvePath = (_origin, target) => (target.startsWith('proto/') ? target : `proto/${target}`);
root.loadSync('troupe/v1/control.proto');
const Wire = root.lookupType('troupe.v1.RaftMessage');

/** Through the bytes of the real schema, with the options that the transport uses. */
function overTheWire(message: Message): Message {
  const bytes = Wire.encode(Wire.fromObject(toWire(message))).finish();
  const options = { longs: Number, enums: String, oneofs: true } as const;
  return fromWire(Wire.toObject(Wire.decode(bytes), options) as RaftMessage);
}

const head = { from: 'n1', to: 'n2', term: 7 } as const;
const joint = { voters: ['n1', 'n2'], votersOutgoing: ['n3'], learners: ['n4'], learnersNext: ['n3'] };
const meta = { index: 9, term: 3, configuration: joint };

const messages: Message[] = [
  { ...head, type: 'preVote', index: 0, logTerm: 0 },
  { ...head, type: 'preVoteReply', reject: true },
  { ...head, type: 'vote', index: 12, logTerm: 6, force: true },
  { ...head, type: 'voteReply' },
  {
    ...head,
    type: 'append',
    index: 2 ** 40,
    logTerm: 0,
    commit: 0,
    entries: [
      { term: 7, index: 1, kind: 'normal', data: Buffer.from('a') },
      { term: 7, index: 2, kind: 'config', data: Buffer.from('b') },
      { term: 7, index: 3, kind: 'normal', data: Buffer.alloc(0) },
    ],
  },
  { ...head, type: 'append', index: 3, logTerm: 2, commit: 1, entries: [] },
  { ...head, type: 'appendReply', index: 0, reject: true, rejectHint: 0, logTerm: 0 },
  { ...head, type: 'heartbeat', commit: 4 },
  { ...head, type: 'heartbeat', commit: 4, context: 0 },
  { ...head, type: 'heartbeat', commit: 4, context: 1, lease: true },
  { ...head, type: 'heartbeatReply', context: 2 ** 47 },
  { ...head, type: 'heartbeatReply', context: 1, lease: true },
  { ...head, type: 'snapshot', snapshot: meta },
  { ...head, type: 'snapshot', snapshot: { index: 1, term: 1, configuration: { voters: ['n1'] } } },
  { ...head, type: 'timeoutNow' },
  { ...head, type: 'readIndex', context: 3 },
  { ...head, type: 'readIndexReply', context: 3, index: 8 },
  { ...head, term: 0, type: 'transferLeader' },
];

describe('codec', () => {
  test.each(messages)('$type comes out as it went in', (message) => {
    expect(overTheWire(message)).toEqual(message);
  });

  test('what stays within a member does not leave it', () => {
    const own = { ...head, type: 'storageAppendReply', index: 1 } as const;
    expect(() => toWire(own)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  test('a message without type, sender or snapshot is refused', () => {
    for (const wire of [
      { from: 'n1', to: 'n2' },
      { type: 'RAFT_MESSAGE_TYPE_UNSPECIFIED', from: 'n1', to: 'n2' },
      { type: 'VOTE', to: 'n2' },
      { type: 'SNAPSHOT', from: 'n1', to: 'n2' },
    ] as RaftMessage[]) {
      expect(() => fromWire(wire)).toThrow(expect.objectContaining({ code: 'PROTOCOL_VIOLATION' }));
    }
  });
});
