import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { isTroupeError, type NodeRef, nullLogger, systemClock, systemRandom } from '../../src/core/index.ts';
import {
  DEFAULT_LINK_LIMITS,
  type Envelope,
  type LinkLimits,
  type Links,
  MemoryNetwork,
  openGrpcTransport,
  openLinks,
  type PeerLoss,
  type Transport,
} from '../../src/remote/index.ts';

interface Wires {
  transport(host: string): Transport;
  /** The address to dial instead of `address`, so that `breakAll` reaches the connection. */
  via(address: string): Promise<string>;
  /** Resets every connection, whatever is under way. */
  breakAll(): void;
  close(): void;
}

/** Sockets through a proxy that can be cut. */
function proxied(): Wires {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  };
  const breakAll = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    transport: () => openGrpcTransport(),
    via: async (address) => {
      const port = Number(address.split(':')[1]);
      const server = createServer((near) => {
        const far = keep(connect(port, '127.0.0.1'));
        keep(near).pipe(far).pipe(near);
        near.on('close', () => far.destroy());
        far.on('close', () => near.destroy());
      }).listen(0, '127.0.0.1');
      servers.push(server);
      await once(server, 'listening');
      return `127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    breakAll,
    close: () => {
      breakAll();
      for (const server of servers) server.close();
    },
  };
}

const adapters: Record<string, () => Wires> = {
  memory: () => {
    const network = new MemoryNetwork();
    return {
      transport: (host) => network.transport(host),
      via: async (address) => address,
      breakAll: () => network.breakConnections(),
      close: () => {},
    };
  },
  grpc: proxied,
};

interface Node {
  readonly ref: NodeRef;
  readonly links: Links;
  readonly address: string;
  readonly transport: Transport;
  readonly got: Envelope[];
  readonly losses: PeerLoss[];
}

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return isTroupeError(error) ? error.code : String(error);
  }
  return 'nothing thrown';
};
const body = (text: string): Uint8Array => new TextEncoder().encode(text);
const tell = (text: string, more: Partial<Envelope> = {}): Envelope => ({
  kind: 'tell',
  to: 'agent:a/b',
  correlation: 0,
  method: 'm',
  payload: body(text),
  ...more,
});
const texts = (envelopes: readonly Envelope[]): string[] =>
  envelopes.map((envelope) => new TextDecoder().decode(envelope.payload));

describe.each(Object.entries(adapters))('links over %s', (_name, network) => {
  let nodes: Node[] = [];
  let opened: Wires[] = [];
  const open = (): Wires => {
    const wires = network();
    opened.push(wires);
    return wires;
  };
  afterEach(async () => {
    for (const node of nodes) {
      await node.links.close();
      await node.transport.close();
    }
    for (const wires of opened) wires.close();
    nodes = [];
    opened = [];
  });

  async function node(
    wires: Wires,
    ref: NodeRef,
    limits: Partial<LinkLimits> = {},
    address = '127.0.0.1:0',
    clusterId = 'c1',
  ): Promise<Node> {
    const transport = wires.transport(ref.node);
    let links: Links | undefined;
    const bound = await transport.listen(address, (connection) => links?.accept(connection));
    links = openLinks({
      self: ref,
      clusterId,
      transport,
      clock: systemClock,
      random: systemRandom,
      logger: nullLogger,
      limits,
    });
    const made: Node = { ref, links, address: bound, transport, got: [], losses: [] };
    links.onEnvelope((_from, _lane, envelope) => {
      made.got.push({ ...envelope, payload: Uint8Array.from(envelope.payload) });
    });
    links.onPeerLost((loss) => made.losses.push(loss));
    nodes.push(made);
    return made;
  }

  async function pair(limits: Partial<LinkLimits> = {}): Promise<[Node, Node]> {
    const wires = open();
    const a = await node(wires, { node: 'a', incarnation: 1 }, limits);
    const b = await node(wires, { node: 'b', incarnation: 2 }, limits);
    a.links.peerUp(b.ref, b.address);
    b.links.peerUp(a.ref, a.address);
    return [a, b];
  }

  test('either side may send first; everything arrives once, in order, unchanged', async () => {
    const [a, b] = await pair();
    const rich: Envelope = {
      kind: 'error',
      to: 'sys:x',
      correlation: 2 ** 45,
      method: 'é',
      payload: Uint8Array.from([1, 2, 3]),
      requestId: 'r',
      from: 'agent:me/1',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      budget: { tokens: 5, costMicroUsd: 0.25 },
      error: { code: 'NOT_LEADER', message: 'm', data: { leader: 'x', term: 3 } },
    };
    b.links.send(a.ref, 'user', rich);
    for (let i = 0; i < 1_000; i++) a.links.send(b.ref, 'user', tell(String(i)));
    await vi.waitFor(() => expect(b.got.length).toBe(1_000));
    expect(texts(b.got)).toEqual(Array.from({ length: 1_000 }, (_, i) => String(i)));
    await vi.waitFor(() => expect(a.got).toEqual([rich]));
  });

  test('connections that are cut at any moment cost nothing but time', async () => {
    const wires = open();
    const a = await node(wires, { node: 'a', incarnation: 1 });
    const b = await node(wires, { node: 'b', incarnation: 2 });
    a.links.peerUp(b.ref, await wires.via(b.address));
    const lanes = ['system', 'user', 'bulk'] as const;
    const count = 6_000;
    const got = new Map<string, number[]>(lanes.map((lane) => [lane, []]));
    b.links.onEnvelope((_from, lane, envelope) => {
      got.get(lane)!.push(envelope.correlation);
    });
    const small = new Uint8Array(200);
    const large = new Uint8Array(300_000);
    let cuts = 0;
    for (let i = 1; i <= count; i++) {
      const lane = lanes[i % 3]!;
      const payload = i % 300 === 0 ? large : small;
      if (!a.links.send(b.ref, lane, tell('', { correlation: i, payload }))) await a.links.writable(b.ref, lane);
      if (i % 37 === 0) await new Promise<void>((resolve) => systemClock.yieldThen(resolve));
      if (i % 500 === 0) {
        await vi.waitFor(() => expect(got.get(lane)!.length).toBeGreaterThan((i - 400) / 4), { timeout: 10_000 });
        wires.breakAll();
        cuts++;
      }
    }
    await a.links.flush(15_000);
    expect(cuts).toBe(12);
    for (const lane of lanes) {
      const sent = Array.from({ length: count }, (_, i) => i + 1).filter((i) => lanes[i % 3] === lane);
      expect(got.get(lane)).toEqual(sent);
    }
  });

  test('flush waits for acknowledgement', async () => {
    const [a, b] = await pair();
    for (let i = 0; i < 300; i++) a.links.send(b.ref, 'system', tell('x'));
    await a.links.flush(5_000);
    expect(b.got.length).toBe(300);
    a.links.peerDown(b.ref, 'left');
    expect(a.losses).toEqual([{ peer: b.ref, reason: 'left', unacknowledged: [] }]);
  });

  test('a payload in pieces arrives whole and in its place, and other lanes do not wait for it', async () => {
    const [a, b] = await pair();
    const big = new Uint8Array(12 * 1024 * 1024).map((_, i) => i * 7);
    a.links.send(b.ref, 'bulk', tell('before'));
    a.links.send(b.ref, 'bulk', tell('', { payload: big }));
    a.links.send(b.ref, 'bulk', tell('after'));
    a.links.send(b.ref, 'user', tell('small'));
    await vi.waitFor(() => expect(b.got.length).toBe(4), { timeout: 10_000 });
    const bySize = b.got.map((envelope) => envelope.payload.byteLength);
    expect(bySize.indexOf(5)).toBeLessThan(bySize.indexOf(big.byteLength));
    const bulk = b.got.filter((envelope) => texts([envelope])[0] !== 'small');
    expect(bulk.map((envelope) => envelope.payload.byteLength)).toEqual([6, big.byteLength, 5]);
    expect(Buffer.compare(bulk[1]!.payload, big)).toBe(0);
  });

  test('a message over the maximum fails alone', async () => {
    const [a, b] = await pair();
    a.links.send(b.ref, 'user', tell('one'));
    expect(codeOf(() => a.links.send(b.ref, 'user', tell('', { payload: new Uint8Array(16 * 1024 * 1024 + 1) })))).toBe(
      'MESSAGE_TOO_LARGE',
    );
    expect(codeOf(() => a.links.send(b.ref, 'user', tell('', { to: 'x'.repeat(100_000) })))).toBe('MESSAGE_TOO_LARGE');
    a.links.send(b.ref, 'user', tell('two'));
    await vi.waitFor(() => expect(texts(b.got)).toEqual(['one', 'two']));
  });

  test('a stuck receiver bounds what is with it, then what waits here; when it moves, everything moves', async () => {
    const lane = {
      ...DEFAULT_LINK_LIMITS.lanes.user,
      creditMessages: 50,
      heldMessagesHigh: 100,
      heldMessagesMax: 200,
    };
    const [a, b] = await pair({ lanes: { ...DEFAULT_LINK_LIMITS.lanes, user: lane } });
    const open: (() => void)[] = [];
    let arrived = 0;
    b.links.onEnvelope((_from, lane) => {
      if (lane !== 'user') return undefined;
      arrived++;
      return new Promise<void>((resolve) => open.push(resolve));
    });
    let accepted = 0;
    let refusal = '';
    let more = true;
    while (refusal === '') {
      refusal = codeOf(() => {
        more = a.links.send(b.ref, 'user', tell('x'));
      });
      if (refusal === 'nothing thrown') {
        refusal = '';
        accepted++;
        if (accepted === 100) expect(more).toBe(false);
      }
    }
    expect(refusal).toBe('OVERLOADED');
    expect(accepted).toBe(200);
    await vi.waitFor(() => expect(arrived).toBe(50));
    // A full lane hurts no other.
    const ping = vi.fn();
    a.links.send(b.ref, 'system', tell('y'));
    await a.links.writable(b.ref, 'system').then(ping);
    expect(ping).toHaveBeenCalled();
    expect(arrived).toBe(50);
    let writable = false;
    void a.links.writable(b.ref, 'user').then(() => {
      writable = true;
    });
    while (arrived < accepted || open.length > 0) {
      for (const settle of open.splice(0)) settle();
      await new Promise((resolve) => systemClock.yieldThen(() => resolve(undefined)));
    }
    expect(writable).toBe(true);
    expect(arrived).toBe(200);
  });

  test('a peer that is unknown, or down, is NODE_UNAVAILABLE', async () => {
    const [a, b] = await pair();
    expect(codeOf(() => a.links.send({ node: 'z', incarnation: 1 }, 'user', tell('x')))).toBe('NODE_UNAVAILABLE');
    a.links.peerDown(b.ref, 'gone');
    expect(codeOf(() => a.links.send(b.ref, 'user', tell('x')))).toBe('NODE_UNAVAILABLE');
    a.links.peerUp(b.ref, b.address);
    expect(codeOf(() => a.links.send(b.ref, 'user', tell('x')))).toBe('NODE_UNAVAILABLE');
    await a.links.writable(b.ref, 'user');
  });

  test('what a dead peer did not acknowledge is handed back once, lane by lane, in order', async () => {
    const [a, b] = await pair();
    a.links.send(b.ref, 'user', tell('arrived'));
    await a.links.flush(5_000);
    await b.links.close();
    await b.transport.close();
    a.links.send(b.ref, 'user', tell('1'));
    a.links.send(b.ref, 'system', tell('2'));
    a.links.send(b.ref, 'user', tell('3'));
    a.links.peerDown(b.ref, 'lease expired');
    a.links.peerDown(b.ref, 'again');
    expect(a.losses.length).toBe(1);
    expect(a.losses[0]).toMatchObject({ peer: b.ref, reason: 'lease expired' });
    expect(texts(a.losses[0]!.unacknowledged)).toEqual(['2', '1', '3']);
  });

  test('the next life of a node gets nothing that was meant for the last', async () => {
    const wires = open();
    const a = await node(wires, { node: 'a', incarnation: 1 });
    const b2 = await node(wires, { node: 'b', incarnation: 9 });
    const b1 = { node: 'b', incarnation: 2 };
    a.links.peerUp(b1, b2.address);
    a.links.send(b1, 'user', tell('for the dead'));
    a.links.peerUp(b2.ref, b2.address);
    a.links.send(b2.ref, 'user', tell('for the living'));
    await vi.waitFor(() => expect(texts(b2.got)).toEqual(['for the living']));
    a.links.peerDown(b1, 'lease expired');
    expect(texts(a.losses[0]!.unacknowledged)).toEqual(['for the dead']);
    a.links.send(b2.ref, 'user', tell('still'));
    await vi.waitFor(() => expect(texts(b2.got)).toEqual(['for the living', 'still']));
  });

  test('a sender that was declared dead is refused, so is another cluster', async () => {
    const wires = open();
    const b = await node(wires, { node: 'b', incarnation: 2 });
    const dead = await node(wires, { node: 'a', incarnation: 1 });
    const stranger = await node(wires, { node: 's', incarnation: 1 }, {}, '127.0.0.1:0', 'other');
    const friend = await node(wires, { node: 'f', incarnation: 1 });
    b.links.peerDown(dead.ref, 'lease expired');
    for (const from of [dead, stranger, friend]) {
      from.links.peerUp(b.ref, b.address);
      from.links.send(b.ref, 'user', tell(from.ref.node));
    }
    await vi.waitFor(() => expect(texts(b.got)).toEqual(['f']));
    await dead.links.flush(200);
    expect(texts(b.got)).toEqual(['f']);
  });

  test('a peer that listens later, at its address, gets everything', async () => {
    const wires = open();
    const a = await node(wires, { node: 'a', incarnation: 1 });
    const probe = await node(wires, { node: 'p', incarnation: 1 });
    await probe.links.close();
    await probe.transport.close();
    const late = { node: 'b', incarnation: 2 };
    a.links.peerUp(late, probe.address);
    a.links.send(late, 'user', tell('early'));
    await a.links.flush(50);
    const b = await node(wires, late, {}, probe.address);
    await vi.waitFor(() => expect(texts(b.got)).toEqual(['early']), { timeout: 5_000 });
  });
});
