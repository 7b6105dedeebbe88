import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { nullLogger, systemClock, systemRandom } from '../../src/core/index.ts';
import {
  type Connection,
  openGrpcControl,
  openGrpcTransport,
  openLinks,
  Tls,
  type TlsFiles,
  type Transport,
} from '../../src/remote/index.ts';
import { clockDaysAgo, type Line, recordingLogger, TestAuthorities, tlsOf } from './tls-fixtures.ts';

const authorities = new TestAuthorities();
let n1: TlsFiles;
let n2: TlsFiles;
let foreign: TlsFiles;
let expired: TlsFiles;
beforeAll(async () => {
  await authorities.init();
  await authorities.init('elsewhere');
  n1 = await authorities.issue('n1');
  n2 = await authorities.issue('n2');
  expired = await authorities.issue('n3', { clock: clockDaysAgo(150) });
  foreign = await authorities.issue('n2', { dir: 'elsewhere' });
});
afterAll(() => authorities[Symbol.dispose]());

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
});
function transport(tls?: Tls): Transport {
  const made = openGrpcTransport({ tls });
  opened.push(made);
  return made;
}

/** n1 listens. What reaches it, whom it takes callers for, and what it logs. */
async function listening(files = n1, clock = clockDaysAgo(0)) {
  const { tls, lines } = tlsOf('n1', files, clock);
  const seen: number[][] = [];
  const peers: (string | undefined)[] = [];
  const far: Connection[] = [];
  const address = await transport(tls).listen('127.0.0.1:0', (connection) => {
    far.push(connection);
    peers.push(connection.peer);
    connection.onFrame((frame) => seen.push([frame.byteLength, frame[0] ?? -1]));
  });
  return { address, lines, seen, peers, far };
}

/** Dials and sends one frame. Resolves with the reason when the connection is over. */
function call(dialler: Transport, address: string, node = 'n1'): { connection: Connection; closed: Promise<string> } {
  const connection = dialler.dial(address, 'user', node);
  const closed = new Promise<string>((resolve) => connection.onClose(resolve));
  connection.write(Uint8Array.of(7));
  return { connection, closed };
}

const refusals = (lines: readonly Line[]): Line[] => lines.filter(({ message }) => message === 'peer refused');

describe('a port with TLS', () => {
  test('takes a node of the cluster for who it is; frames cross both ways, small and large', async () => {
    const { address, seen, peers, far, lines } = await listening();
    const { tls } = tlsOf('n2', n2);
    const { connection } = call(transport(tls), address);
    connection.write(new Uint8Array(3 * 1024 * 1024));
    await vi.waitFor(() =>
      expect(seen).toEqual([
        [1, 7],
        [3 * 1024 * 1024, 0],
      ]),
    );
    expect(peers).toEqual(['n2']);
    const back: number[] = [];
    connection.onFrame((frame) => back.push(frame.byteLength));
    far[0]!.write(new Uint8Array(1024 * 1024));
    await vi.waitFor(() => expect(back).toEqual([1024 * 1024]));
    expect(lines).toEqual([]);
  });

  test.each([
    ['from a foreign authority', 'n2', () => foreign, 0, /foreign authority/, 'spiffe://demo/node/n2'],
    ['that has expired', 'n3', () => expired, 150, /^expired at /, 'spiffe://demo/node/n3'],
  ])(
    'refuses a certificate %s, in one line however often it comes',
    async (_what, node, files, daysAgo, reason, says) => {
      const { address, lines, peers } = await listening();
      // The caller believes n1, so that only n1 has something against it.
      const mixed = { ...files(), ca: n1.ca };
      const dialler = transport(tlsOf(node, mixed, clockDaysAgo(daysAgo)).tls);
      for (let i = 0; i < 3; i++) await call(dialler, address).closed;
      expect(peers).toEqual([]);
      expect(lines).toEqual([
        expect.objectContaining({
          level: 'warn',
          message: 'peer refused',
          code: 'IDENTITY_MISMATCH',
          direction: 'from',
          peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
          reason: expect.stringMatching(reason),
          certificate: says,
          expected: 'spiffe://demo/node/*',
        }),
      ]);
    },
  );

  test('refuses a client of the cluster, who is no node', async () => {
    const { address, lines, peers } = await listening();
    const files = await authorities.issue('alice', { kind: 'client' });
    const tls = new Tls({ files, cluster: 'demo', clock: systemClock, logger: nullLogger });
    await call(transport(tls), address).closed;
    expect(peers).toEqual([]);
    expect(refusals(lines)).toEqual([
      expect.objectContaining({ reason: 'another identity', certificate: 'spiffe://demo/client/alice' }),
    ]);
  });

  test('refuses callers without a certificate, and those who speak no TLS', async () => {
    const { address, lines, peers } = await listening();
    const bare = new Tls({ files: { ca: n1.ca }, cluster: 'demo', clock: systemClock, logger: nullLogger });
    await call(transport(bare), address).closed;
    await call(transport(), address).closed;
    expect(peers).toEqual([]);
    await vi.waitFor(() => expect(lines).toHaveLength(2));
    expect(lines[0]).toMatchObject({ message: 'peer refused', reason: 'no certificate', certificate: 'none' });
    expect(lines[1]).toMatchObject({ message: 'peer refused', reason: expect.stringMatching(/^no TLS handshake/) });
    for (const { peer } of lines) expect(peer).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test('lets a caller that only connects do no harm: it listens on', async () => {
    const { address, seen } = await listening();
    const silent = connectTcp(Number(address.split(':')[1]), '127.0.0.1');
    await new Promise((resolve) => silent.once('connect', resolve));
    silent.destroy();
    call(transport(tlsOf('n2', n2).tls), address);
    await vi.waitFor(() => expect(seen).toEqual([[1, 7]]));
  });

  test('resumes no session: each connection shows its certificate', async () => {
    const { address } = await listening();
    const [ca, cert, key] = [n2.ca, n2.cert!, n2.key!].map((file) => readFileSync(file));
    /** Connects; what is needed to resume, if the server gave it, is there when it speaks HTTP/2. */
    const visit = async (session?: Buffer): Promise<{ session: Buffer | undefined; reused: boolean }> => {
      const port = Number(address.split(':')[1]);
      const socket = connect({ port, host: '127.0.0.1', ca, cert, key, ALPNProtocols: ['h2'], session });
      let given: Buffer | undefined;
      socket.on('session', (ticket) => {
        given = ticket;
      });
      await new Promise((resolve, reject) => socket.once('data', resolve).once('error', reject));
      const reused = socket.isSessionReused();
      socket.destroy();
      return { session: given, reused };
    };
    const { session } = await visit();
    expect((await visit(session)).reused).toBe(false);
  });

  test('closes with the node', async () => {
    const { address } = await listening();
    await opened[0]!.close();
    const reason = await call(transport(tlsOf('n2', n2).tls), address).closed;
    expect(reason).toMatch(/ECONNREFUSED/);
  });

  test('is PORT_IN_USE when it is taken', async () => {
    const { address } = await listening();
    await expect(transport(tlsOf('n2', n2).tls).listen(address, () => {})).rejects.toMatchObject({
      code: 'PORT_IN_USE',
    });
  });
});

describe('a dialler with TLS', () => {
  test.each([
    ['another node of the cluster', () => n1, 'n4', /another identity; its certificate says spiffe:\/\/demo\/node\/n1/],
    ['a node of a foreign authority', () => ({ ...n1, ca: foreign.ca }), 'n1', /foreign authority/],
  ])('refuses %s, in one line, and sends it nothing', async (_what, listens, meant, reason) => {
    const { address, seen, peers } = await listening(n1);
    const trusts = listens();
    const { tls, lines } = tlsOf('n2', { ...n2, ca: trusts.ca });
    const dialler = transport(tls);
    for (let i = 0; i < 3; i++) expect(await call(dialler, address, meant).closed).toMatch(reason);
    expect([seen, peers]).toEqual([[], []]);
    expect(lines).toEqual([
      expect.objectContaining({
        message: 'peer refused',
        direction: 'to',
        peer: address,
        certificate: 'spiffe://demo/node/n1',
        expected: `spiffe://demo/node/${meant}`,
      }),
    ]);
  });

  test('refuses a server whose certificate has expired', async () => {
    const { address } = await listening(
      await authorities.issue('n1', { dir: 'certs', clock: clockDaysAgo(150) }),
      clockDaysAgo(150),
    );
    n1 = await authorities.issue('n1');
    const { tls, lines } = tlsOf('n2', n2);
    expect(await call(transport(tls), address).closed).toMatch(/expired at/);
    expect(lines).toHaveLength(1);
  });

  test('sends nothing to a server in clear', async () => {
    const seen: unknown[] = [];
    const address = await transport().listen('127.0.0.1:0', (connection) =>
      connection.onFrame((frame) => seen.push(frame)),
    );
    await call(transport(tlsOf('n2', n2).tls), address).closed;
    expect(seen).toEqual([]);
  });
});

describe('a port for clients', () => {
  const files = async (who: string): Promise<TlsFiles> =>
    ({
      'a client': await authorities.issue('alice', { kind: 'client' }),
      'a node': n2,
      nobody: { ca: n1.ca },
      'a client of a foreign authority': {
        ...(await authorities.issue('alice', { dir: 'elsewhere', kind: 'client' })),
        ca: n1.ca,
      },
    })[who] as TlsFiles;

  test.each([
    ['a client', true, true],
    ['a client', false, true],
    ['a node', false, true],
    ['nobody', true, true],
    ['nobody', false, false],
    ['a client of a foreign authority', true, false],
  ])('with %s, when it need not show a certificate: %s, welcome: %s', async (who, anonymous, welcome) => {
    const { tls, lines } = tlsOf('n1', n1);
    const came = Promise.withResolvers<string>();
    const { port, close } = await tls.listen(
      '127.0.0.1:0',
      { cluster: 'demo', kinds: ['node', 'client'], anonymous },
      (socket) => {
        came.resolve('welcome');
        socket.destroy();
      },
    );
    const client = new Tls({ files: await files(who), cluster: undefined, clock: systemClock, logger: nullLogger });
    const socket = connectTcp(port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    const secured = await client.secure(socket, { cluster: undefined, kinds: ['node'] });
    secured.once('close', () => came.resolve('refused'));
    secured.resume();
    expect(await came.promise).toBe(welcome ? 'welcome' : 'refused');
    expect(refusals(lines)).toHaveLength(welcome ? 0 : 1);
    close();
  });
});

describe('a hello that says another name than the certificate', () => {
  test('is refused on the control port, with IDENTITY_MISMATCH and one line', async () => {
    const lines: Line[] = [];
    const control = (self: string, tls: Tls, logger = nullLogger, address = '') => {
      const made = openGrpcControl({
        self,
        cluster: 'demo',
        tls,
        clock: systemClock,
        logger,
        resolve: async () => address,
      });
      opened.push(made);
      return made;
    };
    const server = control('n1', tlsOf('n1', n1).tls, recordingLogger(lines));
    const callers: string[] = [];
    const address = await server.listen('127.0.0.1:0', {
      raft: () => {},
      request: async (from) => {
        callers.push(from);
        return new Uint8Array();
      },
      watch: async function* () {},
      snapshot: async function* () {},
    });
    const request = { kind: 'query', body: new Uint8Array(), timeoutMs: 5_000 } as const;
    const { tls } = tlsOf('n2', n2);
    await control('n2', tls, nullLogger, address).request('n1', request);
    const impostor = control('n9', tls, nullLogger, address).request('n1', request);
    await expect(impostor).rejects.toMatchObject({ code: 'IDENTITY_MISMATCH' });
    expect(callers).toEqual(['n2']);
    expect(lines).toHaveLength(1);
    expect(String(lines[0]!.error)).toContain('it calls itself n9, its certificate is for n2');
  });

  test('is refused by links, with one line on each side', async () => {
    const links = (node: string, port: Transport, lines: Line[]) => {
      const parts = { clock: systemClock, random: systemRandom, logger: recordingLogger(lines) };
      const made = openLinks({ self: { node, incarnation: 1 }, clusterId: 'demo', transport: port, ...parts });
      opened.push(made);
      return made;
    };
    const [atServer, atCaller]: [Line[], Line[]] = [[], []];
    const port = transport(tlsOf('n1', n1).tls);
    const server = links('n1', port, atServer);
    const received: string[] = [];
    server.onEnvelope((from) => void received.push(from.node));
    const address = await port.listen('127.0.0.1:0', (connection) => server.accept(connection));
    const { tls } = tlsOf('n2', n2);
    const envelope = { kind: 'tell', to: 'x', correlation: 0, method: 'm', payload: new Uint8Array() } as const;
    for (const node of ['n2', 'n9']) {
      const caller = links(node, transport(tls), atCaller);
      caller.peerUp({ node: 'n1', incarnation: 1 }, address);
      caller.send({ node: 'n1', incarnation: 1 }, 'user', envelope);
      if (node === 'n2') await caller.flush(5_000);
      else await vi.waitFor(() => expect(atCaller).toHaveLength(1));
      await caller.close();
    }
    expect(received).toEqual(['n2']);
    expect(refusals(atServer)[0]).toMatchObject({ code: 'IDENTITY_MISMATCH', certificate: 'n2', said: 'n9' });
    expect(atCaller[0]).toMatchObject({ message: 'link refused' });
  });
});

describe('new certificates', () => {
  /** The serial number that a port shows now. */
  const serialAt = (address: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({
        port: Number(address.split(':')[1]),
        host: '127.0.0.1',
        rejectUnauthorized: false,
        ALPNProtocols: ['h2'],
      });
      socket.once('secureConnect', () => {
        resolve(socket.getPeerX509Certificate()!.serialNumber);
        socket.destroy();
      });
      socket.once('error', reject);
    });

  test('are used for the next connections, of a server and of a dialler, while traffic flows', async () => {
    const clock = clockDaysAgo(0);
    const { address, seen, peers, lines } = await listening(n1, clock);
    const caller = tlsOf('n2', n2, clock);
    const dialler = transport(caller.tls);
    const { connection, closed } = call(dialler, address);
    await vi.waitFor(() => expect(seen).toHaveLength(1));
    const before = await serialAt(address);

    // Both move to another authority; first everybody believes both.
    const [old, next] = [readFileSync(n1.ca), readFileSync(foreign.ca)];
    const kept = ['ca', 'n1', 'n2'].flatMap((name) => [`${name}.crt`, `${name}.key`]);
    const path = (file: string): string => `${authorities.folder}/certs/${file}`;
    const contents = kept.map((file) => readFileSync(path(file)));
    writeFileSync(n1.ca, Buffer.concat([old, next]));
    for (const name of ['n1', 'n2']) {
      const issued = await authorities.issue(name, { dir: 'elsewhere' });
      copyFileSync(issued.key!, path(`${name}.key`));
      copyFileSync(issued.cert!, path(`${name}.crt`));
    }
    expect(await serialAt(address)).toBe(before);
    await clock.advance(1_000);
    expect(await serialAt(address)).not.toBe(before);
    call(dialler, address);
    await vi.waitFor(() => expect(peers).toEqual(['n2', 'n2']));

    // The old authority goes: who has only its certificate stays out, and the first connection is still there.
    writeFileSync(n1.ca, next);
    await clock.advance(1_000);
    connection.write(Uint8Array.of(9));
    await vi.waitFor(() => expect(seen.at(-1)).toEqual([1, 9]));
    expect(await Promise.race([closed, Promise.resolve('open')])).toBe('open');
    call(dialler, address);
    await vi.waitFor(() => expect(peers).toHaveLength(3));
    // The look at the serial number may count as one.
    expect(refusals([...lines, ...caller.lines]).filter(({ reason }) => reason !== 'no certificate')).toEqual([]);
    expect(caller.lines.map(({ message }) => message)).toEqual(['certificates read again', 'certificates read again']);
    for (const [i, file] of kept.entries()) writeFileSync(path(file), contents[i]!);
  });

  test.each([
    ['do not fit together', 'n1.key', () => readFileSync(n2.key!)],
    ['are for another node', 'n1', () => 'n2'],
    ['are no certificates', 'n1.crt', () => Buffer.from('nothing')],
  ])('that %s are not used, and one line says so', async (_what, file, content) => {
    const clock = clockDaysAgo(0);
    const path = (name: string): string => `${authorities.folder}/certs/${name}`;
    const kept = ['n1.crt', 'n1.key'].map((name) => readFileSync(path(name)));
    const { address, lines } = await listening(n1, clock);
    const before = await serialAt(address);
    if (file === 'n1') for (const end of ['crt', 'key']) copyFileSync(path(`n2.${end}`), path(`n1.${end}`));
    else writeFileSync(path(file), content());
    for (let i = 0; i < 3; i++) {
      await clock.advance(1_000);
      expect(await serialAt(address)).toBe(before);
    }
    expect(lines.filter(({ message }) => message === 'new certificates are not used')).toHaveLength(1);
    writeFileSync(path('n1.crt'), kept[0]!);
    writeFileSync(path('n1.key'), kept[1]!);
    n1 = await authorities.issue('n1');
    await clock.advance(1_000);
    expect(await serialAt(address)).not.toBe(before);
  });

  test('are asked for in one line when the present ones end soon', async () => {
    const clock = clockDaysAgo(0);
    const { tls, lines } = tlsOf('n1', n1, clock);
    const address = await transport(tls).listen('127.0.0.1:0', () => {});
    await clock.advance(75 * 86_400_000);
    await serialAt(address);
    expect(lines).toEqual([]);
    for (let i = 0; i < 3; i++) {
      await clock.advance(86_400_000);
      await serialAt(address);
    }
    expect(lines).toEqual([
      expect.objectContaining({ level: 'warn', message: expect.stringContaining('ends soon'), file: n1.cert }),
    ]);
  });

  test('that nobody would believe keep a node from starting', () => {
    expect(() => tlsOf('n1', n2)).toThrow(expect.objectContaining({ code: 'IDENTITY_MISMATCH' }));
    expect(() => tlsOf('n3', expired)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIGURATION' }));
    expect(() => tlsOf('n1', { ...n1, key: n2.key })).toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIGURATION' }),
    );
    expect(() => tlsOf('n1', { ...n1, cert: '/nowhere/n1.crt' })).toThrow('run troupe certs');
  });
});
