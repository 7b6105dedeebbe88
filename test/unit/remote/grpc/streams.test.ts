import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ServerHttp2Stream } from 'node:http2';
import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { afterEach, expect, test, vi } from 'vitest';
import { GrpcStreams } from '../../../../src/remote/grpc/streams.ts';
import type { Connection } from '../../../../src/remote/index.ts';
import { ManualClock } from '../../../../src/testkit/clock.ts';
import type { ProtoGrpcType } from '../../../../src/wire/generated/control.ts';
import { loadProto } from '../../../../src/wire/index.ts';
import { Line } from '../../../conformance/line.ts';

const FRAME_BYTES_MAX = 100_000;
const service = loadProto<ProtoGrpcType>('troupe/v1/control.proto').troupe.v1.Control.service;
const same = (bytes: Buffer): Buffer => bytes;

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

function openStreams(
  options: Partial<ConstructorParameters<typeof GrpcStreams>[0]> = {},
): GrpcStreams<'Call' | 'Watch'> {
  const streams = new GrpcStreams<'Call' | 'Watch'>({
    service,
    frameBytesMax: FRAME_BYTES_MAX,
    windowBytes: 1_000_000,
    keepaliveMs: 20_000,
    keepaliveTimeoutMs: 10_000,
    ...options,
  });
  cleanUp.push(() => streams.close());
  return streams;
}

/** Sends back what comes; an empty frame ends the stream. */
function echo(connection: Connection): void {
  connection.onFrame((frame) => {
    if (frame.byteLength === 0) connection.close();
    else connection.write(frame);
  });
}

/** A call by gRPC's own client, and how it ended. */
function call(address: string, path: string): { sent: (bytes: Buffer) => void; got: Buffer[]; ended: Promise<number> } {
  const client = new Client(address, credentials.createInsecure());
  cleanUp.push(() => client.close());
  const stream = client.makeBidiStreamRequest(path, same, same);
  const got: Buffer[] = [];
  stream.on('data', (bytes: Buffer) => got.push(bytes));
  stream.on('error', () => {});
  const ended = new Promise<number>((resolve) => stream.on('status', ({ code }) => resolve(code)));
  return { sent: (bytes) => void stream.write(bytes), got, ended };
}

test('a client of gRPC itself is served: frames both ways, the end, what is too large or unknown', async () => {
  const address = await openStreams().listen('127.0.0.1:0', echo);
  const good = call(address, service.Call!.path);
  const frames = [Buffer.from([1]), Buffer.alloc(70_000, 2), Buffer.from([3])];
  for (const frame of frames) good.sent(frame);
  await vi.waitFor(() => expect(good.got.map(({ byteLength }) => byteLength)).toEqual([1, 70_000, 1]));
  expect(Buffer.concat(good.got).equals(Buffer.concat(frames))).toBe(true);
  good.sent(Buffer.alloc(0));
  expect(await good.ended).toBe(status.OK);

  const large = call(address, service.Call!.path);
  large.sent(Buffer.alloc(FRAME_BYTES_MAX + 1));
  expect(await large.ended).toBe(status.RESOURCE_EXHAUSTED);
  const unknown = call(address, '/troupe.v1.Control/Nothing');
  unknown.sent(Buffer.from([1]));
  expect(await unknown.ended).toBe(status.UNIMPLEMENTED);
});

test('a server of gRPC itself is dialled: frames both ways, and why it ended', async () => {
  const server = new Server();
  cleanUp.push(() => server.forceShutdown());
  const declared = { ...service.Call!, requestDeserialize: same, responseSerialize: same };
  server.addService({ Call: declared } as never, {
    Call: (stream: ServerDuplexStream<Buffer, Buffer>) => {
      const enough: Partial<ServiceError> = { code: status.ABORTED, details: 'enough: äöü 100 %' };
      stream.on('data', (bytes: Buffer) => (bytes.byteLength > 0 ? stream.write(bytes) : stream.emit('error', enough)));
    },
  });
  const port = await new Promise<number>((resolve) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, bound) => resolve(bound)),
  );
  const connection = openStreams().dial(`127.0.0.1:${port}`, 'Call');
  const got: number[] = [];
  connection.onFrame((frame) => got.push(frame.byteLength));
  const closed = new Promise<string>((resolve) => connection.onClose(resolve));
  connection.write(Buffer.from([1]));
  connection.write(Buffer.alloc(70_000));
  await vi.waitFor(() => expect(got).toEqual([1, 70_000]));
  connection.write(Buffer.alloc(0));
  expect(await closed).toBe('enough: äöü 100 %');
});

test('who pauses in the midst of what one read brought gets the rest after it, and nothing in between', async () => {
  const got: number[] = [];
  let served: Connection | undefined;
  const address = await openStreams().listen('127.0.0.1:0', (connection) => {
    served = connection;
    connection.onFrame(([n]) => {
      got.push(n!);
      if (n! % 2 === 0) connection.pause();
    });
  });
  const connection = openStreams().dial(address, 'Call');
  connection.onFrame(() => {});
  for (let n = 1; n <= 5; n++) connection.write(Uint8Array.of(n));
  await vi.waitFor(() => expect(got).toEqual([1, 2]));
  served!.resume();
  expect(got).toEqual([1, 2, 3, 4]);
  served!.resume();
  await vi.waitFor(() => expect(got).toEqual([1, 2, 3, 4, 5]));
});

test('what may be under way before a reader reads is more than HTTP/2 starts with, both ways', async () => {
  const streams: ServerHttp2Stream[] = [];
  const watch = (message: unknown): void => {
    streams.push((message as { stream: ServerHttp2Stream }).stream);
  };
  subscribe('http2.server.stream.created', watch);
  cleanUp.push(() => unsubscribe('http2.server.stream.created', watch));
  const address = await openStreams().listen('127.0.0.1:0', echo);
  const back: Uint8Array[] = [];
  const connection = openStreams().dial(address, 'Call');
  connection.onFrame((frame) => back.push(frame));
  connection.write(Uint8Array.of(1));
  await vi.waitFor(() => expect(back.length).toBe(1));
  const { localSettings, remoteSettings, state } = streams[0]!.session!;
  expect(localSettings.initialWindowSize).toBe(1_000_000);
  expect(remoteSettings.initialWindowSize).toBe(1_000_000);
  expect(state.localWindowSize).toBeGreaterThan(900_000);
  expect(state.remoteWindowSize).toBeGreaterThan(900_000);
});

test('a connection that gives no sign of life is given up on both sides, a dial without an answer too', async () => {
  const clock = new ManualClock();
  const gone: string[] = [];
  let served = false;
  const address = await openStreams({ clock }).listen('127.0.0.1:0', (connection) => {
    served = true;
    connection.onFrame((frame) => connection.write(frame));
    connection.onClose(() => gone.push('served'));
  });
  await using line = await Line.to(`http://${address}`);
  const streams = openStreams({ clock });
  const connection = streams.dial(line.endpoint, 'Call');
  let answered = false;
  connection.onFrame(() => {
    answered = true;
  });
  connection.onClose((reason) => gone.push(`dialled: ${reason}`));
  connection.write(Uint8Array.of(1));
  await vi.waitFor(() => expect(served && answered).toBe(true));
  line.cut();
  await clock.advance(20_000);
  await clock.advance(9_999);
  expect(gone).toEqual([]);
  await clock.advance(1);
  await vi.waitFor(() => expect(gone.sort()).toEqual(['dialled: no sign of life within 10000 ms', 'served']));

  const inVain = streams.dial(line.endpoint, 'Call');
  inVain.onClose((reason) => gone.push(`in vain: ${reason}`));
  await clock.advance(1_000);
  expect(gone).toContain('in vain: no connection within 1000 ms');
});
