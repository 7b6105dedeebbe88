import { afterEach, describe, expect, test } from 'vitest';
import { connectApi } from '../../../src/api/index.ts';
import { troupeService } from '../../../src/api/schema.ts';
import { fromEvents, toEvents } from '../../../src/api/update-message.ts';
import { nullLogger, nullTracer, systemClock } from '../../../src/core/index.ts';
import { encodePayload } from '../../../src/wire/index.ts';
import { startVoter } from './voter.ts';

const open: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const parts = { clock: systemClock, logger: nullLogger, tracer: nullTracer };

/** One voter with an API port, on whose ledger a turn of `payer/a/1` is held. */
async function cluster() {
  const voter = await startVoter();
  open.push(() => voter.close());
  const { coordinator, ledger, api } = voter;
  const addresses = { control: '', data: '', api: '' };
  const group = { group: 'payer', shards: 1, placement: {} };
  const joining = { node: 'a', bootId: 'b', addresses, labels: {}, voter: true, groups: [group] };
  const { incarnation } = await coordinator.execute('node.join', joining);
  const to = { node: 'a', incarnation };
  await coordinator.execute('shards.place', { moves: [{ group: 'payer', shard: 0, epoch: 0, to }] });
  const fence = { group: 'payer', shard: 0, epoch: 1 };
  const held = { fence, key: 'a/1', request: 'r', step: 'pay', idempotencyKey: 'order-7', message: new Uint8Array(1) };
  const { hold } = await coordinator.execute('held.place', held);
  const run = (...argv: string[]): Promise<string> => voter.run('held', ...argv);
  return { run, hold: String(hold), ledger, address: api.address };
}

describe('troupe held', () => {
  test('lists what waits, and settles it', async () => {
    const { run, hold, ledger } = await cluster();
    expect(await run('list')).toMatch(new RegExp(`payer/a/1 +${hold} +pay +order-7 +2`));
    expect(await run('resolve', 'payer/a/1', hold, '--done', '{"id":7}')).toBe('pay of payer/a/1 (request r): done');
    expect(await run('list', '--json')).toContain('"ruling":{"type":"done","value":{"id":7}}');
    expect(ledger.query('held.list', { limit: 1, ruled: true }).held).toHaveLength(1);
    await expect(run('resolve', 'payer/a/1', hold, '--retry')).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    await expect(run('resolve', 'payer/b', hold, '--retry')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('wants one ruling, and says so', async () => {
    const { run, hold } = await cluster();
    for (const said of [[], ['--retry', '--fail', 'no'], ['--done', 'no json'], ['--done', 'null', '--retry']])
      await expect(run('resolve', 'payer/a/1', hold, ...said)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await run('resolve', 'payer/a/1', hold, '--fail', 'no cover', '--json')).toContain('"reason":"no cover"');
  });

  test('through a client: a ruling arrives as it was given', async () => {
    const { hold, address } = await cluster();
    const client = connectApi({ addresses: () => [address], ...parts });
    open.push(() => client.close());
    const place = { kind: 'payer', key: 'a/1', hold: Number(hold) };
    const turn = await client.held.resolve(place, { type: 'done', value: undefined });
    expect(turn).toMatchObject({ ...place, requestId: 'r', idempotencyKey: 'order-7', over: false });
    expect(turn.ruling).toEqual({ type: 'done', value: undefined });
    expect(await Array.fromAsync(client.held.list())).toEqual([turn]);
  });

  test('is an event like others, also with its ruling', () => {
    const held = {
      group: 'payer',
      key: 'a/1',
      hold: 9,
      request: 'r',
      step: 'pay',
      idempotencyKey: 'order-7',
      since: 1_700_000_000_000,
      over: false,
    };
    const done = { type: 'done', value: encodePayload({ id: 7 }) } as const;
    const rulings = [undefined, done, { type: 'retry' }, { type: 'fail', reason: 'no' }] as const;
    const stamp = { index: 9, term: 2, time: 1_700_000_000_001 };
    const events = rulings.map((ruling) => ({
      ...stamp,
      type: 'held' as const,
      held: { ...held, ...(ruling && { ruling }) },
    }));
    const { responseSerialize, responseDeserialize } = troupeService.StreamEvents;
    const arrived = responseDeserialize(responseSerialize(toEvents(9, events)));
    expect(fromEvents(arrived.events as never)).toEqual(events);
  });
});
