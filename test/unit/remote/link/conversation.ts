import { nullLogger, SeededRandom } from '../../../../src/core/index.ts';
import {
  type Connection,
  type Envelope,
  MemoryNetwork,
  openLinks,
  type Transport,
} from '../../../../src/remote/index.ts';
import { ManualClock } from '../../../../src/testkit/clock.ts';

/** Who speaks in the recorded conversation. */
export const DIALLER = { node: 'node-1', incarnation: 41 } as const;
export const LISTENER = { node: 'node-2', incarnation: 7 } as const;
export const CLUSTER = 'recorded';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What node-1 says to node-2 in it: each kind, each field, texts that come back, and a payload in pieces. */
export const CONVERSATION: readonly Envelope[] = [
  { kind: 'tell', to: 'agent:reviewer/left-pad', correlation: 0, method: 'note', payload: bytes('first') },
  {
    kind: 'ask',
    to: 'agent:reviewer/left-pad',
    correlation: 2 ** 40 + 1,
    method: 'review',
    payload: bytes('second'),
    requestId: 'r-1',
    from: 'node-1#41',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    timeoutMs: 2_500,
    epoch: 300,
  },
  { kind: 'reply', to: '', correlation: 12, method: '', payload: bytes('third') },
  {
    kind: 'error',
    to: '',
    correlation: 13,
    method: '',
    payload: new Uint8Array(0),
    error: { code: 'NOT_LEADER', message: 'ask é', address: 'node-3', data: { leader: 'node-3', term: 3, sure: true } },
  },
  { kind: 'cancel', to: 'agent:reviewer/left-pad', correlation: 14, method: 'review', payload: new Uint8Array(0) },
  {
    kind: 'tell',
    to: 'sys:handover',
    correlation: 0,
    method: 'stage',
    payload: new Uint8Array(5_000).map((_, i) => i % 251),
  },
  { kind: 'tell', to: 'agent:reviewer/left-pad', correlation: 0, method: 'note', payload: bytes('last') },
];

/** What went over the one connection, in order, each way. */
export interface Recording {
  readonly dialler: Uint8Array[];
  readonly listener: Uint8Array[];
}

/**
 * Has the conversation as the present code has it, until the dialler has pinged once.
 *
 * @param cluster the listener's
 * @param authenticated whether the transport says that it keeps bytes as they are
 */
export async function converse(cluster = CLUSTER, authenticated = false): Promise<Recording> {
  const clock = new ManualClock();
  const network = new MemoryNetwork({ clock, random: new SeededRandom(1) });
  const recording: Recording = { dialler: [], listener: [] };
  const recorded = (transport: Transport): Transport => ({
    ...transport,
    authenticated,
    dial: (address, lane, node) => {
      const connection = transport.dial(address, lane, node);
      return Object.assign(Object.create(connection) as Connection, {
        write: (frame: Uint8Array) => {
          recording.dialler.push(Uint8Array.from(frame));
          return connection.write(frame);
        },
        onFrame: (listener: (frame: Uint8Array) => void) =>
          connection.onFrame((frame) => {
            recording.listener.push(Uint8Array.from(frame));
            listener(frame);
          }),
        onDrain: (listener: () => void) => connection.onDrain(listener),
        onClose: (listener: (reason: string) => void) => connection.onClose(listener),
        close: () => connection.close(),
      });
    },
  });
  const common = { clock, random: new SeededRandom(2), logger: nullLogger, limits: { pieceBytes: 2_048 } };
  const near = openLinks({
    ...common,
    self: DIALLER,
    clusterId: CLUSTER,
    transport: recorded(network.transport('near')),
  });
  const farTransport = network.transport('far');
  const far = openLinks({ ...common, self: LISTENER, clusterId: cluster, transport: farTransport });
  near.peerUp(LISTENER, await farTransport.listen('far:0', (connection) => far.accept(connection)));
  for (const [i, envelope] of CONVERSATION.entries()) {
    near.send(LISTENER, 'user', envelope);
    // The first ones in frames of their own, the rest together.
    if (i < 3) await clock.settle();
  }
  await clock.advance(cluster === CLUSTER ? 2_500 : 1);
  await near.close();
  await far.close();
  return recording;
}

/** Frames as one file: each behind its length, four bytes, the most significant first. */
export function joinFrames(frames: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    frames.flatMap((frame) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(frame.byteLength);
      return [length, frame];
    }),
  );
}

/** Undoes `joinFrames`. */
export function splitFrames(file: Buffer): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < file.byteLength; ) {
    const end = at + 4 + file.readUInt32BE(at);
    frames.push(file.subarray(at + 4, end));
    at = end;
  }
  return frames;
}
