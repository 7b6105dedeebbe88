import fc from 'fast-check';
import { encodeAction, encodeBatch, encodeCommand, stampEntry } from '../../../../src/coordinator/codec.ts';
import type { LogEntry } from '../../../../src/coordinator/index.ts';
import { shardOf } from '../../../../src/core/index.ts';
import { bytes, T0 } from './driver.ts';

/** One command of a random history: mostly sensible, often stale, sometimes nonsense. */
const small = (max: number) => fc.integer({ min: 0, max });
const pick = (...values: string[]) => fc.constantFrom(...values);
const node = pick('n1', 'n2', 'n3');
const id = pick('1', '2', '3');
const ref = fc.record({ node, incarnation: small(30) });
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
  fc.tuple(ref, pick('up', 'cordoned', 'draining')).map(([r, state]) => ['node.mark', { ...r, state, drainMs: 5 }]),
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
    .tuple(keyed, small(4), fc.boolean())
    .map(([where, version, snap]) => [
      'journal.append',
      { ...where, version, records: [bytes('r')], ...(snap ? { snapshot: bytes('s') } : {}) },
    ]),
  fc.constantFrom(['no.such', {}], ['node.join', null], ['task.claim', 7], ['journal.append', { fence: {} }]),
);

/**
 * Random logs: sessions come and expire, commands repeat and arrive out of order, time jumps, some entries are no-ops. Entry 1
 * opens session 1, entry 2 session 2.
 */
export const logs: fc.Arbitrary<readonly LogEntry[]> = fc
  .array(
    fc.record({
      session: fc.integer({ min: 0, max: 3 }),
      seqs: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 3 }),
      acked: small(10),
      actions: fc.array(action, { minLength: 3, maxLength: 3 }),
      passes: fc.integer({ min: -5, max: 30 }),
      noop: fc.integer({ min: 0, max: 9 }),
    }),
    { minLength: 5, maxLength: 60 },
  )
  .map((steps) => {
    let now = T0;
    const opened = [1, 2].map((index) => {
      const open = encodeCommand(0, encodeAction('session.open', { idleMs: 400 }));
      return { index, term: 1, data: stampEntry(now, encodeBatch(0, 0, [open])) };
    });
    const rest = steps.map(({ session, seqs, acked, actions, passes, noop }, i) => {
      now += passes;
      const commands = seqs.map((seq, at) => {
        const [name, request] = actions[at] as [string, unknown];
        return encodeCommand(seq, encodeAction(name, request));
      });
      const data = noop === 0 ? new Uint8Array(0) : stampEntry(now, encodeBatch(session, acked, commands));
      return { index: i + 3, term: 1 + Math.floor(i / 10), data };
    });
    return [...opened, ...rest];
  });
