import type { Entry, HardState, SnapshotMeta } from '../../../../src/raft/consensus/types.ts';
import { type DiskLogOptions, type MemoryDisk, openDiskLog, type RaftLog } from '../../../../src/raft/log/index.ts';

export function entry(index: number, term: number, data = `${term}.${index}`): Entry {
  return { term, index, kind: 'normal', data: Buffer.from(data) };
}

/** Entries first..last of one term. */
export function run(first: number, last: number, term: number, dataBytes?: number): Entry[] {
  const entries: Entry[] = [];
  for (let index = first; index <= last; index++) {
    entries.push(entry(index, term, dataBytes === undefined ? undefined : 'x'.repeat(dataBytes)));
  }
  return entries;
}

export function hard(term: number, vote: string | undefined = undefined, commit = 0): HardState {
  return { term, vote, commit };
}

export function meta(index: number, term: number): SnapshotMeta {
  return { index, term, configuration: { voters: ['n1', 'n2', 'n3'] } };
}

export async function* bytes(...chunks: string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

export async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let all = '';
  for await (const chunk of chunks) all += Buffer.from(chunk).toString('latin1');
  return all;
}

/** A log as `term:data` of each entry, from the first on. */
export function contents(log: RaftLog): string[] {
  const entries = log.entries(log.firstIndex(), log.lastIndex() + 1, Number.POSITIVE_INFINITY) ?? [];
  return entries.map((each) => `${each.index}:${each.term}:${Buffer.from(each.data).toString()}`);
}

export function openOn(disk: MemoryDisk, options: Partial<DiskLogOptions> = {}): ReturnType<typeof openDiskLog> {
  return openDiskLog({ disk, clusterId: 'test', id: 'n1', segmentBytes: 4096, ...options });
}
