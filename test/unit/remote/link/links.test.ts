import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nullLogger } from '../../../../src/core/index.ts';
import { DEFAULT_LINK_LIMITS, type Lane, openLinks } from '../../../../src/remote/index.ts';
import { FrameDecoder } from '../../../../src/remote/link/decode.ts';
import { peerProto } from '../../../../src/remote/link/messages.ts';
import { tell, World } from './world.ts';

const LANES: readonly Lane[] = ['system', 'user', 'bulk'];

describe('links', () => {
  test('whatever connections do while both sides live, per lane nothing is lost, repeated or reordered', async () => {
    const event = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ type: fc.constant('send' as const), count: fc.integer({ min: 1, max: 30 }) }),
      },
      { weight: 1, arbitrary: fc.constant({ type: 'break' as const }) },
      { weight: 1, arbitrary: fc.constant({ type: 'cut' as const }) },
      { weight: 1, arbitrary: fc.constant({ type: 'hole' as const }) },
      { weight: 1, arbitrary: fc.constant({ type: 'heal' as const }) },
      { weight: 4, arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 300 }) }) },
      { weight: 1, arbitrary: fc.record({ type: fc.constant('delay' as const), ms: fc.constantFrom(0, 1, 7, 40) }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.array(event, { minLength: 5, maxLength: 60, size: 'max' }),
        async (seed, events) => {
          const world = new World(seed);
          const [a, b] = await world.pair();
          const sent = new Map<string, string[]>();
          const got = new Map<string, string[]>();
          for (const [from, to] of [
            [a, b],
            [b, a],
          ] as const) {
            for (const lane of LANES) {
              sent.set(`${from.ref.node} ${lane}`, []);
              got.set(`${from.ref.node} ${lane}`, []);
            }
            to.links.onEnvelope((peer, lane, envelope) => {
              const digest = `${envelope.correlation}:${envelope.payload.byteLength}:${envelope.payload.at(-1)}`;
              got.get(`${peer.node} ${lane}`)!.push(digest);
              if (world.random.next() < 0.3) {
                return new Promise((resolve) => world.clock.schedule(world.random.int(0, 50), resolve));
              }
              return undefined;
            });
          }
          let next = 1;
          for (const step of events) {
            if (step.type === 'send') {
              for (let i = 0; i < step.count; i++) {
                const [from, to] = world.random.next() < 0.5 ? [a, b] : [b, a];
                const lane = LANES[world.random.int(0, 3)]!;
                const size = world.random.next() < 0.15 ? world.random.int(1_025, 40_000) : world.random.int(1, 300);
                const payload = new Uint8Array(size).fill(next);
                from.links.send(to.ref, lane, tell(payload, { correlation: next, to: `agent:k/${next % 7}` }));
                sent.get(`${from.ref.node} ${lane}`)!.push(`${next}:${size}:${next & 255}`);
                next++;
              }
            } else if (step.type === 'break') world.network.breakConnections();
            else if (step.type === 'cut') world.network.cut('a', 'b');
            else if (step.type === 'hole') {
              const [from, to] = world.random.next() < 0.5 ? (['a', 'b'] as const) : (['b', 'a'] as const);
              world.network.hole(from, to);
            } else if (step.type === 'heal') world.network.heal();
            else if (step.type === 'delay') world.network.delayMs = step.ms;
            else await world.clock.advance(step.ms);
          }
          world.network.heal();
          for (let i = 0; i < 100 && [...sent].some(([key, list]) => got.get(key)!.length < list.length); i++) {
            await world.clock.advance(500);
          }
          expect(Object.fromEntries(got)).toEqual(Object.fromEntries(sent));
          await world.clock.advance(5_000);
          const flushed = Promise.all([a.links.flush(1), b.links.flush(1)]);
          await world.clock.advance(0);
          await flushed;
          a.links.peerDown(b.ref, 'end');
          await a.links.close();
          await b.links.close();
        },
      ),
      { numRuns: 150 },
    );
  });

  test('a black hole is noticed without an answer, and what it swallowed is sent again', async () => {
    const world = new World(1);
    const [a, b] = await world.pair();
    const got: string[] = [];
    b.links.onEnvelope((_from, _lane, envelope) => {
      got.push(new TextDecoder().decode(envelope.payload));
    });
    a.links.send(b.ref, 'user', tell('1'));
    await world.clock.advance(100);
    expect(got).toEqual(['1']);
    world.network.hole('a', 'b');
    a.links.send(b.ref, 'user', tell('2'));
    await world.clock.advance(2_000);
    world.network.heal();
    await world.clock.advance(10_000);
    expect(got).toEqual(['1', '2']);
  });

  test('an idle connection is kept by pings, not dialled anew', async () => {
    const world = new World(1);
    const [a, b] = await world.pair();
    let connections = 0;
    const c = world.network.transport('c');
    const links = openLinks({
      self: { node: 'c', incarnation: 1 },
      clusterId: 'c',
      transport: c,
      clock: world.clock,
      random: world.random,
      logger: nullLogger,
    });
    const address = await c.listen('c:0', (connection) => {
      connections++;
      links.accept(connection);
    });
    a.links.peerUp(links.self, address);
    a.links.send(links.self, 'user', tell('x'));
    await world.clock.advance(60_000);
    expect(connections).toBe(1);
    await Promise.all([a.links.close(), b.links.close(), links.close()]);
  });

  test('the time spent waiting is taken off the deadline', async () => {
    const world = new World(1);
    const [a, b] = await world.pair();
    let left: number | undefined;
    b.links.onEnvelope((_from, _lane, envelope) => {
      left = envelope.timeoutMs;
    });
    world.network.cut('a', 'b');
    a.links.send(b.ref, 'user', tell('x', { timeoutMs: 10_000 }));
    await world.clock.advance(4_000);
    world.network.heal();
    await world.clock.advance(1_500);
    expect(left).toBeGreaterThan(4_500);
    expect(left).toBeLessThan(6_001);
  });

  test('a sender that is stuck for an hour keeps what its limits allow, and no more', async () => {
    const lane = { ...DEFAULT_LINK_LIMITS.lanes.user, heldBytesMax: 100_000, heldMessagesMax: 500, creditMessages: 10 };
    const world = new World(1, { lanes: { ...DEFAULT_LINK_LIMITS.lanes, user: lane } });
    const [a, b] = await world.pair();
    let arrived = 0;
    b.links.onEnvelope(() => {
      arrived++;
      return new Promise(() => {});
    });
    let accepted = 0;
    for (let minute = 0; minute < 60; minute++) {
      for (let i = 0; i < 100; i++) {
        try {
          a.links.send(b.ref, 'user', tell(new Uint8Array(500)));
          accepted++;
        } catch {
          // Refused, as it should be.
        }
      }
      await world.clock.advance(60_000);
    }
    expect(arrived).toBe(10);
    // Ten with the receiver, and 100,000 bytes here at 628 each.
    expect(accepted).toBe(10 + Math.floor(100_000 / 628));
  });

  test('a frame that breaks the protocol costs the connection, not the link', async () => {
    const world = new World(1);
    const [a, b] = await world.pair();
    let got = 0;
    b.links.onEnvelope(() => {
      got++;
    });
    a.links.send(b.ref, 'user', tell('1'));
    await world.clock.advance(50);
    const stray = world.network.transport('stray').dial(b.address, 'user');
    stray.write(Uint8Array.from([255, 255, 255]));
    const silent = world.network.transport('stray').dial(b.address, 'user');
    let closed = 0;
    for (const connection of [stray, silent]) {
      connection.onFrame(() => {});
      connection.onClose(() => closed++);
    }
    await world.clock.advance(20_000);
    expect(closed).toBe(2);
    a.links.send(b.ref, 'user', tell('2'));
    await world.clock.advance(50);
    expect(got).toBe(2);
  });

  test('bytes that are not settled stop the sender, one message past the limit', async () => {
    const world = new World(1);
    const [a, b] = await world.pair();
    const open: (() => void)[] = [];
    let unsettled = 0;
    let most = 0;
    b.links.onEnvelope((_from, _lane, { payload }) => {
      unsettled += payload.byteLength;
      most = Math.max(most, unsettled);
      return new Promise((resolve) =>
        open.push(() => {
          unsettled -= payload.byteLength;
          resolve();
        }),
      );
    });
    for (let i = 0; i < 30; i++) a.links.send(b.ref, 'user', tell(new Uint8Array(3_000)));
    await world.clock.advance(1_000);
    expect(open.length).toBe(3);
    for (let done = 0; done < 30; done += open.splice(0).map((settle) => settle()).length)
      await world.clock.advance(50);
    expect(most).toBeLessThanOrEqual(8_192 + 3_000);
    await world.clock.advance(100);
    expect(unsettled).toBe(0);
  });

  /** A peer written by hand, which says and repeats what a real one would not. */
  function forged(
    world: World,
    address: string,
    attempt: number,
  ): { say(frame: Uint8Array): void; readonly heard: string[] } {
    const connection = world.network.transport('x').dial(address, 'user');
    const heard: string[] = [];
    const decoder = new FrameDecoder();
    connection.onFrame((bytes) => {
      const { welcome, refusal, receipt } = decoder.decode(bytes);
      if (refusal !== undefined) heard.push(`refused: ${refusal.code}`);
      else heard.push(`${welcome === undefined ? 'receipt' : 'welcome'} ${receipt?.received}`);
    });
    connection.onClose(() => heard.push('closed'));
    const hello = {
      cluster: 'c',
      protocol: 1,
      from: { node: 'x', incarnation: 1 },
      to: { node: 'b', incarnation: 1 },
      lane: 'USER' as const,
      attempt,
      acknowledged: 0,
    };
    connection.write(peerProto.Frame.serialize({ hello }));
    return { say: (frame) => connection.write(frame), heard };
  }
  const frameOf = (firstSequence: number, ...texts: string[]): Uint8Array =>
    peerProto.Frame.serialize({ firstSequence, envelopes: texts.map((text) => ({ payload: Buffer.from(text) })) });

  test('what is repeated on one connection is dropped, a gap ends it', async () => {
    const world = new World(1);
    const [, b] = await world.pair();
    const got: string[] = [];
    b.links.onEnvelope((_from, _lane, envelope) => {
      got.push(new TextDecoder().decode(envelope.payload));
    });
    const peer = forged(world, b.address, 1);
    peer.say(frameOf(1, '1', '2'));
    peer.say(frameOf(1, '1', '2', '3'));
    peer.say(frameOf(2, '2'));
    await world.clock.advance(100);
    expect(got).toEqual(['1', '2', '3']);
    expect(peer.heard).toEqual(['welcome 0', 'receipt 3']);
    peer.say(frameOf(5, '5'));
    await world.clock.advance(100);
    expect(got).toEqual(['1', '2', '3']);
    expect(peer.heard.at(-1)).toBe('closed');
  });

  test('of two connections the later dial counts, whichever comes first', async () => {
    const world = new World(1);
    const [, b] = await world.pair();
    const got: string[] = [];
    b.links.onEnvelope((_from, _lane, envelope) => {
      got.push(new TextDecoder().decode(envelope.payload));
    });
    const first = forged(world, b.address, 1);
    first.say(frameOf(1, '1'));
    await world.clock.advance(100);
    const third = forged(world, b.address, 3);
    await world.clock.advance(100);
    expect(first.heard.at(-1)).toBe('closed');
    expect(third.heard).toEqual(['welcome 1']);
    const second = forged(world, b.address, 2);
    await world.clock.advance(100);
    expect(second.heard).toEqual(['refused: PROTOCOL_VIOLATION', 'closed']);
    third.say(frameOf(2, '2'));
    await world.clock.advance(100);
    expect(got).toEqual(['1', '2']);
  });

  test('flush waits for what was sent before it, not for what comes after', async () => {
    const lane = { ...DEFAULT_LINK_LIMITS.lanes.user, creditMessages: 1 };
    const world = new World(1, { lanes: { ...DEFAULT_LINK_LIMITS.lanes, user: lane } });
    const [a, b] = await world.pair();
    b.links.onEnvelope(() => new Promise(() => {}));
    const done: string[] = [];
    const flush = (name: string): Promise<void> => a.links.flush(1_000).then(() => void done.push(name));
    a.links.send(b.ref, 'user', tell('1'));
    void flush('first');
    a.links.send(b.ref, 'user', tell('2'));
    void flush('second');
    await world.clock.advance(900);
    expect(done).toEqual(['first']);
    await world.clock.advance(200);
    expect(done).toEqual(['first', 'second']);
  });

  test('a receiver that throws loses that message only', async () => {
    const world = new World(1);
    const [a, b] = await world.pair();
    const got: string[] = [];
    b.links.onEnvelope((_from, _lane, envelope) => {
      const text = new TextDecoder().decode(envelope.payload);
      if (text === 'bad') throw new RangeError('no');
      got.push(text);
    });
    for (const text of ['1', 'bad', '2']) a.links.send(b.ref, 'user', tell(text));
    await world.clock.advance(50);
    expect(got).toEqual(['1', '2']);
  });
});
