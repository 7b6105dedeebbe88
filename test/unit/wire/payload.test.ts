import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { isTroupeError, TroupeError } from '../../../src/core/index.ts';
import { decodePayload, EMPTY_PAYLOAD, encodePayload } from '../../../src/wire/index.ts';

const roundTrip = (value: unknown): unknown => decodePayload(Uint8Array.from(encodePayload(value)));
const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return isTroupeError(error) ? error.code : 'not ours';
  }
  return 'nothing thrown';
};

describe('payload', () => {
  test('structured values keep their types', () => {
    const value = {
      map: new Map<unknown, unknown>([
        ['a', { x: 1 }],
        [2, [true]],
      ]),
      set: new Set([1, 'b']),
      date: new Date(1_700_000_000_000),
      nothing: undefined,
      none: null,
      big: 2n ** 80n,
      negative: -(2n ** 70n),
      bytes: new Uint8Array([1, 2, 3]),
      floats: new Float64Array([0.5, Number.NaN]),
      list: [1.5, Number.MAX_SAFE_INTEGER, 'é€𐍈', Number.POSITIVE_INFINITY],
    };
    const back = roundTrip(value) as typeof value;
    expect({ ...back, bytes: Uint8Array.from(back.bytes) }).toEqual(value);
    expect(back.map).toBeInstanceOf(Map);
    expect(back.bytes).toBeInstanceOf(Uint8Array);
    expect('nothing' in back).toBe(true);
  });

  test('a cycle arrives as a cycle', () => {
    const node: { self?: unknown } = {};
    node.self = node;
    const back = roundTrip(node) as { self: unknown };
    expect(back.self).toBe(back);
  });

  test('undefined takes no bytes', () => {
    expect(encodePayload(undefined)).toBe(EMPTY_PAYLOAD);
    expect(decodePayload(EMPTY_PAYLOAD)).toBe(undefined);
  });

  test('any JSON value survives, and no body depends on another', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue({ noUnicodeString: false })), (generated) => {
        // Those are refused; see below.
        const values = generated.filter((value) => !JSON.stringify(value).includes('"__proto__":'));
        const encoded = values.map((value) => Uint8Array.from(encodePayload(value)));
        const decoded = encoded.reverse().map((bytes) => decodePayload(bytes));
        const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
        expect(decoded.reverse().map(plain)).toEqual(values.map(plain));
      }),
      { numRuns: 200 },
    );
  });

  test.each([0, 1, 255, 256, 65_535, 65_536])('%i bytes that are a body are encoded as the codec does it', (length) => {
    const bytes = Buffer.alloc(length, 'x');
    const body = encodePayload(bytes);
    expect(Buffer.compare(body, new Packr().pack(bytes))).toBe(0);
    expect(Buffer.compare(decodePayload(body) as Buffer, bytes)).toBe(0);
    expect(codeOf(() => decodePayload(body.subarray(0, -1)))).toBe('PROTOCOL_VIOLATION');
  });

  test.each([
    [1_000, false],
    [10_000, true],
  ])('of %i bytes in a frame what is decoded is a view: %s', (length, isView) => {
    const frame = new Uint8Array(64 * 1024);
    for (const value of [Buffer.alloc(length), { bytes: Buffer.alloc(length) }]) {
      const body = encodePayload(value);
      frame.set(body, 5);
      const back = decodePayload(frame.subarray(5, 5 + body.byteLength)) as Buffer | { readonly bytes: Buffer };
      expect((Buffer.isBuffer(back) ? back : back.bytes).buffer === frame.buffer).toBe(isView);
    }
  });

  test('reading a body leaves nothing on it: a message that waits keeps its bytes only', () => {
    for (const length of [10, 10_000]) {
      const bytes = encodePayload({ text: 'x'.repeat(length) });
      const before = Object.getOwnPropertyNames(bytes).length;
      decodePayload(bytes);
      expect(Object.getOwnPropertyNames(bytes).length).toBe(before);
    }
  });

  test('a key `__proto__` is refused wherever it is, and its text is a text', () => {
    const names = fc.constantFrom('__proto__', 'a', 'b');
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        fc.oneof(fc.integer(), names),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.array(fc.tuple(names, tie('tree')), { maxLength: 3 }).map((entries) => JSON.parse(textOf(entries))),
        fc.array(fc.tuple(names, tie('tree')), { maxLength: 3 }).map((entries) => new Map(entries)),
        fc.array(tie('tree'), { maxLength: 3 }).map((members) => new Set(members)),
      ),
    }));
    const textOf = (entries: [string, unknown][]): string =>
      `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`;
    const refused = (value: unknown): boolean => {
      if (typeof value !== 'object' || value === null) return false;
      if (value instanceof Map) return [...value.values()].some(refused);
      if (value instanceof Set) return [...value].some(refused);
      return Object.hasOwn(value, '__proto__') || Object.values(value).some(refused);
    };
    let found = 0;
    fc.assert(
      fc.property(tree, (value) => {
        const expected = refused(value);
        found += Number(expected);
        expect(codeOf(() => encodePayload(value))).toBe(expected ? 'INVALID_ARGUMENT' : 'nothing thrown');
        if (!expected) expect(roundTrip(value)).toEqual(value);
      }),
      { numRuns: 300, examples: [[JSON.parse('[{"__proto__":1}]')], [new Map([['__proto__', { a: '__proto__' }]])]] },
    );
    expect(found).toBeGreaterThan(10);
  });

  test('a body over the limit is MESSAGE_TOO_LARGE, what has no encoding INVALID_ARGUMENT', () => {
    expect(codeOf(() => encodePayload(new Uint8Array(1_001), 1_000))).toBe('MESSAGE_TOO_LARGE');
    expect(codeOf(() => encodePayload(Symbol('x')))).toBe('INVALID_ARGUMENT');
    expect(roundTrip('after a failure')).toBe('after a failure');
  });

  test('garbage is PROTOCOL_VIOLATION and pollutes nothing', () => {
    for (const bytes of [[0xdd, 0xff, 0xff, 0xff, 0xff, 1], [1, 2], [0xa5, 0x61], new Array(1_000_000).fill(0x91)]) {
      expect(codeOf(() => decodePayload(Uint8Array.from(bytes)))).toBe('PROTOCOL_VIOLATION');
    }
    const sly = new Packr().pack(JSON.parse('{"__proto__":{"polluted":true}}'));
    expect((decodePayload(sly) as { polluted?: boolean }).polluted).toBe(undefined);
    expect(roundTrip(new TroupeError('TIMEOUT', 'late'))).toBeInstanceOf(Error);
  });
});
