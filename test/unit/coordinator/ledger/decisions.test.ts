import { describe, expect, test } from 'vitest';
import type { Commands } from '../../../../src/coordinator/index.ts';
import { LedgerDriver, T0 } from './driver.ts';

const spec = (changes: Partial<Commands['decision.open']['request']> = {}): Commands['decision.open']['request'] => ({
  id: 'd',
  question: 'ship?',
  options: ['yes', 'no'],
  electors: ['a', 'b', 'c'],
  rule: 'majority',
  quorum: 0,
  earlyStop: true,
  deadlineMs: 10_000,
  ...changes,
});

const cast = (driver: LedgerDriver, member: string, choice?: string) =>
  driver.run('decision.cast', { id: 'd', ballot: choice === undefined ? { member } : { member, choice } });

describe('decisions', () => {
  test('closes as soon as the rest cannot change it, once, with where and when', () => {
    const driver = new LedgerDriver();
    driver.run('decision.open', spec());
    expect(cast(driver, 'a', 'yes').result).toBeUndefined();
    const { result } = cast(driver, 'b', 'yes');
    expect(result).toEqual({
      outcome: 'decided',
      choice: 'yes',
      tally: { yes: 2 },
      index: driver.ledger.appliedIndex,
      term: 1,
      epoch: 1,
    });
    expect(driver.refusal('decision.cast', { id: 'd', ballot: { member: 'c', choice: 'no' } })).toBe('DECISION_CLOSED');
    expect(driver.run('decision.close', { id: 'd' }).result).toEqual(result);
  });

  test('without early stop it waits for the last ballot', () => {
    const driver = new LedgerDriver();
    driver.run('decision.open', spec({ earlyStop: false }));
    cast(driver, 'a', 'yes');
    expect(cast(driver, 'b', 'yes').result).toBeUndefined();
    expect(cast(driver, 'c', 'no').result).toMatchObject({ choice: 'yes', tally: { yes: 2, no: 1 } });
  });

  test('closes at its deadline, by logged time alone', () => {
    const driver = new LedgerDriver();
    driver.run('decision.open', spec({ quorum: 2 }));
    cast(driver, 'a', 'yes');
    expect(driver.ledger.dueAt).toBe(T0 + 10_000);
    driver.tick(9_999);
    expect(driver.ledger.query('decision.get', { id: 'd' }).result).toBeUndefined();
    driver.tick(1);
    expect(driver.ledger.query('decision.get', { id: 'd' }).result).toMatchObject({ outcome: 'no-quorum' });
    expect(driver.events.at(-1)).toMatchObject({ type: 'decision', time: T0 + 10_000 });
  });

  test('any command that carries the time closes it before it acts', () => {
    const driver = new LedgerDriver();
    driver.run('decision.open', spec());
    driver.now += 10_000;
    expect(driver.refusal('decision.cast', { id: 'd', ballot: { member: 'a', choice: 'yes' } })).not.toBe('ACCEPTED');
    expect(driver.ledger.query('decision.get', { id: 'd' }).result).toMatchObject({ outcome: 'expired' });
  });

  test('a ballot repeated is the same ballot; another one is refused, also after the close', () => {
    const driver = new LedgerDriver();
    driver.run('decision.open', spec());
    cast(driver, 'a', 'yes');
    expect(cast(driver, 'a', 'yes').ballots).toHaveLength(1);
    expect(driver.refusal('decision.cast', { id: 'd', ballot: { member: 'a', choice: 'no' } })).toBe('ALREADY_EXISTS');
    expect(driver.refusal('decision.cast', { id: 'd', ballot: { member: 'a' } })).toBe('ALREADY_EXISTS');
    cast(driver, 'b', 'yes');
    expect(cast(driver, 'a', 'yes').result).toMatchObject({ choice: 'yes' });
    expect(driver.ledger.query('ledger.stats', {})).toMatchObject({ ballots: 2, decisions: 1 });
  });

  test('only electors vote, only for options, only under a current fence', () => {
    const driver = new LedgerDriver();
    driver.own('n', driver.join('n'));
    driver.run('decision.open', spec());
    const ballot = { member: 'a', choice: 'yes' };
    expect(driver.refusal('decision.cast', { id: 'd', ballot: { member: 'x', choice: 'yes' } })).toBe(
      'INVALID_ARGUMENT',
    );
    expect(driver.refusal('decision.cast', { id: 'd', ballot: { member: 'a', choice: 'maybe' } })).toBe(
      'INVALID_ARGUMENT',
    );
    expect(driver.refusal('decision.cast', { id: 'x', ballot })).toBe('NOT_FOUND');
    const fence = { group: 'g', shard: 0, epoch: 0 };
    expect(driver.refusal('decision.cast', { id: 'd', ballot, fence })).toBe('STALE_EPOCH');
    expect(driver.refusal('decision.cast', { id: 'd', ballot, fence: { ...fence, epoch: 1 } })).toBe('ACCEPTED');
  });

  test('opening is idempotent for the same terms and refused for others', () => {
    const driver = new LedgerDriver();
    const opened = driver.run('decision.open', spec());
    driver.now += 5;
    expect(driver.run('decision.open', spec({ deadlineMs: 99 }))).toEqual(opened);
    expect(driver.refusal('decision.open', spec({ question: 'other?' }))).toBe('ALREADY_EXISTS');
    for (const bad of [
      { electors: [] },
      { electors: ['a', 'a'] },
      { quorum: 4 },
      { quorum: -1 },
      { deadlineMs: 0 },
      { id: '' },
      { rule: 'first' as never },
      { options: [] },
      { question: 7 as never },
    ]) {
      expect(driver.refusal('decision.open', spec({ id: 'bad', ...bad }))).toBe('INVALID_ARGUMENT');
    }
  });

  test('closed decisions are kept up to a limit; open ones are bounded', () => {
    const driver = new LedgerDriver({ limits: { decisionsClosedMax: 2, decisionsOpenMax: 1 } });
    for (const id of ['1', '2', '3']) {
      driver.run('decision.open', spec({ id }));
      driver.run('decision.cast', { id, ballot: { member: 'a', choice: 'yes' } });
      expect(driver.refusal('decision.open', spec({ id: 'one more' }))).toBe('OVERLOADED');
      driver.run('decision.close', { id });
    }
    const { decisions } = driver.ledger.query('decision.list', { prefix: '', limit: 10 });
    expect(decisions.map(({ id, result }) => [id, result?.epoch])).toEqual([
      ['2', 2],
      ['3', 3],
    ]);
    expect(driver.run('decision.open', spec({ id: '1' })).ballots).toEqual([]);
  });

  test('lists by prefix, page by page', () => {
    const driver = new LedgerDriver();
    for (const id of ['a/1', 'a/2', 'a/3', 'b/1']) driver.run('decision.open', spec({ id }));
    const page = (after?: string) =>
      driver.ledger
        .query('decision.list', { prefix: 'a/', limit: 2, ...(after ? { after } : {}) })
        .decisions.map(({ id }) => id);
    expect(page()).toEqual(['a/1', 'a/2']);
    expect(page('a/2')).toEqual(['a/3']);
    expect(page('a/3')).toEqual([]);
  });
});
