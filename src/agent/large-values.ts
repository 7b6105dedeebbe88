import type { Blobs } from '../journal/index.ts';
import { encodePayload } from '../wire/index.ts';
import type { Folded, JournalLine, StepReceipt } from './folded.ts';

/** A line of a journal over this leaves its values in the blob store and names them, bytes encoded. */
export const LINE_BYTES_MAX: number = 64 * 1024;
/** A value under this stays in its line all the same, bytes. */
const VALUE_BYTES_MIN = 8 * 1024;
/** Blobs read at a time when a journal is loaded. */
const BLOBS_AT_ONCE = 4;

/** A value, and the blob that it is kept in where it is large. */
export interface Kept {
  readonly value: unknown;
  readonly blob?: string;
}

/** @param blob its name where it is one */
export function kept(value: unknown, blob: string | undefined): Kept {
  return blob === undefined ? { value } : { value, blob };
}

/** As it is written: a value that is a blob is only named. */
export function bare({ value, blob }: Kept): Kept {
  return blob === undefined ? { value } : { value: undefined, blob };
}

/**
 * Puts the large values of a line into the blob store.
 *
 * @param store puts one blob there
 * @returns the line, which names them; `write` gives what to write of it
 * @throws TroupeError as Blobs.put
 */
export async function putLarge(line: JournalLine, store: Blobs['put']): Promise<JournalLine> {
  const put = async (value: unknown): Promise<{ readonly i?: string }> => {
    const bytes = encodePayload(value);
    return bytes.byteLength < VALUE_BYTES_MIN ? {} : { i: await store(bytes) };
  };
  if (line.t === 'done') return { ...line, ...(await put(line.v)) };
  if (line.t !== 'turn') return line;
  const { s } = line;
  return { ...line, ...(await put(line.v)), ...(s && { s: { ...s, ...(await put(s.state)) } }) };
}

/** A line without what is in blobs. */
export function write(line: JournalLine): Uint8Array {
  if (line.t === 'done' && line.i !== undefined) return encodePayload({ ...line, v: undefined });
  if (line.t !== 'turn') return encodePayload(line);
  const { s } = line;
  return encodePayload({
    ...line,
    ...(line.i !== undefined && { v: undefined }),
    ...(s?.i !== undefined && { s: { ...s, state: undefined } }),
  });
}

/** The blobs that lines name. */
export function namedIn(lines: readonly JournalLine[]): string[] {
  return lines.flatMap((line) => {
    const names = line.t === 'done' ? [line.i] : line.t === 'turn' ? [line.i, line.s?.i] : [];
    return names.filter((name) => name !== undefined);
  });
}

/** The blobs that a journal still names once its lines are folded into a snapshot. */
export function namedBy({ state, replyBlobs, steps }: Folded): string[] {
  const names = new Set(replyBlobs.values());
  if (state?.blob !== undefined) names.add(state.blob);
  for (const receipts of steps.values()) {
    for (const { done } of receipts.values()) if (done?.blob !== undefined) names.add(done.blob);
  }
  return [...names];
}

/** Reads the values that a loaded journal only names. @param read a blob's value */
export async function recallLarge(folded: Folded, read: (blob: string) => Promise<unknown>): Promise<void> {
  const { state, replies, replyBlobs, steps } = folded;
  const work: (() => Promise<unknown>)[] = [];
  if (state?.blob !== undefined) {
    const { blob } = state;
    work.push(async () => {
      folded.state = kept(await read(blob), blob);
    });
  }
  for (const [request, blob] of replyBlobs) work.push(async () => replies.set(request, await read(blob)));
  for (const receipts of steps.values()) {
    for (const [name, receipt] of receipts) {
      const blob = receipt.done?.blob;
      if (blob === undefined) continue;
      work.push(async () => receipts.set(name, { ...receipt, done: kept(await read(blob), blob) } as StepReceipt));
    }
  }
  for (let from = 0; from < work.length; from += BLOBS_AT_ONCE) {
    await Promise.all(work.slice(from, from + BLOBS_AT_ONCE).map((one) => one()));
  }
}
