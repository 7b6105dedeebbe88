import { describe, expect, test } from 'vitest';
import { nullLogger, SeededRandom } from '../../../../src/core/index.ts';
import { MemoryNetwork } from '../../../../src/remote/index.ts';
import { ManualClock } from '../../../../src/testkit/clock.ts';

const world = (): { readonly clock: ManualClock; readonly network: MemoryNetwork } => {
  const clock = new ManualClock();
  return { clock, network: new MemoryNetwork({ clock, random: new SeededRandom(1) }) };
};

describe('memory network', () => {
  test('frames take as long as the network says, and keep their order when it changes its mind', async () => {
    const { clock, network } = world();
    const got: [number, number][] = [];
    const address = await network.transport('b').listen('b:0', (connection) => {
      connection.onFrame((frame) => got.push([frame[0]!, clock.monotonic()]));
    });
    const connection = network.transport('a').dial(address, 'user');
    await clock.settle();
    network.delayMs = 30;
    const frame = Uint8Array.from([1]);
    connection.write(frame);
    frame[0] = 9;
    network.delayMs = 5;
    connection.write(Uint8Array.from([2]));
    await clock.advance(100);
    expect(got).toEqual([
      [1, 30],
      [2, 30],
    ]);
  });

  test('a cut breaks what is there and refuses what is new, between those two only, until it is healed', async () => {
    const { clock, network } = world();
    const accepted: string[] = [];
    const addresses = new Map<string, string>();
    for (const host of ['b', 'c']) {
      addresses.set(host, await network.transport(host).listen(`${host}:0`, () => accepted.push(host)));
    }
    const closed: string[] = [];
    const dial = (host: string): void =>
      network
        .transport('a')
        .dial(addresses.get(host)!, 'user')
        .onClose((reason) => closed.push(`${host}: ${reason}`));
    dial('b');
    dial('c');
    await clock.settle();
    network.cut('a', 'b');
    dial('b');
    await clock.settle();
    expect(accepted).toEqual(['b', 'c']);
    expect(closed).toEqual(['b: connection reset', `b: can't reach ${addresses.get('b')}`]);
    network.heal();
    dial('b');
    await clock.settle();
    expect(accepted).toEqual(['b', 'c', 'b']);
  });

  test('loss of raft messages is loss, not delay, and no other stream is touched', async () => {
    const { clock, network } = world();
    const addresses = new Map<string, string>();
    const port = (self: string): ReturnType<MemoryNetwork['control']> =>
      network.control({ self, cluster: 'c', resolve: async (node) => addresses.get(node), logger: nullLogger });
    const [a, b] = [port('a'), port('b')];
    const terms: number[] = [];
    addresses.set(
      'b',
      await b.listen('b:0', {
        raft: (_from, messages) => terms.push(...messages.map((message) => message.term!)),
        request: async (_from, { body }) => body,
        watch: async function* () {},
        snapshot: async function* () {},
      }),
    );
    const send = async (term: number): Promise<void> => {
      a.sendRaft('b', [{ type: 'HEARTBEAT', from: 'a', to: 'b', term }]);
      await clock.advance(1);
    };
    await send(1);
    network.raftLoss = 0.5;
    for (let term = 2; term <= 101; term++) await send(term);
    const lossy = terms.length - 1;
    expect(lossy).toBeGreaterThan(30);
    expect(lossy).toBeLessThan(70);
    expect(terms).toEqual([...terms].sort((x, y) => x - y));
    const replies: number[] = [];
    for (let i = 0; i < 50; i++) {
      void a
        .request('b', { kind: 'query', body: Uint8Array.from([i]), timeoutMs: 1_000 })
        .then((body) => replies.push(body[0]!));
      await clock.advance(1);
    }
    expect(replies.length).toBe(50);
  });
});
