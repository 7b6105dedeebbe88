import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isTroupeError } from '../../../../src/core/index.ts';
import { MessageReader, prefixed } from '../../../../src/remote/grpc/framing.ts';

const bodies = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 });

test('messages come out as they went in, however HTTP/2 cuts them and whenever their taker pauses', () => {
  fc.assert(
    fc.property(bodies, fc.array(fc.nat(30), { minLength: 1 }), fc.func(fc.boolean()), (messages, cuts, goesOn) => {
      const wire = Buffer.concat(messages.map((message) => prefixed(message.byteLength, message)));
      const taken: Uint8Array[] = [];
      const reader = new MessageReader(40, (message) => {
        taken.push(Uint8Array.from(message));
        return goesOn(taken.length);
      });
      let cut = 0;
      for (let at = 0; at < wire.byteLength; ) {
        const bytes = 1 + cuts[cut++ % cuts.length]!;
        // Chunks are parts of one buffer that is used again: what is kept must be copied, what is taken at once may be a view.
        let rest: Buffer | undefined = wire.subarray(at, at + bytes);
        while (rest !== undefined) rest = reader.read(rest);
        at += bytes;
      }
      expect(taken).toEqual(messages.map((message) => Uint8Array.from(message)));
    }),
  );
});

test('a taker that pauses gets nothing more until what is left is read', () => {
  const taken: number[] = [];
  const reader = new MessageReader(10, (message) => {
    taken.push(message[0]!);
    return false;
  });
  const rest = reader.read(Buffer.concat([1, 2, 3].map((n) => prefixed(1, Uint8Array.of(n)))));
  expect(taken).toEqual([1]);
  reader.read(rest!);
  expect(taken).toEqual([1, 2]);
});

test('a message over the limit is refused by its prefix, a compressed one too', () => {
  const refused = (chunk: Buffer): unknown => {
    try {
      new MessageReader(10, () => true).read(chunk);
    } catch (error) {
      return error;
    }
    return undefined;
  };
  expect(refused(prefixed(10))).toBeUndefined();
  expect(isTroupeError(refused(prefixed(11)), 'MESSAGE_TOO_LARGE')).toBe(true);
  expect(isTroupeError(refused(Buffer.from([1, 0, 0, 0, 1, 7])), 'PROTOCOL_VIOLATION')).toBe(true);
});

test('memory is used again for messages of which nothing is kept, and for no others', () => {
  const taken: Buffer[] = [];
  let done = true;
  const reader = new MessageReader(100, (message) => {
    taken.push(message);
    if (done) reader.reuse();
    return true;
  });
  const bring = (size: number, value: number): void => {
    const wire = prefixed(size, new Uint8Array(size).fill(value));
    for (let at = 0; at < wire.byteLength; at += 20) reader.read(wire.subarray(at, at + 20));
  };
  bring(80, 1);
  bring(70, 2);
  expect(taken[0]![0]).toBe(2);
  done = false;
  bring(75, 3);
  bring(75, 4);
  // Much smaller than the memory at hand: whoever keeps it shouldn't keep that.
  bring(30, 5);
  expect(taken.slice(2).map((message) => [message.byteLength, message[0]])).toEqual([
    [75, 3],
    [75, 4],
    [30, 5],
  ]);
  done = true;
  bring(80, 6);
  done = false;
  bring(30, 7);
  expect(taken.slice(5).map((message) => message[0])).toEqual([6, 7]);
});

test('a long message takes memory as its bytes come, not as its prefix says', () => {
  const size = 1_000_000;
  const reader = new MessageReader(size, (message) => {
    expect(Buffer.compare(message, body)).toBe(0);
    return false;
  });
  const body = Buffer.alloc(size, 'all the bytes, each at its place. ');
  const before = process.memoryUsage().arrayBuffers;
  expect(reader.read(prefixed(size))).toBeUndefined();
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(size / 2);
  expect.assertions(3);
  for (let at = 0; at < size; at += 50_000) reader.read(body.subarray(at, at + 50_000));
});
