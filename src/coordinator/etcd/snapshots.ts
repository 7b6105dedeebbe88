import { crc32 } from 'node:zlib';
import { TroupeError } from '../../core/index.ts';
import { fromValue, type LogContext, readKeys, toValue, writeFenced } from './context.ts';

const CRC_BYTES = 4;

/** The snapshot that members restore from. */
interface SnapshotMeta {
  /** Index of the last entry in it. */
  readonly index: number;
  /** Term of its writer: chunks of one that never became the snapshot are told apart by it. */
  readonly term: number;
  readonly chunks: number;
}

/**
 * Stores the consumer's image as the snapshot and trims the log behind it. What a writer left that died on the way is removed
 * by the next.
 *
 * @returns the revision of the store after the trim
 * @throws TroupeError NOT_LEADER when the term is over
 */
export async function takeSnapshot(context: LogContext, term: number): Promise<number> {
  const { keys, limits, applier } = context;
  const { index } = applier;
  let chunks = 0;
  for (const bytes of regroup(applier.consumer.snapshot(), limits.valueBytesMax - CRC_BYTES)) {
    const value = new Uint8Array(CRC_BYTES + bytes.byteLength);
    new DataView(value.buffer).setUint32(0, crc32(bytes));
    value.set(bytes, CRC_BYTES);
    await writeFenced(context, term, [{ type: 'put', key: keys.chunk(index, term, chunks), value }]);
    chunks++;
  }
  const meta: SnapshotMeta = { index, term, chunks };
  await writeFenced(context, term, [{ type: 'put', key: keys.snapshot, value: toValue(JSON.stringify(meta)) }]);
  const own = keys.chunks(index, term);
  const trimmed = keys.upTo(index - limits.keepEntries);
  const { revision } = await writeFenced(context, term, [
    { type: 'delete', key: keys.snapshots.key, end: own.key },
    { type: 'delete', key: own.end as string, end: keys.snapshots.end as string },
    ...(index > limits.keepEntries ? trimmed.map((range) => ({ type: 'delete', ...range }) as const) : []),
  ]);
  return revision;
}

/** Index of the snapshot, 0 without one. */
export async function snapshotIndex(context: LogContext): Promise<number> {
  return (await readMeta(context))?.index ?? 0;
}

/**
 * Brings a consumer to the snapshot, for which the log has been trimmed further than the consumer is.
 *
 * @throws TroupeError LOG_CORRUPT when there is no snapshot beyond the consumer, SNAPSHOT_CORRUPT; NOT_FOUND when a newer
 *   snapshot took its place meanwhile
 */
export async function restoreSnapshot(context: LogContext): Promise<void> {
  const { applier } = context;
  const meta = await readMeta(context);
  if (meta === undefined || meta.index <= applier.index) {
    throw new TroupeError(
      'LOG_CORRUPT',
      `entries after ${applier.index} are missing at etcd, and no snapshot has them`,
    );
  }
  await applier.restore(meta.index, readChunks(context, meta));
}

async function readMeta(context: LogContext): Promise<SnapshotMeta | undefined> {
  const { ranges } = await readKeys(context, { key: context.keys.snapshot });
  const found = ranges[0]?.[0];
  return found === undefined ? undefined : (JSON.parse(fromValue(found.value)) as SnapshotMeta);
}

async function* readChunks(context: LogContext, meta: SnapshotMeta): AsyncGenerator<Uint8Array> {
  const { keys, limits } = context;
  const { index, term, chunks } = meta;
  for (let next = 0; next < chunks; ) {
    const from = keys.chunk(index, term, next);
    const range = { ...keys.chunks(index, term), key: from, limit: limits.pageKeysMax };
    const { ranges } = await readKeys(context, range);
    const page = ranges[0] ?? [];
    if (page.length === 0) await missing(context, meta);
    for (const { key, value } of page) {
      const bytes = value.subarray(CRC_BYTES);
      const crc = new DataView(value.buffer, value.byteOffset).getUint32(0);
      if (key !== keys.chunk(index, term, next) || crc !== crc32(bytes)) throw corrupt(key);
      next++;
      yield bytes;
    }
  }
}

async function missing(context: LogContext, { index, term }: SnapshotMeta): Promise<never> {
  const now = await readMeta(context);
  if (now?.index === index && now.term === term) throw corrupt(context.keys.chunks(index, term).key);
  throw new TroupeError('NOT_FOUND', `the snapshot of ${index} was replaced while it was read`);
}

function corrupt(address: string): TroupeError {
  return new TroupeError('SNAPSHOT_CORRUPT', 'a chunk of the snapshot is missing or does not match its checksum', {
    address,
  });
}

/** The same bytes in pieces of one size. */
function* regroup(pieces: Iterable<Uint8Array>, bytesMax: number): Generator<Uint8Array> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    for (let at = 0; at < piece.byteLength; ) {
      const part = piece.subarray(at, at + bytesMax - bytes);
      held.push(part);
      bytes += part.byteLength;
      at += part.byteLength;
      if (bytes < bytesMax) continue;
      yield Buffer.concat(held);
      held = [];
      bytes = 0;
    }
  }
  if (bytes > 0) yield Buffer.concat(held);
}
