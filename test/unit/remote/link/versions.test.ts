import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type GrpcObject, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { isTroupeError, type Logger, nullLogger, SeededRandom } from '../../../../src/core/index.ts';
import { type Connection, type Envelope, MemoryNetwork, openLinks } from '../../../../src/remote/index.ts';
import { FrameDecoder } from '../../../../src/remote/link/decode.ts';
import { FrameEncoder } from '../../../../src/remote/link/encode.ts';
import { peerProto } from '../../../../src/remote/link/messages.ts';
import { ManualClock } from '../../../../src/testkit/clock.ts';
import { CLUSTER, CONVERSATION, converse, DIALLER, LISTENER, splitFrames } from './conversation.ts';

/** Minor versions that are out there; `test/fixtures/link/record.ts` adds the present one before it changes. */
const VERSIONS = ['1.0'] as const;

const folder = (version: string): string =>
  fileURLToPath(new URL(`../../../fixtures/link/${version}/`, import.meta.url));
const recorded = (version: string, file: string): Uint8Array[] =>
  splitFrames(readFileSync(`${folder(version)}${file}.bin`));

/** The general codec, from the `.proto` file as it was. */
function codecOf(version: string): typeof peerProto.Frame {
  const proto = fileURLToPath(new URL('../../../../proto', import.meta.url));
  const definition = loadSync('peer.proto', {
    includeDirs: [folder(version), proto],
    longs: Number,
    enums: String,
    defaults: false,
  });
  const troupe = loadPackageDefinition(definition).troupe as GrpcObject;
  return (troupe.v1 as unknown as typeof peerProto).Frame;
}

const plain = (envelopes: readonly Envelope[]): unknown =>
  envelopes.map(({ payload, ...rest }) => ({ ...rest, payload: Buffer.from(payload).toString('base64') }));

/** Reads envelopes with a general codec, as a node of another version would. */
class Reader {
  readonly #codec: typeof peerProto.Frame;
  readonly #texts: Map<number, string> = new Map();
  readonly envelopes: Pick<Envelope, 'kind' | 'to' | 'method' | 'correlation' | 'payload'>[] = [];

  constructor(codec: typeof peerProto.Frame) {
    this.#codec = codec;
  }

  read(bytes: Uint8Array): void {
    const frame = this.#codec.deserialize(Buffer.from(bytes));
    const known = (text: string | undefined, id = 0): string => {
      if (id > 0 && text !== undefined) this.#texts.set(id, text);
      return text ?? this.#texts.get(id) ?? '';
    };
    for (const { kind = 'TELL', correlation = 0, ...rest } of frame.envelopes ?? []) {
      const payload = rest.payload ?? new Uint8Array(0);
      const to = known(rest.to, rest.toId);
      const method = known(rest.method, rest.methodId);
      known(rest.from, rest.fromId);
      this.envelopes.push({ kind: kind.toLowerCase() as Envelope['kind'], to, method, correlation, payload });
    }
    const last = this.envelopes.at(-1);
    if (frame.piece !== undefined && last !== undefined) {
      this.envelopes[this.envelopes.length - 1] = { ...last, payload: Buffer.concat([last.payload, frame.piece]) };
    }
  }
}

let clock: ManualClock;
let network: MemoryNetwork;
let lines: string[];
let logger: Logger;

beforeEach(() => {
  clock = new ManualClock();
  network = new MemoryNetwork({ clock, random: new SeededRandom(1) });
  lines = [];
  const keep = (text: string, fields?: Record<string, unknown>): void => {
    lines.push(`${text}: ${fields?.error instanceof Error ? fields.error.message : ''}`);
  };
  logger = { ...nullLogger, warn: keep, error: keep };
});

/** The present code as the listener. */
async function listening(): Promise<{ readonly address: string; readonly got: Envelope[] }> {
  const transport = network.transport('listener');
  const links = openLinks({
    self: LISTENER,
    clusterId: CLUSTER,
    transport,
    clock,
    random: new SeededRandom(2),
    logger,
  });
  const got: Envelope[] = [];
  links.onEnvelope((_from, _lane, envelope) => {
    got.push(envelope);
  });
  return { address: await transport.listen('listener:0', (connection) => links.accept(connection)), got };
}

/** Someone who dials, and what it is answered. */
function dialling(address: string): { readonly wire: Connection; readonly heard: Uint8Array[] } {
  const wire = network.transport('dialler').dial(address, 'user');
  const heard: Uint8Array[] = [];
  wire.onFrame((frame) => heard.push(frame));
  return { wire, heard };
}

/** The present code as the dialler of a peer that answers the hello with the first of `answers`, and a ping with the next. */
async function dialled(
  answers: readonly Uint8Array[],
): Promise<{ readonly heard: Uint8Array[]; dials: number; flushed: boolean }> {
  const state = { heard: [] as Uint8Array[], dials: 0, flushed: false };
  const address = await network.transport('listener').listen('listener:0', (connection) => {
    const codec = new FrameDecoder();
    let next = 0;
    state.dials++;
    connection.onFrame((frame) => {
      state.heard.push(frame);
      const answer = next === 0 || codec.decode(frame).ping ? answers[next++] : undefined;
      if (answer !== undefined) connection.write(answer);
    });
  });
  const transport = network.transport('dialler');
  const limits = { pieceBytes: 2_048 };
  const random = new SeededRandom(2);
  const links = openLinks({ self: DIALLER, clusterId: CLUSTER, transport, clock, random, logger, limits });
  links.peerUp(LISTENER, address);
  for (const [i, envelope] of CONVERSATION.entries()) {
    links.send(LISTENER, 'user', envelope);
    if (i < 3) await clock.settle();
  }
  void links.flush(5_000).then(() => {
    state.flushed = true;
  });
  return state;
}

describe.each(VERSIONS)('a node of version %s', (version) => {
  test('dials: what it says is understood, and the answers are for it to read', async () => {
    const { address, got } = await listening();
    const { wire, heard } = dialling(address);
    for (const frame of recorded(version, 'dialler')) wire.write(frame);
    await clock.advance(100);
    expect(plain(got)).toEqual(plain(CONVERSATION));
    const answers = heard.map((bytes) => codecOf(version).deserialize(Buffer.from(bytes)));
    expect(answers[0]?.welcome?.protocol).toBe(1);
    expect(answers[0]?.receipt).toMatchObject({ messagesUntil: 16_384, bytesUntil: 16_777_216 });
    expect(answers.at(-1)?.receipt?.received).toBe(CONVERSATION.length);
  });

  test('is dialled: its answers are understood, and what we say is for it to read', async () => {
    const peer = await dialled(recorded(version, 'listener'));
    await clock.advance(2_500);
    expect(peer.flushed).toBe(true);
    const codec = codecOf(version);
    const hello = codec.deserialize(Buffer.from(peer.heard[0]!)).hello;
    const first = codec.deserialize(Buffer.from(recorded(version, 'dialler')[0]!)).hello;
    expect(hello).toMatchObject({ ...first });
    const reader = new Reader(codec);
    for (const frame of peer.heard) reader.read(frame);
    const told = CONVERSATION.map(({ kind, to, method, correlation, payload }) => ({
      kind,
      to,
      method,
      correlation,
      payload,
    }));
    expect(plain(reader.envelopes)).toEqual(plain(told));
    expect(lines).toEqual([]);
  });

  test('overlooks the asks above an ask, and reads all else', () => {
    const encoder = new FrameEncoder();
    const asked = { kind: 'ask', to: '#17', correlation: 7, method: '', payload: Buffer.from('1') } as const;
    encoder.begin(1);
    for (const askers of [['n1#1/3'], ['n1#1/3', 'n2#2/4>b/x'], undefined])
      encoder.add({ ...asked, askers }, 1_000, false);
    const reader = new Reader(codecOf(version));
    reader.read(encoder.finish());
    expect(plain(reader.envelopes)).toEqual(plain([asked, asked, asked]));
  });

  test('refuses us: said in one line, and tried again with pauses', async () => {
    const peer = await dialled(recorded(version, 'refusal'));
    await clock.advance(20_000);
    expect(lines).toEqual([expect.stringContaining(`cluster ${CLUSTER}, protocol 1 doesn't fit cluster another`)]);
    expect(peer.dials).toBeGreaterThan(10);
    expect(peer.dials).toBeLessThan(50);
  });
});

describe('versions', () => {
  const { Frame } = peerProto;
  const hello = { cluster: CLUSTER, protocol: 1, from: DIALLER, to: LISTENER, lane: 'USER' as const, attempt: 1 };
  const first = Frame.serialize({ firstSequence: 1, envelopes: [{ to: 'agent:a/b', payload: Buffer.from('1') }] });
  /** A field of a later version: number 100, some bytes. */
  const unknown = Buffer.from([0xa2, 6, 2, 9, 9]);

  test('a newer node is met at what both can do, whichever side dials', async () => {
    const { address, got } = await listening();
    const { wire, heard } = dialling(address);
    const newer = Frame.serialize({ hello: { ...hello, capabilities: ['telepathy', 'zstd'] } });
    wire.write(Buffer.concat([newer, unknown]));
    wire.write(Buffer.concat([unknown, first]));
    await clock.advance(100);
    expect(got.length).toBe(1);
    expect(new FrameDecoder().decode(heard[0]!).welcome).toMatchObject({ protocol: 1, capabilities: ['checksum'] });
    const welcome = { protocol: 1, capabilities: ['telepathy'] };
    const receipt = { received: 0, messagesUntil: 100, bytesUntil: 1e6 };
    const received = { received: 7, messagesUntil: 100, bytesUntil: 1e6 };
    const peer = await dialled([
      Frame.serialize({ welcome, receipt }),
      Buffer.concat([unknown, Frame.serialize({ receipt: received })]),
    ]);
    await clock.advance(2_500);
    expect(peer.flushed).toBe(true);
    expect(lines).toEqual([]);
  });

  test('a node of another major version is refused, and told why; nothing of it is taken', async () => {
    const { address, got } = await listening();
    const { wire, heard } = dialling(address);
    wire.write(Frame.serialize({ hello: { ...hello, protocol: 2 } }));
    wire.write(first);
    await clock.advance(100);
    expect(got).toEqual([]);
    const said = 'node-1 speaks version 2 of the link protocol, this node version 1';
    expect(heard.map((bytes) => new FrameDecoder().decode(bytes).refusal?.message)).toEqual([said]);
  });

  test('we refuse to talk to a node of another major version that welcomes us, in one line', async () => {
    const peer = await dialled([
      Frame.serialize({ welcome: { protocol: 2 }, receipt: { messagesUntil: 9, bytesUntil: 9 } }),
    ]);
    await clock.advance(20_000);
    expect(lines).toEqual(['link refused: node-2 speaks version 2 of the link protocol, this node version 1']);
    // Nothing but hellos.
    expect(peer.heard.every((bytes) => new FrameDecoder().decode(bytes).hello !== undefined)).toBe(true);
  });

  test('whoever announces checksums must keep to them', async () => {
    const { address, got } = await listening();
    const { wire } = dialling(address);
    const [promise] = (await converse()).dialler;
    let closed = false;
    wire.onClose(() => {
      closed = true;
    });
    wire.write(promise!);
    wire.write(first);
    await clock.advance(100);
    expect(got).toEqual([]);
    expect(closed).toBe(true);
    expect(lines).toEqual(['link broke the protocol: broken frame: its checksum is missing']);
  });

  test('over a transport that keeps bytes as they are none are promised and none are made', async () => {
    const sealed = (await converse()).dialler;
    const plain = (await converse(CLUSTER, true)).dialler;
    expect(new FrameDecoder().decode(plain[0]!).hello?.capabilities ?? []).toEqual([]);
    expect(plain[1]!.byteLength).toBe(sealed[1]!.byteLength - 5);
  });

  test('bent bytes anywhere in a conversation are noticed, before anything of that frame is taken', async () => {
    const conversation = await converse();
    for (const frames of [conversation.dialler, conversation.listener]) {
      const frame = fc.nat(frames.length - 1);
      const bends = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 });
      fc.assert(
        fc.property(frame, bends, (at, changes) => {
          const decoder = new FrameDecoder();
          for (const before of frames.slice(0, at)) decoder.decode(before);
          const bent = Uint8Array.from(frames[at]!);
          // In a hello or welcome one byte: two may hide both that there is a checksum and that it was announced.
          for (const [position, change] of at === 0 ? changes.slice(0, 1) : changes)
            bent[position % bent.byteLength]! ^= change;
          if (Buffer.compare(bent, frames[at]!) === 0) return;
          let code = 'taken';
          try {
            decoder.decode(bent);
          } catch (error) {
            code = isTroupeError(error) ? error.code : String(error);
          }
          expect(code).toBe('PROTOCOL_VIOLATION');
        }),
        { numRuns: 500 },
      );
    }
  });
});
