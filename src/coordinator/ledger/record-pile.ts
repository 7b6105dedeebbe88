import { concat } from '../codec.ts';

const LENGTH_BYTES = 4;

/** Puts records one after the other, each behind its length. Piles put one after the other are one pile. */
export function pile(records: readonly Uint8Array[]): Uint8Array {
  let bytes = 0;
  for (const record of records) bytes += LENGTH_BYTES + record.byteLength;
  const whole = new Uint8Array(bytes);
  const view = new DataView(whole.buffer);
  let at = 0;
  for (const record of records) {
    view.setUint32(at, record.byteLength);
    whole.set(record, at + LENGTH_BYTES);
    at += LENGTH_BYTES + record.byteLength;
  }
  return whole;
}

/** The records of piles, as views of them. */
export function recordsOf(piles: readonly Uint8Array[]): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (const each of piles) {
    const view = new DataView(each.buffer, each.byteOffset, each.byteLength);
    for (let at = 0; at < each.byteLength; ) {
      const end = at + LENGTH_BYTES + view.getUint32(at);
      records.push(each.subarray(at + LENGTH_BYTES, end));
      at = end;
    }
  }
  return records;
}

/** One pile of those of each owner, which come one after the other. @param ownerOf the owner of the pile at a place */
export function* oneForEach(
  rows: Iterable<readonly [place: number, pile: Uint8Array]>,
  ownerOf: (place: number) => number,
): Generator<readonly [place: number, pile: Uint8Array]> {
  let piles: Uint8Array[] = [];
  let first = 0;
  for (const [place, each] of rows) {
    if (piles.length > 0 && ownerOf(place) !== ownerOf(first)) {
      yield [first, concat(piles)];
      piles = [];
    }
    if (piles.length === 0) first = place;
    piles.push(each);
  }
  if (piles.length > 0) yield [first, concat(piles)];
}
