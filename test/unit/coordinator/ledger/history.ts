import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { encodeAction, encodeBatch, encodeCommand, stampEntry } from '../../../../src/coordinator/codec.ts';
import { LEDGER_LIMITS, type LogEntry } from '../../../../src/coordinator/index.ts';
import { shardOf } from '../../../../src/core/index.ts';
import { bytes, T0 } from './driver.ts';

/** A blob in two parts of the usual size. */
const PART = LEDGER_LIMITS.blobPartBytes;
const BLOB = new Uint8Array(PART + 3);
const BLOB_ID = createHash('sha256').update(BLOB).digest('hex');

/** One command of a random history: mostly sensible, often stale, sometimes nonsense. */
const small = (max: number) => fc.integer({ min: 0, max });
const pick = (...values: string[]) => fc.constantFrom(...values);
const node = pick('n1', 'n2', 'n3');
const id = pick('1', '2', '3');
// The prefix of a log joins n1 at index 3 and n2 at index 4.
const ref = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom({ node: 'n1', incarnation: 3 }, { node: 'n2', incarnation: 4 }) },
  { weight: 1, arbitrary: fc.record({ node, incarnation: small(30) }) },
);
const key = pick('k1', 'k2', 'k3', 'k4');
const fence = fc.record({ group: fc.constant('g'), shard: small(3), epoch: small(4) });
const keyed = fc
  .tuple(key, small(4))
  .map(([k, epoch]) => ({ key: k, fence: { group: 'g', shard: shardOf(k, 4), epoch } }));

const action = fc.oneof(
  fc.tuple(node, id).map(([name, boot]) => [
    'node.join',
    {
      node: name,
      bootId: boot,
      addresses: { control: 'c', data: 'd', api: 'a' },
      labels: {},
      voter: false,
      groups: [{ group: 'g', shards: 4, placement: {} }],
    },
  ]),
  fc
    .tuple(ref, pick('up', 'cordoned', 'draining'), fc.constantFrom(undefined, 'up', 'cordoned'))
    .map(([r, state, expect]) => [
      'node.mark',
      { ...r, state, drainMs: 5, ...(expect === undefined ? {} : { expect }) },
    ]),
  ref.map((r) => ['node.leave', r]),
  ref.map((r) => ['node.down', { ...r, reason: 'r' }]),
  fc
    .array(fc.record({ group: fc.constant('g'), shard: small(4), epoch: small(4), to: ref }), { maxLength: 6 })
    .map((moves) => ['shards.place', { moves }]),
  fc.tuple(fc.array(fence, { maxLength: 2 }), ref).map(([fences, to]) => ['shards.transfer', { fences, to }]),
  fc
    .tuple(id, small(3))
    .map(([name, quorum]) => [
      'decision.open',
      { id: name, question: 'q', electors: ['a', 'b', 'c'], rule: 'majority', quorum, earlyStop: true, deadlineMs: 50 },
    ]),
  fc
    .tuple(id, pick('a', 'b', 'c'), pick('x', 'y'))
    .map(([name, member, choice]) => ['decision.cast', { id: name, ballot: { member, choice } }]),
  id.map((name) => ['decision.close', { id: name }]),
  id.map((name) => ['job.open', { id: name, spec: bytes('') }]),
  fc
    .tuple(id, fc.array(pick('t1', 't2', 't3')), fc.boolean())
    .map(([name, tasks, seal]) => [
      'job.add',
      { id: name, items: tasks.map((task) => ({ id: task, input: bytes(task) })), seal },
    ]),
  fc.tuple(id, small(3)).map(([name, limit]) => ['task.claim', { job: name, by: 'w', limit, leaseMs: 20 }]),
  fc
    .tuple(id, pick('t1', 't2', 't3'), small(3), fc.boolean())
    .map(([name, task, claimEpoch, ok]) => [
      'task.settle',
      { job: name, outcomes: [{ task, claimEpoch, ok, result: bytes('r') }] },
    ]),
  fc.tuple(id, fc.boolean()).map(([name, cancelled]) => ['job.close', { id: name, cancelled }]),
  fc
    .tuple(keyed, small(4), fc.boolean(), fc.option(small(2), { nil: undefined }))
    .map(([where, version, snap, wake]) => [
      'journal.append',
      { ...where, version, records: [bytes('r')], wake, ...(snap ? { snapshot: bytes('s') } : {}) },
    ]),
  fc.tuple(keyed, small(4)).map(([where, version]) => ['journal.delete', { ...where, version }]),
  fc
    .tuple(keyed, small(4), fc.boolean(), fc.option(small(3), { nil: undefined }), fc.boolean())
    .map(([where, version, snap, historyFrom, naming]) => [
      'journal.append',
      {
        ...where,
        version,
        records: [bytes('r')],
        history: [bytes('h')],
        historyFrom,
        ...(naming ? { blobs: [BLOB_ID] } : {}),
        ...(snap ? { snapshot: bytes('s') } : {}),
      },
    ]),
  fc.tuple(small(1), fc.boolean()).map(([part, right]) => [
    'blob.put',
    {
      id: BLOB_ID,
      size: BLOB.byteLength,
      part,
      bytes: right ? BLOB.subarray(part * PART, (part + 1) * PART) : bytes(''),
    },
  ]),
  fc
    .tuple(key, fc.option(small(9), { nil: undefined }), small(3))
    .map(([k, version, size]) => ['kv.put', { key: k, value: new Uint8Array(size), expect: version }]),
  fc
    .tuple(key, fc.option(small(9), { nil: undefined }))
    .map(([k, version]) => ['kv.delete', { key: k, expect: version }]),
  fc.constantFrom(['no.such', {}], ['node.join', null], ['task.claim', 7], ['journal.append', { fence: {} }]),
);

function joining(name: string): [string, unknown] {
  const addresses = { control: 'c', data: 'd', api: 'a' };
  const groups = [{ group: 'g', shards: 4, placement: {} }];
  return ['node.join', { node: name, bootId: '1', addresses, labels: {}, voter: false, groups }];
}

const placing: [string, unknown] = [
  'shards.place',
  { moves: [0, 1, 2, 3].map((shard) => ({ group: 'g', shard, epoch: 0, to: { node: 'n1', incarnation: 3 } })) },
];

/**
 * Random logs: sessions come and expire, commands repeat and arrive out of order, time jumps, some entries are no-ops. Entries 1
 * and 2 open sessions of these names, 3 to 5 join two nodes and give one of them the shards.
 */
export const logs: fc.Arbitrary<readonly LogEntry[]> = fc
  .array(
    fc.record({
      session: fc.constantFrom(1, 1, 1, 2, 2, 2, 0, 3),
      // How far from the next number a command's is: mostly it is the next, sometimes a repetition or out of order.
      skews: fc.array(fc.constantFrom(0, 0, 0, 0, 0, 0, -1, -2, 2), { minLength: 1, maxLength: 3 }),
      lag: small(20),
      actions: fc.array(action, { minLength: 3, maxLength: 3 }),
      passes: fc.integer({ min: -5, max: 20 }),
      noop: fc.integer({ min: 0, max: 9 }),
    }),
    { minLength: 5, maxLength: 80 },
  )
  .map((steps) => {
    let now = T0;
    const next = [1, 1, 1, 1];
    const entries: LogEntry[] = [];
    const push = (session: number, acked: number, commands: Uint8Array[]): void => {
      const data = stampEntry(now, encodeBatch(session, acked, commands));
      entries.push({ index: entries.length + 1, term: 1, data });
    };
    for (let i = 0; i < 2; i++) push(0, 0, [encodeCommand(0, encodeAction('session.open', { idleMs: 400 }))]);
    for (const [name, request] of [joining('n1'), joining('n2'), placing]) {
      push(1, 0, [encodeCommand(next[1] as number, encodeAction(name, request))]);
      next[1] = (next[1] as number) + 1;
    }
    for (const { session, skews, lag, actions, passes, noop } of steps) {
      now += passes;
      const commands = skews.map((skew, at) => {
        const [name, request] = actions[at] as [string, unknown];
        const seq = Math.max(1, (next[session] as number) + skew);
        if (skew === 0) next[session] = seq + 1;
        return encodeCommand(seq, encodeAction(name, request));
      });
      if (noop > 0) push(session, Math.max(0, (next[session] as number) - 5 - lag), commands);
      else entries.push({ index: entries.length + 1, term: 1 + Math.floor(now / 10), data: new Uint8Array(0) });
    }
    return entries;
  });
