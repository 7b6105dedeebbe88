import fc from 'fast-check';
import { addExtension, Packr } from 'msgpackr';
import { expect, test } from 'vitest';
import { extendFlat, packFlat, unpackFlat } from '../../../src/wire/flat.ts';

const packr = new Packr({ structuredClone: true, useBigIntExtension: true });

/** Travels as a pair of numbers; a text or null in its place are read, too. */
class Place {
  readonly written: unknown;

  constructor(written: unknown) {
    this.written = written;
  }
}
const extension = { type: 77, write: (place: Place) => place.written, read: (written: unknown) => new Place(written) };
addExtension({ Class: Place, ...extension });
extendFlat({ ...extension, of: Place, write: (place) => (place as Place).written });

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const number = fc.oneof(fc.integer(), fc.double(), fc.integer({ min: -0x90, max: 0x110 }), fc.maxSafeInteger());
const text = fc.oneof(fc.string({ maxLength: 50 }), fc.string({ unit: 'binary', maxLength: 300 }));
const leaf = fc.oneof(
  text,
  number,
  bytes,
  fc.constantFrom(null, undefined, true, false, -0, Number.NaN),
  fc.oneof(fc.tuple(number, number), text, fc.constant(null)).map((written) => new Place(written)),
);
const key = fc.oneof(fc.constantFrom('body', 'reply', 'constructor', '1', ''), fc.string({ maxLength: 31 }));
const flat = fc.dictionary(key, leaf, { maxKeys: 15, noNullPrototype: true });
const other = fc.anything({ withMap: true, withDate: true, withBigInt: true, withTypedArray: true, maxKeys: 17 });

test('flat objects are the very bytes that msgpackr makes of them, and are read as it reads them', () => {
  let taken = 0;
  fc.assert(
    fc.property(flat, fc.boolean(), (value, copied) => {
      const packed = packFlat(value);
      const expected = packr.pack(value);
      if (packed !== undefined) {
        taken++;
        expect(packed.equals(expected)).toBe(true);
      }
      const read = unpackFlat(expected, copied);
      if (packed !== undefined || read !== undefined) expect(read).toEqual(packr.unpack(expected));
    }),
    { numRuns: 200 },
  );
  expect(taken).toBeGreaterThan(80);
});

test('what is not flat is left to msgpackr', () => {
  const twice = Buffer.from('x');
  const half = '\ud83d';
  for (const value of [
    { a: {} },
    { a: [1] },
    { a: twice, b: twice },
    { a: 1n },
    { a: half },
    { ä: 1 },
    { a: new Date() },
  ])
    expect(packFlat(value)).toBeUndefined();
  expect(packFlat(new Place(1))).toBeUndefined();
  expect(packFlat(Object.create(null))).toBeUndefined();
  expect(packFlat(JSON.parse('{"__proto__": 1}'))).toBeUndefined();
  expect(unpackFlat(packr.pack({ a: half }), true)).toBeUndefined();
  fc.assert(
    fc.property(other, (value) => {
      if (typeof value !== 'object' || value === null) return;
      const packed = packFlat(value);
      if (packed !== undefined) expect(packed.equals(packr.pack(value))).toBe(true);
    }),
  );
});

test('nothing is written in the place of an object until all of the body can be', () => {
  let written = 0;
  class Counted {}
  extendFlat({ type: 78, of: Counted, write: () => `${++written}`, read: () => undefined });
  expect(packFlat({ a: new Counted(), b: [] })).toBeUndefined();
  expect(written).toBe(0);
});

test('broken bodies are never read as something else than msgpackr reads', () => {
  fc.assert(
    fc.property(flat, fc.nat(), fc.nat(255), fc.nat(), (value, at, byte, cut) => {
      const body = packr.pack(value);
      body[at % body.byteLength] = byte;
      const broken = Buffer.from(body.subarray(0, 1 + (cut % (2 * body.byteLength))));
      const read = unpackFlat(broken, true);
      if (read !== undefined) expect(read).toEqual(packr.unpack(broken));
    }),
    { numRuns: 300 },
  );
});

test('binary parts are views of the body, or copies where that is wished', () => {
  const body = packr.pack({ a: Buffer.from('abc') });
  const view = unpackFlat(body, false) as { a: Buffer };
  const copy = unpackFlat(body, true) as { a: Buffer };
  body.fill('z', body.byteLength - 3);
  expect([view.a.toString(), copy.a.toString()]).toEqual(['zzz', 'abc']);
});
