import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SINGLETON_KEY } from '../../../src/agent/index.ts';
import { askerName } from '../../../src/cluster/index.ts';
import { TroupeError } from '../../../src/core/index.ts';
import type { Envelope } from '../../../src/remote/index.ts';
import { encodePayload } from '../../../src/wire/index.ts';
import { joinAgents } from './bench.ts';
import {
  aborted,
  ask,
  began,
  bench,
  busy,
  failing,
  gate,
  gates,
  kinds,
  message,
  one,
  outcomes,
  settle,
  setUp,
  turns,
  two,
} from './notebook.ts';

beforeEach(setUp);
afterEach(() => bench.close());

describe('an agent', () => {
  test('is activated by its first message and leaves memory after it has had nothing to do for a while', async () => {
    await settle(ask('note', 'a', {}, 'brief'));
    expect(one.runtime.residents).toBe(1);
    await bench.clock.advance(1_500);
    await settle(ask('note', 'b', {}, 'brief'));
    await bench.clock.advance(1_500);
    expect(one.runtime.residents).toBe(1);
    await bench.clock.advance(2_000);
    expect(one.runtime.residents).toBe(0);
    expect(await settle(ask('read', undefined, {}, 'brief'))).toEqual(['a', 'b']);
  });

  test('doesn’t leave memory while a turn runs', async () => {
    const { held } = await busy('brief', []);
    await bench.clock.advance(8_000);
    expect(one.runtime.residents).toBe(1);
    gates.get('hold')?.resolve();
    expect(await settle(held)).toBe('hold on n1');
    await bench.clock.advance(4_000);
    expect(one.runtime.residents).toBe(0);
  });

  test('isn’t activated by somebody who takes a request back', async () => {
    const cancel: Envelope = {
      kind: 'cancel',
      to: 'agent:plain/k',
      correlation: 7,
      method: 'read',
      payload: new Uint8Array(0),
    };
    one.runtime.deliver({ kind: 'plain', key: 'k' }, { group: 'plain', shard: 0 }, { ...cancel, requestId: 'r' });
    expect(one.runtime.residents).toBe(0);
  });

  test('is refused when too many are resident, and takes the place of one that left', async () => {
    const three = await joinAgents(bench, 'n3', kinds, { residency: { residentsMax: 2 } });
    await settle(
      one.coordinator.execute('shards.transfer', { fences: [{ group: 'brief', shard: 0, epoch: 1 }], to: three.self }),
    );
    await bench.settled();
    gate('hold');
    const held = ['a', 'b'].map((key) => ask('wait', 'hold', {}, 'brief', key));
    await began(2);
    await expect(settle(ask('note', 'c', {}, 'brief', 'c'))).rejects.toMatchObject({ code: 'OVERLOADED' });
    expect(three.runtime.residents).toBe(2);
    gates.get('hold')?.resolve();
    await settle(Promise.all(held));
    expect(await settle(ask('note', 'c', {}, 'brief', 'c'))).toBe(1);
  });

  test('of a singleton kind is served under its one key only', async () => {
    expect(await settle(ask('note', 'a', {}, 'sole', SINGLETON_KEY))).toBe(1);
    await expect(settle(ask('note', 'a', {}, 'sole', 'k'))).rejects.toMatchObject({ code: 'UNKNOWN_AGENT' });
    expect(one.runtime.residents).toBe(1);
  });

  test('needs a request id with every message: two without one would be taken for the same', async () => {
    const answered: unknown[] = [];
    const correlation = two.peers.expect(undefined, 1_000, (_reply, error) => answered.push(error?.code));
    const from = askerName(two.self);
    const nameless = {
      kind: 'ask',
      to: 'agent:plain/k',
      correlation,
      method: 'note',
      payload: encodePayload('a'),
      from,
    } as const;
    two.links.send(one.self, 'user', nameless);
    await bench.until(() => answered.length > 0);
    expect(answered).toEqual(['PROTOCOL_VIOLATION']);
    expect(turns).toEqual([]);
  });
});

describe('a request', () => {
  test('that comes again while it runs is answered with it, once for each asker', async () => {
    gate('a');
    const asked = [0, 1].map(() => ask('wait', 'a', { requestId: 'same' }));
    asked.push(one.asks.ask({ kind: 'plain', key: 'k' }, 'wait', 'a', { requestId: 'same' }));
    await began(1);
    await bench.clock.advance(50);
    gates.get('a')?.resolve();
    expect(await settle(Promise.all(asked))).toEqual(new Array(3).fill('a on n1'));
    expect(turns).toEqual(['n1 wait a']);
  });

  test('that comes again after it was done gets the recorded reply', async () => {
    expect(await settle(ask('note', 'a', { requestId: 'same' }))).toBe(1);
    expect(await settle(ask('note', 'a', { requestId: 'same' }))).toBe(1);
    expect(await settle(ask('read'))).toEqual(['a']);
  });

  test('that one of two askers takes back goes on for the other, and is aborted when both did', async () => {
    gate('a');
    const stops = [new AbortController(), new AbortController()];
    const asked = stops.map(({ signal }) => ask('wait', 'a', { requestId: 'same', signal }));
    await began(1);
    await bench.clock.advance(50);
    stops[0]?.abort();
    await bench.clock.advance(50);
    expect(aborted).toEqual([]);
    stops[1]?.abort();
    await bench.clock.advance(50);
    expect(aborted).toEqual(['a']);
    expect(await outcomes(asked)).toEqual(['CANCELLED', 'CANCELLED']);
  });

  test('whose first asker’s deadline passes while it waits is still done for one who waits longer', async () => {
    const { held } = await busy('plain', []);
    const asked = [
      ask('note', 'a', { requestId: 'same', timeoutMs: 200 }),
      ask('note', 'a', { requestId: 'same', timeoutMs: 5_000 }),
    ];
    await bench.clock.advance(500);
    gates.get('hold')?.resolve();
    await settle(held);
    expect(await outcomes(asked)).toEqual(['TIMEOUT', 1]);
  });

  test('that nobody asked for, and nobody handled, is a dead letter with the reason; sent again, it is handled', async () => {
    const tell = (method: string, input: unknown, kind = 'plain') => two.asks.tell({ kind, key: 'k' }, method, input);
    const { held } = await busy('reject', []);
    for (const name of ['a', 'b', 'c']) await tell('note', name, 'reject');
    await bench.clock.advance(20);
    const { deadLetters } = one.actors.system;
    const lost = (): unknown[] =>
      deadLetters.recent().map(({ message, to, reason, sender }) => [message, to, reason, sender]);
    const from = askerName(two.self);
    expect(lost()).toMatchObject([[{ method: 'note', input: 'c' }, 'agent:reject/k', 'overflow', from]]);
    gates.get('hold')?.resolve();
    await settle(held);
    expect(one.actors.system.replay(() => true)).toEqual({ accepted: 1, refused: 0 });
    expect(await settle(ask('read', undefined, {}, 'reject'))).toEqual(['a', 'b', 'c']);
    await tell('crash', undefined);
    await tell('note', 7);
    await bench.clock.advance(200);
    expect(lost()).toMatchObject([
      [{ method: 'crash' }, 'agent:plain/k', 'crashed', from],
      [{ method: 'note', input: 7 }, 'agent:plain/k', 'unfit', from],
    ]);
    expect(deadLetters.recent().map(({ error }) => error)).toMatchObject([
      { code: 'HANDLER_FAILED' },
      { code: 'SCHEMA_MISMATCH' },
    ]);
    expect(deadLetters.count).toBe(3);
  });

  test('that a lost node had not acknowledged is a dead letter, and goes to the next owner when it is sent again', async () => {
    bench.network.hole('n2', 'n1');
    for (const name of ['a', 'b']) await two.asks.tell({ kind: 'plain', key: 'k' }, 'note', name);
    const asked = ask('note', 'c');
    await bench.clock.advance(50);
    await bench.kill(one);
    const { deadLetters } = two.actors.system;
    expect(deadLetters.recent()).toMatchObject(
      ['a', 'b'].map((input) => ({ message: { input }, reason: 'unreachable', error: { code: 'NODE_UNAVAILABLE' } })),
    );
    await bench.place([0], two, 'plain');
    expect(await settle(asked)).toBe(1);
    two.actors.system.replay(({ message }) => (message as { input: unknown }).input === 'b');
    expect(await settle(ask('read'))).toEqual(['c', 'b']);
  });

  test('whose deadline passed while it waited isn’t begun', async () => {
    const { held } = await busy('plain', []);
    const asked = ask('note', 'late', { timeoutMs: 100 });
    await bench.clock.advance(300);
    gates.get('hold')?.resolve();
    await settle(held);
    expect(await outcomes([asked])).toEqual(['TIMEOUT']);
    expect(await settle(ask('read'))).toEqual([]);
  });
});

describe('a message', () => {
  test('whose deadline passed while it waited isn’t begun, though nobody took it back', async () => {
    const { held } = await busy('plain', []);
    const from = askerName(two.self);
    const late: Envelope = { ...message('note', 'late'), kind: 'ask', correlation: 7, from, timeoutMs: 100 };
    two.links.send(one.self, 'user', late);
    await bench.clock.advance(300);
    gates.get('hold')?.resolve();
    await settle(held);
    expect(await settle(ask('read'))).toEqual([]);
  });
});

describe('a full mailbox', () => {
  test('refuses the newest, whose asker hears it', async () => {
    const { held, waiting } = await busy('reject', ['a', 'b', 'c']);
    expect(await outcomes([waiting[2] as Promise<unknown>])).toEqual(['MAILBOX_FULL']);
    gates.get('hold')?.resolve();
    expect(await outcomes([held, ...waiting])).toEqual(['hold on n1', 1, 2, 'MAILBOX_FULL']);
  });

  test('drops the oldest that waits, whose asker hears it', async () => {
    const { held, waiting } = await busy('drop-oldest', ['a', 'b', 'c']);
    expect(await outcomes([waiting[0] as Promise<unknown>])).toEqual(['MAILBOX_FULL']);
    gates.get('hold')?.resolve();
    expect(await outcomes([held, ...waiting])).toEqual(['hold on n1', 'MAILBOX_FULL', 1, 2]);
    expect(await settle(ask('read', undefined, {}, 'drop-oldest'))).toEqual(['b', 'c']);
  });

  test('drops the newest, whose asker hears it', async () => {
    const { held, waiting } = await busy('drop-newest', ['a', 'b', 'c']);
    gates.get('hold')?.resolve();
    expect(await outcomes([held, ...waiting])).toEqual(['hold on n1', 1, 2, 'MAILBOX_FULL']);
  });

  test('is full by what its messages carry, too; what would never fit is said to be too large', async () => {
    const { held, waiting } = await busy('light', [
      'a'.repeat(600),
      'b'.repeat(600),
      'c'.repeat(300),
      'd'.repeat(2_000),
    ]);
    const refused = [waiting[1], waiting[3]] as Promise<unknown>[];
    expect(await outcomes(refused)).toEqual(['MAILBOX_FULL', 'MESSAGE_TOO_LARGE']);
    gates.get('hold')?.resolve();
    expect(await outcomes([held, waiting[0]!, waiting[2]!])).toEqual(['hold on n1', 1, 2]);
  });

  test('lets senders wait, and nothing is lost', async () => {
    const { held, waiting } = await busy('backpressure', ['a', 'b', 'c', 'd', 'e']);
    gates.get('hold')?.resolve();
    expect(await outcomes([held, ...waiting])).toEqual(['hold on n1', 1, 2, 3, 4, 5]);
  });

  test('that dropped a request doesn’t take a repetition for the one that waits, and lets the agent leave', async () => {
    const { held } = await busy('drop-oldest', []);
    const first = ask('note', 'a', { requestId: 'same' }, 'drop-oldest');
    await bench.clock.advance(20);
    for (const name of ['b', 'c']) void ask('note', name, {}, 'drop-oldest');
    expect(await outcomes([first])).toEqual(['MAILBOX_FULL']);
    gates.get('hold')?.resolve();
    await settle(held);
    expect(await settle(ask('note', 'a', { requestId: 'same' }, 'drop-oldest'))).toBe(3);
    await bench.clock.advance(62_000);
    expect(one.runtime.residents).toBe(0);
  });
});

describe('a crash', () => {
  test('costs its message only; what waits is served after the restart, from the durable state', async () => {
    await settle(ask('note', 'a'));
    gate('hold');
    const held = ask('wait', 'hold');
    await began(2);
    const asked = [ask('crash'), ask('note', 'b')];
    await bench.clock.advance(20);
    gates.get('hold')?.resolve();
    expect(await outcomes([held, ...asked])).toEqual(['hold on n1', 'HANDLER_FAILED', 2]);
  });

  test('too many in a row put the agent to rest: its messages are refused, and it serves again after that', async () => {
    for (let i = 0; i < 2; i++) await settle(ask('crash', undefined, {}, 'brittle')).catch(() => undefined);
    await expect(settle(ask('note', 'a', {}, 'brittle'))).rejects.toMatchObject({ code: 'ACTOR_TERMINATED' });
    expect(await settle(ask('note', 'a', {}, 'brittle', 'another'))).toBe(1);
    await bench.clock.advance(7_000);
    expect(await settle(ask('note', 'a', {}, 'brittle'))).toBe(1);
  });

  test('too many in a row leave nobody waiting who asked before', async () => {
    gate('hold');
    const held = ask('wait', 'hold', {}, 'brittle');
    await began(1);
    const asked = [
      ask('crash', undefined, {}, 'brittle'),
      ask('crash', undefined, {}, 'brittle'),
      ask('note', 'a', {}, 'brittle'),
    ];
    await bench.clock.advance(20);
    gates.get('hold')?.resolve();
    const startedAt = bench.clock.monotonic();
    expect(await outcomes([held, ...asked])).toEqual([
      'hold on n1',
      'HANDLER_FAILED',
      'HANDLER_FAILED',
      'ACTOR_TERMINATED',
    ]);
    expect(bench.clock.monotonic() - startedAt).toBeLessThan(1_000);
  });

  test('of a temporary agent ends it, and the next message brings another', async () => {
    for (let i = 0; i < 10; i++) await settle(ask('crash', undefined, {}, 'mortal')).catch(() => undefined);
    expect(await settle(ask('note', 'a', {}, 'mortal'))).toBe(1);
  });

  test('isn’t what a sender can cause: unknown messages, bad input and bytes that aren’t a body are refused', async () => {
    const bytes = new Uint8Array([0xc1, 0xff, 0x00]);
    const answered: unknown[] = [];
    for (let i = 0; i < 10; i++) {
      for (const method of ['fly', 'constructor', '__proto__', 'toString']) {
        await expect(settle(two.asks.ask({ kind: 'brittle', key: 'k' }, method, 1))).rejects.toMatchObject({
          code: 'UNKNOWN_MESSAGE',
        });
      }
      await expect(settle(ask('note', 12, {}, 'brittle'))).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
      await expect(settle(ask('tooLong', undefined, {}, 'brittle'))).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
      const correlation = two.peers.expect(undefined, 1_000, (_reply, error) => answered.push(error?.code));
      const from = askerName(two.self);
      const to = 'agent:brittle/k';
      two.links.send(one.self, 'user', {
        kind: 'ask',
        to,
        correlation,
        method: 'note',
        payload: bytes,
        from,
        requestId: `${i}`,
      });
    }
    await bench.until(() => answered.length === 10);
    expect(new Set(answered)).toEqual(new Set(['PROTOCOL_VIOLATION']));
    expect(await settle(ask('note', 'a', {}, 'brittle'))).toBe(1);
  });

  test('or a failed turn leaves no trace in the state, even of one that was changed in place', async () => {
    await settle(ask('note', 'a'));
    await expect(settle(ask('spoil'))).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await settle(ask('read'))).toEqual(['a']);
  });
});

describe('a ledger that can’t be reached', () => {
  test('is asked again, and the asker never hears of it', async () => {
    const error = new TroupeError('TIMEOUT', 'no answer');
    failing.set('journal.read', [error, error]);
    failing.set('journal.append', [error]);
    expect(await settle(ask('note', 'a'))).toBe(1);
    expect(await settle(ask('read'))).toEqual(['a']);
  });

  test('or one that had made a write whose answer was lost does no harm: the turn isn’t done twice', async () => {
    await settle(ask('note', 'a'));
    failing.set('journal.append', [new TroupeError('JOURNAL_CONFLICT', 'the journal is at another version')]);
    expect(await settle(ask('note', 'b'))).toBe(2);
    expect(await settle(ask('read'))).toEqual(['a', 'b']);
  });

  test('tells an asker when it refuses what the agent wrote, and the agent goes on', async () => {
    failing.set('journal.append', [new TroupeError('MESSAGE_TOO_LARGE', 'over the limit')]);
    await expect(settle(ask('note', 'huge'))).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    expect(await settle(ask('note', 'a'))).toBe(1);
  });
});

describe('the runtime', () => {
  test('counts agents and their messages as the value of a shard, and its longest turn', async () => {
    const shard = { group: 'plain', shard: 0 };
    expect([one.runtime.value(shard), one.runtime.turnMs(shard)]).toEqual([0, 0]);
    await busy('plain', ['a', 'b']);
    await bench.clock.advance(300);
    // Nobody else would stand still for that turn.
    expect([one.runtime.value(shard), one.runtime.turnMs(shard)]).toEqual([4, 0]);
    gate('another');
    void ask('wait', 'another', {}, 'plain', 'other');
    await began(2);
    expect(one.runtime.value(shard)).toBe(6);
    expect(one.runtime.turnMs(shard)).toBeGreaterThanOrEqual(300);
    for (const name of ['hold', 'another']) gates.get(name)?.resolve();
    await bench.until(() => turns.length === 4);
    await bench.clock.advance(50);
    expect([one.runtime.value(shard), one.runtime.turnMs(shard)]).toEqual([2, 0]);
  });

  test('ends its agents when it closes, and those who asked ask their next home', async () => {
    const { waiting } = await busy('plain', ['a']);
    waiting.push(ask('obey', undefined, {}, 'brief'));
    await began(2);
    await settle(one.runtime.close(100));
    await bench.clock.advance(20);
    await bench.kill(one);
    await bench.place([0], two, 'plain');
    await bench.place([0], two, 'brief');
    gates.get('hold')?.resolve();
    expect(await outcomes(waiting)).toEqual([1, 'obeyed on n2']);
  });
});
