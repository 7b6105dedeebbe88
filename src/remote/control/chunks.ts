import { Deque, type NodeId, TroupeError } from '../../core/index.ts';
import type { Chunk__Output } from '../../wire/generated/troupe/v1/Chunk.ts';
import { fromErrorDetail, toErrorDetail } from '../../wire/index.ts';
import type { Connection } from '../port.ts';
import type { ControlContext, ControlMethod } from './context.ts';
import { controlProto, decode } from './messages.ts';

const { Chunk } = controlProto;

/**
 * Reads a stream of chunks from a peer. The peer is slowed down to the pace of the consumer.
 *
 * @param opening the first and only frame that goes to the peer
 * @param signal ends the iteration quietly
 * @throws TroupeError NODE_UNAVAILABLE when the stream breaks, or what the peer answered
 */
export async function* readChunks(
  context: ControlContext,
  to: NodeId,
  method: ControlMethod,
  opening: Uint8Array,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const unavailable = (reason: string): TroupeError =>
    new TroupeError('NODE_UNAVAILABLE', `${to} can't be reached: ${reason}`, { address: to });
  const address = await context.resolve(to);
  if (address === undefined) throw unavailable('its address is not known');
  if (signal.aborted) return;
  const connection = context.streams.dial(address, method, to);
  const ahead = new Deque<Chunk__Output>();
  let failure: TroupeError | undefined;
  let wake = (): void => {};
  const onAbort = (): void => wake();
  connection.onFrame((bytes) => {
    try {
      ahead.push(decode(Chunk, bytes));
    } catch (error) {
      failure = unavailable(String(error));
    }
    if (ahead.length >= context.limits.chunksAheadMax) connection.pause();
    wake();
  });
  connection.onClose((reason) => {
    failure ??= unavailable(reason);
    wake();
  });
  signal.addEventListener('abort', onAbort);
  connection.write(opening);
  try {
    while (!signal.aborted) {
      const chunk = ahead.shift();
      if (chunk === undefined) {
        if (failure !== undefined) throw failure;
        connection.resume();
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      } else if (chunk.error) throw fromErrorDetail(chunk.error);
      else if (chunk.last) return;
      else yield chunk.data ?? new Uint8Array(0);
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    connection.close();
  }
}

/**
 * Writes a stream of chunks, waiting whenever the transport is full, and ends it with `last` or the error.
 *
 * @param chunks made anew with a signal that fires when the reader is gone
 * @param bytesMax longer chunks are an error
 */
export async function writeChunks(
  connection: Connection,
  chunks: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
  bytesMax: number,
): Promise<void> {
  const gone = new AbortController();
  let wake = (): void => {};
  connection.onClose(() => {
    gone.abort();
    wake();
  });
  connection.onDrain(() => wake());
  const write = async (frame: Uint8Array): Promise<void> => {
    if (gone.signal.aborted || connection.write(frame) || gone.signal.aborted) return;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  };
  try {
    for await (const data of chunks(gone.signal)) {
      if (gone.signal.aborted) return;
      if (data.byteLength > bytesMax) {
        throw new TroupeError('MESSAGE_TOO_LARGE', `${data.byteLength} bytes in one piece, the limit is ${bytesMax}`);
      }
      await write(Chunk.serialize({ data }));
    }
    await write(Chunk.serialize({ last: true }));
  } catch (error) {
    await write(Chunk.serialize({ error: toErrorDetail(error) }));
  }
  connection.close();
}

/** The same bytes in pieces of at most `bytesMax`. */
export async function* sliced(
  chunks: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength; at += bytesMax) yield chunk.subarray(at, at + bytesMax);
  }
}
