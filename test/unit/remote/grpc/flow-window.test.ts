import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ServerHttp2Stream } from 'node:http2';
import { expect, test, vi } from 'vitest';
import { openGrpcTransport } from '../../../../src/remote/index.ts';

test('what a client may send before it waits is more than HTTP/2 starts with', async () => {
  const streams: ServerHttp2Stream[] = [];
  const watch = (message: unknown): void => {
    streams.push((message as { stream: ServerHttp2Stream }).stream);
  };
  subscribe('http2.server.stream.created', watch);
  const server = openGrpcTransport({ windowBytes: 1_000_000 });
  const client = openGrpcTransport();
  try {
    const address = await server.listen('127.0.0.1:0', (connection) => connection.onFrame(() => {}));
    client.dial(address, 'user').write(Uint8Array.from([1]));
    await vi.waitFor(() => expect(streams[0]?.session?.localSettings.initialWindowSize).toBe(1_000_000));
    expect(streams[0]!.session!.state.localWindowSize).toBeGreaterThan(900_000);
  } finally {
    unsubscribe('http2.server.stream.created', watch);
    await client.close();
    await server.close();
  }
});
