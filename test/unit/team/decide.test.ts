import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defineAgent } from '../../../src/agent/index.ts';
import { TroupeError } from '../../../src/core/index.ts';
import { type DecideOptions, team } from '../../../src/team/index.ts';
import { type AgentNode, joinAgents } from '../agent/bench.ts';
import { Bench } from '../cluster/bench.ts';

/** How members vote, by key; those without one wait until they are aborted. */
let votes: Map<string, () => { choice?: string; reason?: string }>;
/** Turns that began and that were aborted. */
let begun: string[];
let aborted: string[];

const member = defineAgent('member', {
  state: () => 0,
  shards: 1,
  messages: {},
  handlers: {},
  supervision: { intensity: 100 },
  vote(ctx, request) {
    const { key } = ctx.address;
    begun.push(`${key} ${request.question} ${String(request.subject)}`);
    const vote = votes.get(key);
    if (vote !== undefined) return vote();
    return new Promise((_resolve, reject) => {
      ctx.signal.addEventListener(
        'abort',
        () => {
          aborted.push(key);
          reject(ctx.signal.reason);
        },
        { once: true },
      );
    });
  },
});
const mute = defineAgent('mute', { state: () => 0, shards: 1, messages: {}, handlers: {} });

let bench: Bench;
let node: AgentNode;

beforeEach(async () => {
  votes = new Map();
  begun = [];
  aborted = [];
  bench = await Bench.start();
  node = await joinAgents(bench, 'n1', [member, mute]);
  await bench.place([0], node, 'member');
  await bench.place([0], node, 'mute');
});
afterEach(() => bench.close());

const panel = () => team(node.host, 'panel', { members: [member], size: 3 });
const decide = (options: Partial<DecideOptions> = {}) =>
  bench.settle(panel().decide({ id: 'd', question: 'which?', options: ['yes', 'no'], ...options }));
const cast = (...choices: (string | undefined)[]): void => {
  for (const [i, choice] of choices.entries())
    votes.set(`panel-${i + 1}`, () => (choice === undefined ? {} : { choice }));
};

describe('a team', () => {
  test('of a kind has members named after it; of addresses has those', () => {
    expect(panel().members.map(({ key }) => key)).toEqual(['panel-1', 'panel-2', 'panel-3']);
    const mixed = team(node.host, 'mixed', { members: [member, { kind: 'member', key: 'boss' }], size: 2 });
    expect(mixed.members.map(({ key }) => key)).toEqual(['mixed-1', 'mixed-2', 'boss']);
  });

  test.each([
    ['nobody', []],
    [
      'somebody twice',
      [
        { kind: 'member', key: 'a' },
        { kind: 'member', key: 'a' },
      ],
    ],
  ])('can’t be made of %s', (_what, members) => {
    expect(() => team(node.host, 'odd', { members })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

describe('a decision', () => {
  test('asks every member, with the subject, and gives the result that the ledger committed', async () => {
    cast('yes', 'no', 'yes');
    const record = await decide({ subject: 'left-pad', earlyStop: false });
    expect(record.result).toMatchObject({ outcome: 'decided', choice: 'yes', tally: { yes: 2, no: 1 } });
    expect(record.ballots.map(({ member: who }) => who).toSorted()).toEqual([
      'member/panel-1',
      'member/panel-2',
      'member/panel-3',
    ]);
    expect(begun.toSorted()).toEqual(['panel-1 which? left-pad', 'panel-2 which? left-pad', 'panel-3 which? left-pad']);
  });

  test('that is certain early is closed then, and the votes that are still thought about are aborted', async () => {
    cast('yes', 'yes');
    const startedAt = bench.clock.monotonic();
    const record = await decide();
    expect(record.result).toMatchObject({ outcome: 'decided', choice: 'yes' });
    expect(bench.clock.monotonic() - startedAt).toBeLessThan(1_000);
    await bench.clock.advance(50);
    expect(aborted).toEqual(['panel-3']);
  });

  test('for which every vote fails is closed at once, not at its deadline', async () => {
    for (let i = 1; i <= 3; i++) {
      votes.set(`panel-${i}`, () => {
        throw new RangeError('no idea');
      });
    }
    const startedAt = bench.clock.monotonic();
    const record = await decide({ deadlineMs: 60_000 });
    expect(record.result?.outcome).toBe('no-quorum');
    expect(bench.clock.monotonic() - startedAt).toBeLessThan(5_000);
  });

  test('of members that can’t vote is closed at once', async () => {
    const silent = team(node.host, 'silent', { members: [mute], size: 2 });
    const record = await bench.settle(silent.decide({ question: 'which?' }));
    expect(record.result?.outcome).toBe('no-quorum');
  });

  test('counts a failed member as one that gave no ballot', async () => {
    cast('yes', 'yes');
    votes.set('panel-3', () => {
      throw new TroupeError('NOT_FOUND', 'no evidence');
    });
    const record = await decide({ earlyStop: false });
    expect(record.result).toMatchObject({ outcome: 'decided', choice: 'yes', tally: { yes: 2 } });
  });

  test('lets members abstain', async () => {
    cast('yes', undefined, undefined);
    const record = await decide({ rule: 'plurality', quorum: 1, earlyStop: false });
    expect(record.result).toMatchObject({ outcome: 'decided', choice: 'yes', tally: { yes: 1 } });
    expect(record.ballots).toHaveLength(3);
  });

  test('closes at its deadline with what there is', async () => {
    cast('yes');
    const startedAt = bench.clock.monotonic();
    const record = await decide({ deadlineMs: 2_000 });
    const tookMs = bench.clock.monotonic() - startedAt;
    expect(tookMs).toBeGreaterThanOrEqual(1_990);
    expect(tookMs).toBeLessThan(4_000);
    expect(record.result).toMatchObject({ outcome: 'expired', tally: { yes: 1 } });
    await bench.clock.advance(50);
    expect(aborted.toSorted()).toEqual(['panel-2', 'panel-3']);
  });

  test('asked again under its id gives the recorded result, and nobody votes again', async () => {
    cast('yes', 'yes', 'yes');
    const first = await decide();
    begun = [];
    cast('no', 'no', 'no');
    expect((await decide()).result).toEqual(first.result);
    expect(begun).toEqual([]);
  });

  test('asked at once by two under one id is one decision', async () => {
    cast('yes', 'no', 'yes');
    const [first, second] = await Promise.all([decide(), decide()]);
    expect(first.result).toEqual(second.result);
    expect(first.result).toMatchObject({ choice: 'yes' });
  });

  test('under an id that asks something else is refused', async () => {
    cast('yes', 'yes', 'yes');
    await decide();
    await expect(decide({ question: 'something else?' })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  });

  test('whose member has voted in an earlier run keeps that ballot, and the member doesn’t crash over it', async () => {
    const fence = { group: 'member', shard: 0, epoch: 1 };
    const electors = ['member/panel-1', 'member/panel-2', 'member/panel-3'];
    const terms = {
      id: 'd',
      question: 'which?',
      options: ['yes', 'no'],
      electors,
      rule: 'majority',
      quorum: 1,
    } as const;
    await bench.settle(node.coordinator.execute('decision.open', { ...terms, earlyStop: false, deadlineMs: 10_000 }));
    const ballot = { member: 'member/panel-1', choice: 'no' };
    await bench.settle(node.coordinator.execute('decision.cast', { id: 'd', ballot, fence }));
    cast('yes', 'no', 'yes');
    const record = await decide({ earlyStop: false });
    expect(record.result).toMatchObject({ choice: 'no', tally: { yes: 1, no: 2 } });
  });

  test('ends with CANCELLED for a turn that is aborted, and leaves nothing waiting', async () => {
    const stop = new AbortController();
    const host = {
      ...node.host,
      decisionClosed: (id: string, signal?: AbortSignal) =>
        node.host.decisionClosed(id, AbortSignal.any([stop.signal, ...(signal === undefined ? [] : [signal])])),
    };
    const deciding = team(host, 'panel', { members: [member], size: 3 }).decide({ question: 'which?' });
    deciding.catch(() => undefined);
    await bench.until(() => begun.length === 3);
    stop.abort();
    await expect(bench.settle(deciding)).rejects.toMatchObject({ code: 'CANCELLED' });
    await bench.clock.advance(100);
    expect(aborted.toSorted()).toEqual(['panel-1', 'panel-2', 'panel-3']);
  });
});
