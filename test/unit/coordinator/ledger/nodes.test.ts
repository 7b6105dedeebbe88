import { describe, expect, test } from 'vitest';
import { LedgerDriver, T0 } from './driver.ts';

const state = (driver: LedgerDriver, node: string) =>
  driver.ledger.query('cluster.view', {}).nodes.find((record) => record.node === node);

describe('nodes', () => {
  test('joining again with the same boot id is the same life', () => {
    const driver = new LedgerDriver();
    const first = driver.join('n', 'boot-1');
    expect(driver.join('n', 'boot-1')).toBe(first);
    expect(driver.join('n', 'boot-2')).toBeGreaterThan(first);
  });

  test('a new life ends the earlier one: its shards lose their owner, and watchers hear it go down first', () => {
    const driver = new LedgerDriver();
    const first = driver.join('n', 'boot-1');
    driver.own('n', first);
    driver.events.length = 0;
    const second = driver.join('n', 'boot-2');
    expect(
      driver.events.map((event) => (event.type === 'node' ? [event.node.state, event.node.incarnation] : event.type)),
    ).toEqual(['shards', ['down', first], ['up', second]]);
    expect(driver.shard(0)).toEqual({ group: 'g', shard: 0, epoch: 1 });
    expect(driver.refusal('node.mark', { node: 'n', incarnation: first, state: 'up' })).toBe('NODE_FENCED');
    expect(driver.refusal('node.leave', { node: 'n', incarnation: first })).toBe('NODE_FENCED');
  });

  test('a life that was declared down is fenced for good', () => {
    const driver = new LedgerDriver();
    const incarnation = driver.join('n', 'boot-1');
    driver.run('node.down', { node: 'n', incarnation, reason: 'silent' });
    expect(state(driver, 'n')).toMatchObject({ state: 'down', reason: 'silent' });
    expect(driver.refusal('node.mark', { node: 'n', incarnation, state: 'up' })).toBe('NODE_FENCED');
    expect(driver.refusal('node.leave', { node: 'n', incarnation })).toBe('NODE_FENCED');
    expect(() => driver.join('n', 'boot-1')).toThrow('is down');
    expect(driver.run('node.down', { node: 'n', incarnation, reason: 'again' })).toEqual({});
  });

  test('a drain has a deadline in logged time, and can be taken back', () => {
    const driver = new LedgerDriver();
    const incarnation = driver.join('n');
    const drain = { node: 'n', incarnation, state: 'draining', drainMs: 15_000, reason: 'preemption' } as const;
    expect(driver.run('node.mark', drain)).toEqual({ drainBy: T0 + 15_000 });
    expect(state(driver, 'n')).toMatchObject({ state: 'draining', drainBy: T0 + 15_000, reason: 'preemption' });
    expect(driver.run('node.mark', { node: 'n', incarnation, state: 'up' })).toEqual({});
    expect(state(driver, 'n')).not.toHaveProperty('drainBy');
  });

  test('a mark that expects another state changes nothing: a cordon taken back too late leaves a drain alone', () => {
    const driver = new LedgerDriver();
    const n = { node: 'n', incarnation: driver.join('n') };
    const unCordon = { ...n, state: 'up', expect: 'cordoned' } as const;
    expect(driver.refusal('node.mark', unCordon)).toBe('CONFLICT');
    driver.run('node.mark', { ...n, state: 'cordoned', expect: 'up', reason: 'rebalance recommended' });
    expect(state(driver, 'n')).toMatchObject({ state: 'cordoned', reason: 'rebalance recommended' });
    driver.run('node.mark', unCordon);
    expect(state(driver, 'n')?.state).toBe('up');
    expect(state(driver, 'n')).not.toHaveProperty('reason');
    driver.run('node.mark', { ...n, state: 'draining', drainMs: 5 });
    for (const mark of [unCordon, { ...n, state: 'cordoned', expect: 'up' } as const]) {
      expect(driver.refusal('node.mark', mark)).toBe('CONFLICT');
    }
    expect(state(driver, 'n')?.state).toBe('draining');
  });

  test('leaving is idempotent and keeps the account of the drain', () => {
    const driver = new LedgerDriver();
    const incarnation = driver.join('n');
    const account = { agents: 3, messages: 2, drainMs: 10, pauseMsP50: 1, pauseMsP99: 2 };
    driver.run('node.leave', { node: 'n', incarnation, account });
    expect(driver.run('node.leave', { node: 'n', incarnation })).toEqual({});
    expect(state(driver, 'n')).toMatchObject({ state: 'left', account });
  });

  test('unknown nodes, future lives and bad states are refused', () => {
    const driver = new LedgerDriver();
    const incarnation = driver.join('n');
    expect(driver.refusal('node.mark', { node: 'x', incarnation: 1, state: 'up' })).toBe('NOT_FOUND');
    expect(driver.refusal('node.down', { node: 'n', incarnation: incarnation + 1, reason: 'r' })).toBe('NOT_FOUND');
    expect(driver.refusal('node.mark', { node: 'n', incarnation, state: 'down' })).toBe('INVALID_ARGUMENT');
    expect(driver.refusal('node.mark', { node: 'n', incarnation, state: 'draining' })).toBe('INVALID_ARGUMENT');
    expect(driver.refusal('node.mark', null)).toBe('INVALID_ARGUMENT');
    expect(driver.refusal('node.join', { node: 'm', bootId: 'b' })).toBe('INVALID_ARGUMENT');
  });

  test('all nodes must agree on the number of shards; a wish for placement may change', () => {
    const driver = new LedgerDriver();
    driver.join('n');
    const join = (groups: object[]) => ({
      node: 'm',
      bootId: 'b',
      addresses: { control: 'c', data: 'd', api: 'a' },
      labels: {},
      voter: true,
      groups,
    });
    expect(driver.refusal('node.join', join([{ group: 'g', shards: 8, placement: {} }]))).toBe('ALREADY_EXISTS');
    expect(driver.refusal('node.join', join([{ group: 'g', shards: 0, placement: {} }]))).toBe('INVALID_ARGUMENT');
    // The new group comes first: the refusal of the second takes it back, and nobody hears of it.
    const mixed = [
      { group: 'new', shards: 4, placement: {} },
      { group: 'g', shards: 8, placement: {} },
    ];
    expect(driver.refusal('node.join', join(mixed))).toBe('ALREADY_EXISTS');
    driver.run('node.join', join([{ group: 'g', shards: 4, placement: { prefer: { zone: 'a' } } }]) as never);
    expect(driver.ledger.query('cluster.view', {}).groups).toEqual([
      { group: 'g', shards: 4, placement: { prefer: { zone: 'a' } } },
    ]);
  });

  test('nodes that are gone are kept up to a limit, the oldest go first', () => {
    const driver = new LedgerDriver({ limits: { nodesGoneMax: 1 } });
    for (const node of ['a', 'b', 'c']) {
      const incarnation = driver.join(node);
      if (node !== 'c') driver.run('node.leave', { node, incarnation });
    }
    expect(driver.ledger.query('cluster.view', {}).nodes.map(({ node }) => node)).toEqual(['b', 'c']);
  });
});
