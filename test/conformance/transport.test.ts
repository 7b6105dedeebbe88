import { afterEach, describe, expect, test, vi } from 'vitest';
import { isTroupeError } from '../../src/core/index.ts';
import { type Connection, MemoryNetwork, openGrpcTransport, type Transport } from '../../src/remote/index.ts';

interface Pair {
  readonly server: Transport;
  readonly client: Transport;
}

const adapters: Record<string, () => Pair> = {
  memory: () => {
    const network = new MemoryNetwork();
    return { server: network.transport('server'), client: network.transport('client') };
  },
  grpc: () => ({ server: openGrpcTransport(), client: openGrpcTransport() }),
};

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe.each(Object.entries(adapters))('transport over %s', (_name, open) => {
  const opened: Pair[] = [];
  const start = (): Pair => {
    const pair = open();
    opened.push(pair);
    return pair;
  };
  afterEach(async () => {
    for (const { client, server } of opened.splice(0)) await Promise.all([client.close(), server.close()]);
  });

  /** Both ends of a connection, with what each has received. */
  async function connect(pair: Pair): Promise<{
    readonly near: Connection;
    readonly far: Connection;
    readonly atNear: number[][];
    readonly atFar: number[][];
    readonly closed: string[];
  }> {
    const atNear: number[][] = [];
    const atFar: number[][] = [];
    const closed: string[] = [];
    let far: Connection | undefined;
    const address = await pair.server.listen('127.0.0.1:0', (connection) => {
      far = connection;
      connection.onFrame((frame) => atFar.push([...frame.subarray(0, 4)]));
      connection.onClose((reason) => closed.push(`far: ${reason}`));
    });
    const near = pair.client.dial(address, 'user');
    near.onFrame((frame) => atNear.push([...frame.subarray(0, 4)]));
    near.onClose((reason) => closed.push(`near: ${reason}`));
    near.write(bytes(0));
    await vi.waitFor(() => expect(atFar).toEqual([[0]]));
    atFar.pop();
    return { near, far: far!, atNear, atFar, closed };
  }

  test('frames arrive whole and in order, both ways', async () => {
    const { near, far, atNear, atFar } = await connect(start());
    for (let i = 0; i < 200; i++) {
      near.write(bytes(i, 1));
      far.write(bytes(i, 2));
    }
    const expected = (side: number): number[][] => Array.from({ length: 200 }, (_, i) => [i, side]);
    await vi.waitFor(() => expect(atFar.length + atNear.length).toBe(400));
    expect(atFar).toEqual(expected(1));
    expect(atNear).toEqual(expected(2));
  });

  test('an empty frame and one of 3 MiB arrive', async () => {
    const pair = start();
    const sizes: number[] = [];
    const address = await pair.server.listen('127.0.0.1:0', (connection) =>
      connection.onFrame((frame) => sizes.push(frame.byteLength)),
    );
    const connection = pair.client.dial(address, 'bulk');
    connection.write(new Uint8Array(0));
    connection.write(new Uint8Array(3 * 1024 * 1024));
    await vi.waitFor(() => expect(sizes).toEqual([0, 3 * 1024 * 1024]));
  });

  test('a reader that pauses makes write say false, and drain follows when it goes on', async () => {
    const { near, far, atFar } = await connect(start());
    far.pause();
    const drained = vi.fn();
    near.onDrain(drained);
    const frame = new Uint8Array(256 * 1024);
    let written = 0;
    // What the buffers of sockets and windows hold is the adapter's affair; that it ends is not.
    await vi.waitFor(() => {
      for (let more = true; more && written < 2_000; ) {
        more = near.write(frame);
        written++;
      }
      expect(drained).not.toHaveBeenCalled();
    });
    expect(written).toBeLessThan(2_000);
    far.resume();
    await vi.waitFor(() => expect(atFar.length).toBe(written), { timeout: 10_000 });
    expect(drained).toHaveBeenCalled();
  });

  test('a connection that tells when all is on its way does so after each write, large or small', async () => {
    const { near, atFar } = await connect(start());
    if (near.onSent === undefined) return;
    const sent = vi.fn();
    near.onSent(sent);
    for (const [times, size] of [10, 40_000, 10].entries()) {
      near.write(new Uint8Array(size));
      expect(sent).toHaveBeenCalledTimes(times);
      await vi.waitFor(() => expect(sent).toHaveBeenCalledTimes(times + 1));
    }
    await vi.waitFor(() => expect(atFar.length).toBe(3));
  });

  test('closing either end tells the other once, and what the listening side wrote before arrives', async () => {
    const one = await connect(start());
    one.near.close();
    await vi.waitFor(() => expect(one.closed.length).toBe(1));
    expect(one.closed[0]).toMatch(/^far: /);

    const two = await connect(start());
    two.far.write(bytes(7));
    two.far.close();
    await vi.waitFor(() => expect(two.closed.length).toBe(1));
    expect(two.closed[0]).toMatch(/^near: /);
    expect(two.atNear).toEqual([[7]]);
    expect(two.near.write(bytes(1))).toBe(false);
  });

  test('an address where nobody listens is reported through onClose', async () => {
    const pair = start();
    const address = await pair.server.listen('127.0.0.1:0', () => {});
    await pair.server.close();
    const closed = vi.fn();
    pair.client.dial(address, 'user').onClose(closed);
    await vi.waitFor(() => expect(closed).toHaveBeenCalledOnce());
  });

  test('a taken port is PORT_IN_USE, in one line', async () => {
    const pair = start();
    const address = await pair.server.listen('127.0.0.1:0', () => {});
    const error: unknown = await pair.client.listen(address, () => {}).catch((thrown: unknown) => thrown);
    expect(isTroupeError(error, 'PORT_IN_USE')).toBe(true);
    expect(String(error)).toContain(address);
    expect(String(error)).not.toContain('\n');
  });

  test('closing the listening transport breaks its connections', async () => {
    const pair = start();
    const { closed } = await connect(pair);
    await pair.server.close();
    await vi.waitFor(() => expect(closed.some((line) => line.startsWith('near: '))).toBe(true));
  });
});

test('grpc does not listen beyond loopback in clear unless told to', async () => {
  const shy = openGrpcTransport();
  const error: unknown = await shy.listen('0.0.0.0:0', () => {}).catch((thrown: unknown) => thrown);
  expect(isTroupeError(error, 'INVALID_CONFIGURATION')).toBe(true);
  const bold = openGrpcTransport({ allowInsecureBeyondLoopback: true });
  expect(await bold.listen('0.0.0.0:0', () => {})).toMatch(/^0\.0\.0\.0:\d+$/);
  await bold.close();
});
