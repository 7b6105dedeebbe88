import { describe, expect, test } from 'vitest';
import { encodeAction, encodeBatch, encodeCommand, readReply } from '../../../../src/coordinator/codec.ts';
import { LedgerDriver, T0 } from './driver.ts';

const open = (id: string) =>
  encodeAction('decision.open', {
    id,
    question: 'ship?',
    electors: ['a', 'b'],
    rule: 'majority',
    quorum: 0,
    earlyStop: true,
    deadlineMs: 10_000,
  });

describe.each([false, true])('sessions, each entry committed: %s', (commits) => {
  test('a command that arrives again is applied once and answered alike', () => {
    const driver = new LedgerDriver({}, commits);
    const batch = encodeBatch(driver.session, 0, [encodeCommand(1, open('d'))]);
    const first = driver.push(batch);
    driver.now += 1_000;
    const events = driver.events.length;
    expect(driver.push(batch)).toEqual(first);
    expect(driver.events).toHaveLength(events);
    expect(driver.ledger.query('decision.get', { id: 'd' }).closesAt).toBe(T0 + 10_000);
  });

  test('a refusal is recorded too: it stays one, even when the command would work later', () => {
    const driver = new LedgerDriver({}, commits);
    const cast = encodeAction('decision.cast', { id: 'd', ballot: { member: 'a', choice: 'yes' } });
    const batch = encodeBatch(driver.session, 0, [encodeCommand(1, cast)]);
    const first = driver.push(batch);
    driver.push(encodeBatch(driver.session, 0, [encodeCommand(2, open('d'))]));
    expect(driver.push(batch)).toEqual(first);
    expect(driver.ledger.query('decision.get', { id: 'd' }).ballots).toEqual([]);
  });

  test('commands may arrive out of order', () => {
    const driver = new LedgerDriver({}, commits);
    driver.push(encodeBatch(driver.session, 0, [encodeCommand(2, open('second'))]));
    driver.push(encodeBatch(driver.session, 0, [encodeCommand(1, open('first'))]));
    expect(driver.ledger.query('decision.list', { prefix: '', limit: 10 }).decisions.map(({ id }) => id)).toEqual([
      'first',
      'second',
    ]);
  });

  test('a command that the client has given up is refused, not applied', () => {
    const driver = new LedgerDriver({}, commits);
    driver.push(encodeBatch(driver.session, 3, []));
    const [late] = driver.push(encodeBatch(driver.session, 0, [encodeCommand(2, open('late'))]));
    expect(readReply(late)).toMatchObject({ refusal: { code: 'SESSION_EXPIRED' } });
    expect(() => driver.ledger.query('decision.get', { id: 'late' })).toThrow('no decision');
  });

  test('recorded replies are bounded by the window', () => {
    const driver = new LedgerDriver({ limits: { sessionWindow: 2 } }, commits);
    const commands = [1, 2, 3].map((seq) => encodeCommand(seq, open(`d${seq}`)));
    const replies = driver.push(encodeBatch(driver.session, 0, commands)).map(readReply);
    expect(replies[2]).toMatchObject({ refusal: { code: 'OVERLOADED' } });
    const [again] = driver.push(encodeBatch(driver.session, 1, [encodeCommand(3, open('d3'))])).map(readReply);
    expect(again).toHaveProperty('reply');
  });

  test('a session that was idle for too long is forgotten, one that said a word is not', () => {
    const driver = new LedgerDriver({}, commits);
    driver.tick(59_999);
    driver.push(encodeBatch(driver.session, 0, []));
    driver.tick(59_999);
    expect(driver.refusal('job.open', { id: 'j', spec: new Uint8Array() })).toBe('ACCEPTED');
    driver.tick(60_000);
    expect(driver.refusal('job.open', { id: 'j', spec: new Uint8Array() })).toBe('SESSION_EXPIRED');
  });

  test('an unknown session, an unknown command and a command without a session are refused', () => {
    const driver = new LedgerDriver({}, commits);
    expect(driver.refusal('no.such', {})).toBe('INVALID_ARGUMENT');
    expect(driver.refusal('toString', {})).toBe('INVALID_ARGUMENT');
    expect(() => driver.apply(0, 'job.open', { id: 'j', spec: new Uint8Array() })).toThrow('needs a session');
    driver.session = 999;
    expect(driver.refusal('job.open', { id: 'j', spec: new Uint8Array() })).toBe('SESSION_EXPIRED');
  });

  test('sessions are bounded', () => {
    const driver = new LedgerDriver({ limits: { sessionsMax: 1 } }, commits);
    expect(() => driver.apply(0, 'session.open', { idleMs: 1 })).toThrow('too many sessions');
    driver.tick(60_000);
    expect(driver.apply(0, 'session.open', { idleMs: 1 })).toHaveProperty('session');
  });

  test('logged time never goes back', () => {
    const driver = new LedgerDriver({}, commits);
    driver.now -= 50_000;
    driver.run('decision.open', {
      id: 'd',
      question: 'q',
      electors: ['a'],
      rule: 'plurality',
      quorum: 0,
      earlyStop: false,
      deadlineMs: 1_000,
    });
    expect(driver.ledger.query('decision.get', { id: 'd' }).closesAt).toBe(T0 + 1_000);
  });

  test('an entry that is not one is refused on every voter alike and changes nothing', () => {
    const driver = new LedgerDriver({}, commits);
    const data = new Uint8Array([1, 2, 3]);
    const [reply] = driver.ledger.apply([{ index: driver.ledger.appliedIndex + 1, term: 1, data }]);
    expect(reply?.byteLength).toBeGreaterThan(0);
  });
});
