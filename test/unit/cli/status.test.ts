import { describe, expect, test } from 'vitest';
import { formatDecision } from '../../../src/cli/commands/decide.ts';
import { formatStatus } from '../../../src/cli/commands/status.ts';
import { node } from './fakes.ts';

describe('what commands print', () => {
  test('status: nodes by id with role, shards and what happened to them', () => {
    const account = { agents: 12, messages: 0, drainMs: 2_100, pauseMsP50: 1, pauseMsP99: 2 };
    const text = formatStatus({
      cluster: 'c',
      leader: { node: 'b', term: 7 },
      view: {
        index: 9,
        nodes: [
          node('c', { state: 'left', reason: 'notice', account }),
          node('b', { voter: true, labels: { capacity: 'on-demand' } }),
          node('a', { addresses: { control: '', data: '', api: '127.0.0.1:9' } }),
        ],
        groups: [],
        shards: [
          { group: 'k', shard: 0, epoch: 1, owner: { node: 'a', incarnation: 1 } },
          { group: 'k', shard: 1, epoch: 1 },
        ],
      },
      stats: {
        index: 1_234,
        ballots: 30,
        decisions: 10,
        tasksCompleted: 1_000,
        journalRecords: 0,
        puts: 0,
        values: 0,
        valueBytes: 0,
      },
    });
    expect(text.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
      'cluster c: b leads in term 7, log index 1234',
      '10 decisions, 30 ballots, 1,000 tasks',
      '',
      'NODE STATE ROLE SHARDS LABELS API',
      'a up worker 1 - 127.0.0.1:9',
      'b up leader 0 capacity=on-demand -',
      'c left worker 0 - - notice; 12 agents moved in 2 s',
    ]);
  });

  test('decide: the outcome, and what each elector said', () => {
    const text = formatDecision({
      id: 'd',
      question: '?',
      electors: ['a/1', 'a/2', 'a/3'],
      rule: 'majority',
      quorum: 1,
      earlyStop: true,
      closesAt: 0,
      ballots: [{ member: 'a/1', choice: 'yes', reason: 'sure' }, { member: 'a/2' }],
      result: { outcome: 'tie', tally: { yes: 1 }, index: 5, term: 2, epoch: 1 },
    });
    expect(text).toBe('tie (log index 5, term 2, epoch 1)\na/1  yes       sure\na/2  abstains\na/3  -');
  });
});
