import { beforeEach, describe, expect, test, vi } from 'vitest';
import { nullLogger, SeededRandom } from '../../../../src/core/index.ts';
import { type Lane, type Links, openLinks, type Transport } from '../../../../src/remote/index.ts';
import { FrameDecoder } from '../../../../src/remote/link/decode.ts';
import { encodeFrame } from '../../../../src/remote/link/encode.ts';
import { ManualClock } from '../../../../src/testkit/clock.ts';
import { tell } from './world.ts';

const PEER = { node: 'b', incarnation: 1 };
/** How many frames a transport takes before it says to wait; grpc-js takes as many. */
const FRAMES_HIGH = 16;

/** What left, in the order in which it left: lane, then envelopes or bytes of a piece. */
type Left = readonly [lane: Lane, envelopes: number, piece: number];

let clock: ManualClock;
let links: Links;
let left: Left[];
/** Says of a lane's connection that it can take more. */
let drains: Map<Lane, () => void>;
let frames: Map<Lane, number>;

/** A transport that welcomes every dial and takes `FRAMES_HIGH` frames from each lane until it is told to drain. */
const transport: Transport = {
  listen: async (address) => address,
  close: async () => {},
  dial: (_address, lane) => {
    const decoder = new FrameDecoder();
    let onFrame: (frame: Uint8Array) => void = () => {};
    return {
      write: (bytes) => {
        const frame = decoder.decode(Uint8Array.from(bytes));
        if (frame.hello !== undefined) {
          const receipt = { received: 0, messagesUntil: 1e6, bytesUntil: 1e9 };
          clock.yieldThen(() => onFrame(encodeFrame({ welcome: { protocol: 1 }, receipt })));
          return true;
        }
        if (!frame.ping) left.push([lane, frame.envelopes.length, frame.piece?.byteLength ?? 0]);
        const count = (frames.get(lane) ?? 0) + 1;
        frames.set(lane, count);
        return count < FRAMES_HIGH;
      },
      onFrame: (listener) => {
        onFrame = listener;
      },
      onDrain: (listener) =>
        void drains.set(lane, () => {
          frames.set(lane, 0);
          listener();
        }),
      onClose: () => {},
      pause: () => {},
      resume: () => {},
      close: () => {},
    };
  },
};

async function open(over: Transport): Promise<void> {
  clock = new ManualClock();
  left = [];
  drains = new Map();
  frames = new Map();
  const common = { clock, random: new SeededRandom(1), logger: nullLogger };
  links = openLinks({ ...common, self: { node: 'a', incarnation: 1 }, clusterId: 'c', transport: over });
  links.peerUp(PEER, 'b');
  for (const lane of ['system', 'user', 'bulk'] as const) links.send(PEER, lane, tell('first'));
  await clock.settle();
  left = [];
  for (const drain of drains.values()) drain();
}

beforeEach(() => open(transport));

const fill = (lane: Lane, count: number, bytes = 100): void => {
  for (let i = 0; i < count; i++) links.send(PEER, lane, tell(new Uint8Array(bytes)));
};

describe('lanes', () => {
  test('each has a connection of its own', () => {
    expect([...drains.keys()].sort()).toEqual(['bulk', 'system', 'user']);
  });

  test('a message of the system lane that comes after 50,000 of the user lane leaves behind 1,024 of them at most', async () => {
    fill('user', 50_000);
    links.send(PEER, 'system', tell('urgent'));
    await clock.settle();
    const at = left.findIndex(([lane]) => lane === 'system');
    const before = left.slice(0, at).reduce((sum, [, envelopes]) => sum + envelopes, 0);
    expect(at).toBeGreaterThanOrEqual(0);
    // What one go may hand to the transport: 16 frames of 64.
    expect(before).toBeLessThanOrEqual(FRAMES_HIGH * 64);
    // The user lane waits for its own connection, the next urgent message for nobody.
    const waiting = left.length;
    links.send(PEER, 'system', tell('urgent too'));
    await clock.settle();
    expect(left.slice(waiting)).toEqual([['system', 1, 0]]);
    drains.get('user')?.();
    expect(left.at(-1)?.[0]).toBe('user');
  });

  test('100 MB on the bulk lane leave in pieces, 256 KiB at a time; small messages on other lanes go between them', async () => {
    const bytes = 100_000_000;
    links.send(PEER, 'bulk', tell(new Uint8Array(bytes)));
    const order: Lane[] = [];
    let pieces = 0;
    for (let rounds = 0; pieces < bytes && rounds < 1_000; rounds++) {
      links.send(PEER, 'user', tell('small'));
      links.send(PEER, 'system', tell('small'));
      await clock.settle();
      const round = left.splice(0);
      const bulk = (part: readonly Left[]): number => part.reduce((sum, [, , piece]) => sum + piece, 0);
      pieces += bulk(round);
      expect(bulk(round)).toBeLessThanOrEqual(FRAMES_HIGH * 64 * 1_024);
      const small = round.findLastIndex(([lane]) => lane !== 'bulk');
      expect(bulk(round.slice(0, small))).toBeLessThanOrEqual(256 * 1_024);
      order.push(...round.map(([lane]) => lane).filter((lane) => lane !== 'bulk'));
      for (const drain of drains.values()) drain();
    }
    expect(pieces).toBe(bytes);
    // In each of about a hundred rounds, both of them.
    expect(order.length).toBeGreaterThan(180);
    expect(order.filter((lane) => lane === 'user').length).toBe(order.length / 2);
  });

  test('what is sent in one turn leaves in one frame', async () => {
    fill('user', 10);
    await clock.settle();
    expect(left).toEqual([['user', 10, 0]]);
  });

  test('a message waits for the end of the turn only while the one before is being written', async () => {
    const sent = new Map<Lane, () => void>();
    const telling: Transport = {
      ...transport,
      dial: (address, lane) => ({
        ...transport.dial(address, lane),
        onSent: (listener) => void sent.set(lane, listener),
      }),
    };
    await open(telling);
    const yields = vi.spyOn(clock, 'yieldThen');
    for (let i = 0; i < 3; i++) {
      sent.get('user')?.();
      left = [];
      fill('user', 1);
      await Promise.resolve();
      expect(left).toEqual([['user', 1, 0]]);
    }
    expect(yields).not.toHaveBeenCalled();
    fill('user', 1);
    await Promise.resolve();
    fill('user', 9);
    expect(left).toEqual([['user', 1, 0]]);
    await clock.settle();
    expect(left).toEqual([
      ['user', 1, 0],
      ['user', 10, 0],
    ]);
  });
});
