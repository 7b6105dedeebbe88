import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Peers } from '../../../src/cluster/index.ts';
import { type NodeRef, nullLogger, SeededRandom, TroupeError } from '../../../src/core/index.ts';
import { type Links, MemoryNetwork, openLinks } from '../../../src/remote/index.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';
import { settleWithin } from '../coordinator/cluster.ts';

const a: NodeRef = { node: 'a', incarnation: 1 };
const b: NodeRef = { node: 'b', incarnation: 2 };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array | undefined): string => new TextDecoder().decode(data);

let clock: ManualClock;
let network: MemoryNetwork;
let linksA: Links;
let linksB: Links;
let peersA: Peers;
let peersB: Peers;

async function open(self: NodeRef): Promise<Links> {
  const transport = network.transport(self.node);
  let links: Links | undefined;
  await transport.listen(`${self.node}:1`, (c) => links?.accept(c));
  links = openLinks({ self, clusterId: 'c', transport, clock, random: new SeededRandom(1), logger: nullLogger });
  return links;
}

beforeEach(async () => {
  clock = new ManualClock();
  network = new MemoryNetwork({ clock, random: new SeededRandom(1) });
  linksA = await open(a);
  linksB = await open(b);
  linksA.peerUp(b, 'b:1');
  linksB.peerUp(a, 'a:1');
  peersA = new Peers(linksA, clock);
  peersB = new Peers(linksB, clock);
});
afterEach(async () => {
  await linksA.close();
  await linksB.close();
});

const ask = (service: string, body = 'hi', timeoutMs = 1_000): Promise<string> =>
  settleWithin(clock, peersA.request(b, 'system', service, 'm', bytes(body), timeoutMs).then(text));

describe('requests between nodes', () => {
  test('reach the service, with who asked, and bring its reply', async () => {
    peersB.serve('echo', async (method, payload, from) => bytes(`${method} ${text(payload)} ${from.node}`));
    expect(await ask('echo', 'hello')).toBe('m hello a');
  });

  test('fail with the code that the service threw', async () => {
    peersB.serve('bad', async () => {
      throw new TroupeError('NOT_FOUND', 'nothing here');
    });
    await expect(ask('bad')).rejects.toMatchObject({ code: 'NOT_FOUND', message: 'nothing here' });
    await expect(ask('unheard-of')).rejects.toMatchObject({ code: 'UNKNOWN_MESSAGE' });
  });

  test('time out, and a reply that is late changes nothing', async () => {
    let answer: (reply: Uint8Array) => void = () => undefined;
    peersB.serve('slow', () => new Promise((resolve) => (answer = resolve)));
    await expect(ask('slow')).rejects.toMatchObject({ code: 'TIMEOUT', address: 'b' });
    answer(bytes('late'));
    await clock.advance(100);
  });

  test('fail at once when the peer is declared dead, and when it isn’t known', async () => {
    peersB.serve('slow', () => new Promise(() => undefined));
    const asked = peersA.request(b, 'system', 'slow', 'm', bytes(''), 60_000);
    await clock.advance(50);
    linksA.peerDown(b, 'gone');
    await expect(settleWithin(clock, asked)).rejects.toMatchObject({ code: 'NODE_UNAVAILABLE', message: 'gone' });
    await expect(ask('slow')).rejects.toMatchObject({ code: 'NODE_UNAVAILABLE' });
  });

  test('leave no timer behind, however they ended', async () => {
    peersB.serve('echo', async (_method, payload) => payload);
    peersB.serve('silent', () => new Promise(() => undefined));
    await ask('echo');
    await clock.advance(100);
    const before = clock.pending;
    await ask('echo');
    await ask('unheard-of').catch(() => undefined);
    await ask('silent').catch(() => undefined);
    await peersA
      .request({ node: 'z', incarnation: 1 }, 'system', 'echo', 'm', bytes(''), 60_000)
      .catch(() => undefined);
    await clock.advance(100);
    expect(clock.pending).toBe(before);
  });

  test('fail with SHUTTING_DOWN when this node closes', async () => {
    peersB.serve('slow', () => new Promise(() => undefined));
    const asked = peersA.request(b, 'system', 'slow', 'm', bytes(''), 60_000);
    peersA.close();
    await expect(asked).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});

describe('replies', () => {
  /** Waits for a reply on node a, as an ask to an agent does. */
  const expectReply = (): { readonly correlation: number; readonly answer: Promise<string> } => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const correlation = peersA.expect(undefined, Number.POSITIVE_INFINITY, (reply, error) =>
      resolve(error === undefined ? text(reply) : error.code),
    );
    return { correlation, answer: promise };
  };

  test('reach an asker on another node or on this one', async () => {
    const far = expectReply();
    peersB.reply(a, far.correlation, bytes('from b'), undefined);
    expect(await settleWithin(clock, far.answer)).toBe('from b');
    const near = expectReply();
    peersA.reply(a, near.correlation, undefined, new TroupeError('OVERLOADED', 'busy'));
    expect(await near.answer).toBe('OVERLOADED');
  });

  test('find an asker that is younger than this node’s view', async () => {
    linksB.close();
    linksB = await open({ node: 'c', incarnation: 3 });
    const peersC = new Peers(linksB, clock);
    const asked = expectReply();
    linksA.peerUp({ node: 'c', incarnation: 3 }, 'c:1');
    peersC.reply(a, asked.correlation, bytes('patience'), undefined);
    await clock.advance(120);
    linksB.peerUp(a, 'a:1');
    expect(await settleWithin(clock, asked.answer)).toBe('patience');
  });

  test('to a dead asker are given up after a while', async () => {
    linksB.peerDown(a, 'gone');
    peersB.reply(a, 1, bytes('nobody'), undefined);
    await clock.advance(5_000);
    expect(clock.pending).toBe(2);
  });

  test('that are too large become an error for the asker, and throw nothing here', async () => {
    const asked = expectReply();
    peersB.reply(a, asked.correlation, new Uint8Array(17 * 1024 * 1024), undefined);
    expect(await settleWithin(clock, asked.answer)).toBe('MESSAGE_TOO_LARGE');
  });

  test('that find the lane full become an error on another lane, and throw nothing here', async () => {
    const asked = expectReply();
    network.cut('a', 'b');
    const filler = { kind: 'tell', to: 'x', correlation: 0, method: 'm', payload: bytes('') } as const;
    for (let full = false; !full; ) {
      try {
        linksB.send(a, 'user', filler);
      } catch {
        full = true;
      }
    }
    peersB.reply(a, asked.correlation, bytes('no room'), undefined);
    network.heal();
    expect(await settleWithin(clock, asked.answer)).toBe('OVERLOADED');
  });

  test('go to nobody when the message was a tell', () => {
    expect(() => peersB.reply({ node: 'unheard-of', incarnation: 1 }, 0, bytes(''), undefined)).not.toThrow();
  });
});
