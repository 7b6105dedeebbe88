import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Cargo, HANDOVERS_MAX } from '../../../src/cluster/index.ts';
import type { Commands, Coordinator } from '../../../src/coordinator/index.ts';
import { type Logger, nullLogger, shardOf, TroupeError } from '../../../src/core/index.ts';
import { decodePayload, encodePayload } from '../../../src/wire/index.ts';
import { Bench, GROUP, type MovingNode, tell } from './bench.ts';

let bench: Bench;
afterEach(() => bench.close());

const KEY = 'key';
const SHARD = { group: 'kind', shard: shardOf(KEY, GROUP.shards) };
const NAME = `kind:${SHARD.shard}`;
const cargo = (...values: unknown[]): Cargo['agents'] => [
  { key: KEY, messages: values.map((value) => tell(KEY, value)) },
];
const values = (node: MovingNode): unknown[] => node.tenant.delivered.map(({ payload }) => decodePayload(payload));
const owner = (node: MovingNode): string | undefined => node.map.shard(SHARD)?.owner?.node;

/** What becomes of a transfer: nothing special, no word to the ledger, no word back, or its maker hears nothing any more. */
type Fate = 'passes' | 'never made' | 'made, but unheard' | 'deaf';

/** A coordinator whose transfers meet a fate; everything else goes through. */
function fateful(
  real: () => Coordinator,
  fate: () => Fate,
  deafen: () => void,
): Coordinator & { readonly transfers: string[] } {
  const transfers: string[] = [];
  const lost = new TroupeError('TIMEOUT', 'no answer');
  return {
    transfers,
    execute: async (name, request, options) => {
      if (name !== 'shards.transfer') return real().execute(name, request, options);
      transfers.push((request as Commands['shards.transfer']['request']).to.node);
      const now = fate();
      if (now === 'never made') throw lost;
      if (now === 'deaf') deafen();
      const reply = await real().execute(name, request, options);
      if (now === 'made, but unheard') throw lost;
      return reply;
    },
    query: (name, request, options) => real().query(name, request, options),
    watch: (listener) => real().watch(listener),
    leader: undefined,
    onLeader: () => () => undefined,
  };
}

describe('a live move', () => {
  let from: MovingNode;
  let to: MovingNode;
  let sender: MovingNode;
  let fate: Fate;
  let warnings: string[];
  let coordinator: ReturnType<typeof fateful>;

  beforeEach(async () => {
    bench = await Bench.start();
    fate = 'passes';
    coordinator = fateful(
      () => from.coordinator,
      () => fate,
      () => from.stopWatch(),
    );
    warnings = [];
    const logger: Logger = { ...nullLogger, warn: (line) => warnings.push(line) };
    from = await bench.joinMoving('n1', { coordinator, logger });
    to = await bench.joinMoving('n2');
    sender = await bench.joinMoving('n3');
    await bench.place([SHARD.shard], from);
  });

  const send = (value: unknown): void => void sender.router.send({ kind: 'kind', key: KEY }, tell(KEY, value));

  test('stops, ships, transfers, and the new owner has the mail before anything new', async () => {
    from.tenant.agents.set(NAME, cargo(1, 2));
    await bench.place([SHARD.shard], to);
    send(3);
    await bench.until(() => to.tenant.loaded.length === 1 && values(to).length === 1);
    expect(to.map.shard(SHARD)).toEqual({ ...SHARD, epoch: 2, owner: to.self });
    expect(from.tenant.prepared).toEqual([`${NAME} n2`]);
    expect(to.tenant.loaded[0]?.agents[0]?.messages.map(({ payload }) => decodePayload(payload))).toEqual([1, 2]);
    expect(values(to)).toEqual([3]);
    await bench.until(() => from.handover.moving === 0);
    expect(warnings).toEqual([]);
  });

  test('forwards what comes while it is under way', async () => {
    send(1);
    await bench.until(() => values(from).length === 1);
    const hold = Promise.withResolvers<void>();
    from.tenant.hold = hold.promise;
    await bench.place([SHARD.shard], to);
    await bench.until(() => from.tenant.released.length === 1);
    send(2);
    send(3);
    await bench.clock.advance(50);
    expect(values(from)).toEqual([1]);
    hold.resolve();
    await bench.until(() => values(to).length === 2);
    expect(values(to)).toEqual([2, 3]);
  });

  test('puts everything back when the target dies before the transfer, and moves to the next', async () => {
    from.tenant.agents.set(NAME, cargo(1));
    const hold = Promise.withResolvers<void>();
    from.tenant.hold = hold.promise;
    await bench.place([SHARD.shard], to);
    await bench.until(() => from.tenant.released.length === 1);
    send(2);
    await bench.kill(to);
    hold.resolve();
    await bench.until(() => from.tenant.loaded.length === 1 && values(from).length === 1);
    expect(owner(from)).toBe('n1');
    expect(from.tenant.loaded[0]?.agents).toEqual(cargo(1));
    expect(values(from)).toEqual([2]);
    await bench.place([SHARD.shard], sender);
    await bench.until(() => owner(from) === 'n3');
    expect(sender.tenant.loaded).toHaveLength(1);
  });

  test('puts everything back when the transfer was never made, and tries again', async () => {
    from.tenant.agents.set(NAME, cargo(1));
    fate = 'never made';
    await bench.place([SHARD.shard], to);
    await bench.until(() => from.tenant.loaded.length === 1);
    send(2);
    await bench.until(() => values(from).length === 1);
    fate = 'passes';
    await bench.until(() => owner(to) === 'n2');
    expect(coordinator.transfers.length).toBeGreaterThan(1);
    expect(to.tenant.loaded).toHaveLength(1);
  });

  test('puts nothing back when the transfer was made and its answer lost: the shard is another’s', async () => {
    from.tenant.agents.set(NAME, cargo(1));
    fate = 'made, but unheard';
    await bench.place([SHARD.shard], to);
    send(2);
    await bench.until(() => values(to).length === 1);
    await bench.clock.advance(1_000);
    expect(from.tenant.loaded).toEqual([]);
    expect(to.tenant.loaded).toHaveLength(1);
    expect(values(from)).toEqual([]);
    expect(coordinator.transfers).toEqual(['n2']);
  });

  test('asks the ledger until it answers before it decides what became of a transfer', async () => {
    from.tenant.agents.set(NAME, cargo(1));
    const hold = Promise.withResolvers<void>();
    from.tenant.hold = hold.promise;
    await bench.place([SHARD.shard], to);
    fate = 'never made';
    bench.ledger.shared.hold();
    hold.resolve();
    await bench.clock.advance(12_000);
    expect(from.tenant.loaded).toEqual([]);
    fate = 'passes';
    bench.ledger.shared.release();
    await bench.until(() => owner(to) === 'n2');
    expect(to.tenant.loaded).toHaveLength(1);
  });

  test('leaves no cargo behind at a target that it put back from', async () => {
    from.tenant.agents.set(NAME, cargo(1));
    fate = 'never made';
    await bench.place([SHARD.shard], to);
    await bench.until(() => from.tenant.loaded.length === 1);
    from.handover.close();
    await bench.clock.advance(100);
    await bench.kill(from);
    await bench.place([SHARD.shard], to);
    expect(to.map.shard(SHARD)).toMatchObject({ epoch: 2, owner: { node: 'n2' } });
    expect(to.tenant.loaded).toEqual([]);
  });

  test('lets no mail stand still for a target that can’t answer yet, and moves soon after it can', async () => {
    const deaf = await bench.join('deaf');
    deaf.peers.serve('handover', () => new Promise(() => undefined));
    await bench.place([SHARD.shard], deaf);
    await bench.clock.advance(300);
    send('meanwhile');
    await bench.clock.advance(300);
    expect(values(from)).toEqual(['meanwhile']);
    bench.letMove(deaf);
    await bench.clock.advance(1_500);
    expect(owner(from)).toBe('deaf');
  });

  test('gives up a shard that the ledger has given to another meanwhile', async () => {
    from.tenant.agents.set(NAME, cargo(1));
    const hold = Promise.withResolvers<void>();
    from.tenant.hold = hold.promise;
    await bench.place([SHARD.shard], to);
    await bench.until(() => from.tenant.released.length === 1);
    await bench.settle(sender.coordinator.execute('node.down', { ...from.self, reason: 'paused' }));
    await bench.place([SHARD.shard], sender);
    hold.resolve();
    await bench.clock.advance(15_000);
    expect(from.handover.moving).toBe(0);
    expect(from.tenant.loaded).toEqual([]);
    expect(owner(sender)).toBe('n3');
  });

  test('ships a cargo that no message holds in parts, each agent’s mail whole and in order', async () => {
    const large = (key: string, first: number): Cargo['agents'][number] => ({
      key,
      messages: [0, 1, 2].map((at) => tell(key, new Uint8Array(3 * 1024 * 1024).fill(first + at))),
    });
    from.tenant.agents.set(NAME, [large('a', 1), large('b', 4), ...cargo('s')]);
    const stages: number[] = [];
    const request = from.peers.request.bind(from.peers);
    from.peers.request = (...args) => {
      if (args[3] === 'stage') stages.push(args[4].byteLength);
      return request(...args);
    };
    await bench.place([SHARD.shard], to);
    await bench.until(() => to.tenant.loaded.length === 1);
    const mail = to.tenant.loaded[0]?.agents.map(({ key, messages }) => [
      key,
      messages.map(({ payload }) => decodePayload(payload)).map((value) => (value as Uint8Array)[0] ?? value),
    ]);
    expect(mail).toEqual([
      ['a', [1, 2, 3]],
      ['b', [4, 5, 6]],
      [KEY, ['s']],
    ]);
    expect(stages).toHaveLength(6);
    expect(Math.max(...stages)).toBeLessThan(4 * 1024 * 1024);
  });

  test('takes no part of a cargo whose beginning it hasn’t got', async () => {
    const part = { ...SHARD, epoch: 2, more: true, cargo: { residents: 0, agents: cargo('end') } };
    const staged = from.peers.request(to.self, 'bulk', 'handover', 'stage', encodePayload([part]), 1_000);
    await expect(bench.settle(staged)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('drops cargo that came under an epoch that was skipped', async () => {
    const staged = encodePayload([{ ...SHARD, epoch: 2, cargo: { residents: 1, agents: cargo('stale') } }]);
    await bench.settle(from.peers.request(to.self, 'bulk', 'handover', 'stage', staged, 1_000));
    await bench.place([SHARD.shard], sender);
    await bench.until(() => owner(to) === 'n3');
    await bench.kill(sender);
    await bench.place([SHARD.shard], to);
    expect(to.map.shard(SHARD)).toMatchObject({ epoch: 3, owner: { node: 'n2' } });
    expect(to.tenant.loaded).toEqual([]);
  });

  test('waits while the owner’s own line isn’t open, since lines could wait for each other', async () => {
    send(1);
    await bench.until(() => values(from).length === 1);
    // Node 1 hears nothing of its own transfer, so it can't pass the marker of node 3 on.
    fate = 'deaf';
    await bench.settle(
      sender.coordinator.execute('shards.place', { moves: [{ ...SHARD, epoch: 1, to: sender.self }] }),
    );
    await bench.until(() => owner(sender) === 'n3');
    await bench.settle(sender.coordinator.execute('shards.place', { moves: [{ ...SHARD, epoch: 2, to: to.self }] }));
    await bench.clock.advance(4_000);
    expect(sender.router.line(SHARD).open).toBe(false);
    expect(sender.tenant.released).toEqual([]);
    await bench.until(() => owner(to) === 'n2');
  });

  const endsAt = (turnsUntilMs: number) => () => ({ turnsUntilMs, stepsUntilMs: turnsUntilMs + 100 });

  test('lets no agent stand still for a turn that goes on: it is put off, and tried later', async () => {
    from.tenant.turns = async (limitMs) => {
      from.tenant.turn = limitMs;
      await new Promise<void>((resolve) => void bench.clock.schedule(limitMs, resolve));
    };
    await bench.place([SHARD.shard], to);
    const startedAt = bench.clock.monotonic();
    send('in line');
    await bench.until(() => from.tenant.resumed.length === 1);
    expect(bench.clock.monotonic() - startedAt).toBeLessThan(250);
    expect([from.tenant.paused, values(from), from.tenant.released]).toEqual([[NAME], ['in line'], []]);
    send('while it is put off');
    await bench.until(() => values(from).length === 2);
    from.tenant.turns = async () => undefined;
    from.tenant.turn = 0;
    await bench.until(() => owner(to) === 'n2');
    expect(from.tenant.paused).toEqual([NAME, NAME]);
    expect(warnings).toEqual([]);
  });

  test('cuts a turn off only when turns must end, and gives its step the drain’s time', async () => {
    from.tenant.turn = 201;
    await bench.place([SHARD.shard], to);
    await bench.clock.advance(2_000);
    expect([from.tenant.paused, from.tenant.released]).toEqual([[], []]);
    const until = bench.clock.monotonic() + 500;
    from.handover.drain(endsAt(until), undefined);
    await bench.clock.advance(400);
    expect(from.tenant.released).toEqual([]);
    await bench.clock.advance(300);
    await bench.until(() => owner(to) === 'n2');
    expect(from.tenant.paused).toEqual([]);
    expect(from.tenant.released).toEqual([{ shard: NAME, stepsUntilMs: until + 100 }]);
  });

  test('takes a shard that was put off at once when turns must end', async () => {
    from.tenant.turns = async () => {
      from.tenant.turn = 1;
    };
    await bench.place([SHARD.shard], to);
    await bench.until(() => from.tenant.resumed.length === 1);
    from.handover.drain(endsAt(bench.clock.monotonic()), undefined);
    await bench.clock.advance(150);
    expect(from.tenant.released).toHaveLength(1);
  });

  test('counts agents, messages and pauses for a drain, and only for that', async () => {
    from.tenant.agents.set(NAME, cargo(1, 2));
    await bench.place([SHARD.shard], to);
    await bench.until(() => owner(from) === 'n2' && from.handover.moving === 0);
    const moved = to.handover.drain(endsAt(bench.clock.monotonic() + 5_000), undefined);
    expect(moved).toEqual({ agents: 0, messages: 0, pausesMs: [] });
    await bench.place([SHARD.shard], from);
    await bench.until(() => to.handover.moving === 0 && owner(to) === 'n1');
    expect(moved).toMatchObject({ agents: 1, messages: 2, pausesMs: [expect.any(Number)] });
  });

  test('starts nothing after it was closed, and leaves no timer', async () => {
    from.handover.close();
    await bench.place([SHARD.shard], to);
    await bench.clock.advance(1_000);
    expect(from.tenant.released).toEqual([]);
    expect(owner(from)).toBe('n1');
  });
});

describe('many moves', () => {
  test('are limited in number, the most valuable first', async () => {
    bench = await Bench.start();
    const group = { group: 'kind', shards: HANDOVERS_MAX + 4, placement: {} };
    const from = await bench.joinMoving('n1', {}, [group]);
    const to = await bench.joinMoving('n2', {}, [group]);
    const all = Array.from({ length: group.shards }, (_, i) => i);
    await bench.place(all, from);
    for (const shard of all) {
      from.tenant.agents.set(
        `kind:${shard}`,
        Array.from({ length: shard }, (_, i) => ({ key: `${i}`, messages: [] })),
      );
    }
    const hold = Promise.withResolvers<void>();
    from.tenant.hold = hold.promise;
    await bench.place(all, to);
    await bench.clock.advance(500);
    expect(from.handover.moving).toBe(HANDOVERS_MAX);
    const valuable = all.slice(4).reverse();
    expect(from.tenant.released.map(({ shard }) => shard)).toEqual(valuable.map((i) => `kind:${i}`));
    hold.resolve();
    await bench.until(() => from.handover.moving === 0);
    expect(to.map.shards().every((shard) => shard.owner?.node === 'n2')).toBe(true);
  });
});
