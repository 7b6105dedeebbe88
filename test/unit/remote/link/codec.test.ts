import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isTroupeError } from '../../../../src/core/index.ts';
import type { Envelope } from '../../../../src/remote/index.ts';
import { FrameDecoder } from '../../../../src/remote/link/decode.ts';
import { encodePing, encodeReceipt, FrameEncoder } from '../../../../src/remote/link/encode.ts';
import { INTERNED_TEXTS, peerProto } from '../../../../src/remote/link/messages.ts';

const { Frame } = peerProto;

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.constantFrom('review', 'agent:a/b'),
);
const envelope: fc.Arbitrary<Envelope> = fc.record(
  {
    kind: fc.constantFrom('tell', 'ask', 'reply', 'error', 'cancel'),
    to: text,
    correlation: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 300 }), fc.maxSafeNat()),
    method: text,
    payload: fc.uint8Array({ maxLength: 300 }),
    requestId: text,
    from: text.filter((value) => value !== ''),
    traceparent: fc.constant('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'),
    timeoutMs: fc.integer({ min: 0, max: 0xffffffff }),
    epoch: fc.oneof(
      fc.integer({ min: 1, max: 300 }),
      fc.maxSafeNat().filter((epoch) => epoch > 0),
    ),
    budget: fc.record(
      { tokens: fc.maxSafeNat(), costMicroUsd: fc.double({ noNaN: true, min: 0 }) },
      { requiredKeys: [] },
    ),
    askers: fc.array(text, { minLength: 1, maxLength: 16 }),
    error: fc.record({
      code: fc.constantFrom('TIMEOUT', 'NOT_LEADER'),
      message: fc.string(),
      data: fc.constant({ leader: 'node-1', term: 3, sure: true }),
    }),
  },
  { requiredKeys: ['kind', 'to', 'correlation', 'method', 'payload'] },
) as fc.Arbitrary<Envelope>;

const encode = (encoder: FrameEncoder, first: number, envelopes: readonly Envelope[]): Uint8Array => {
  encoder.begin(first);
  for (const each of envelopes) encoder.add(each, each.timeoutMs, false);
  return encoder.finish();
};
const plain = ({ payload, ...rest }: Envelope): unknown => ({ ...rest, payload: [...payload] });

describe('frames', () => {
  test('what the encoder writes the decoder reads, frame after frame on one connection', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(envelope, { minLength: 1 }), { maxLength: 4 }),
        fc.maxSafeNat(),
        (frames, first) => {
          const encoder = new FrameEncoder();
          const decoder = new FrameDecoder();
          for (const envelopes of frames) {
            const decoded = decoder.decode(encode(encoder, first, envelopes));
            expect(decoded.firstSequence).toBe(first);
            expect(decoded.envelopes.map(plain)).toEqual(envelopes.map(plain));
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test('a frame stays as it is while the next ones are written, whatever its size', () => {
    const encoder = new FrameEncoder();
    const decoder = new FrameDecoder();
    const sizes = [100, 20_000, 60_000, 40_000, 100, 60_000];
    const frames = sizes.map((size, i) => {
      const payload = new Uint8Array(size).fill(i + 1);
      return encode(encoder, i + 1, [{ kind: 'tell', to: 'x', correlation: 0, method: '', payload }]);
    });
    const arrived = frames.map((frame) => decoder.decode(frame).envelopes[0]!.payload);
    expect(arrived.map((payload) => payload.byteLength)).toEqual(sizes);
    for (const [i, payload] of arrived.entries()) expect(payload.every((byte) => byte === i + 1)).toBe(true);
  });

  test('the asks above an ask have room, however long they are', () => {
    const askers = Array.from({ length: 16 }, (_, i) => `${'ä'.repeat(1_000)}/${i}`);
    const ask = { kind: 'ask', to: 'x', correlation: 1, method: '', payload: new Uint8Array(9), askers } as const;
    expect(new FrameDecoder().decode(encode(new FrameEncoder(), 1, [ask])).envelopes.map(plain)).toEqual([plain(ask)]);
  });

  test('the general codec reads the same from a hand-written frame', () => {
    fc.assert(
      fc.property(fc.array(envelope, { minLength: 1, maxLength: 5 }), (envelopes) => {
        const frame = Frame.deserialize(Buffer.from(encode(new FrameEncoder(), 7, envelopes)));
        expect(frame.firstSequence).toBe(7);
        const texts = new Map<number, string>();
        const known = (written: string | undefined, id: number | undefined): string => {
          if (id && written !== undefined) texts.set(id, written);
          return (id ? texts.get(id) : written) ?? '';
        };
        frame.envelopes?.forEach((got, i) => {
          const sent = envelopes[i]!;
          expect((got.kind ?? 'TELL').toLowerCase()).toBe(sent.kind);
          expect(known(got.to, got.toId)).toBe(sent.to);
          expect(known(got.method, got.methodId)).toBe(sent.method);
          expect(known(got.from, got.fromId)).toBe(sent.from ?? '');
          expect(got.correlation ?? 0).toBe(sent.correlation);
          expect([...(got.payload ?? [])]).toEqual([...sent.payload]);
          expect(got.timeoutMs).toBe(sent.timeoutMs);
          expect(got.epoch ?? 0).toBe(sent.epoch ?? 0);
          expect(got.requestId).toBe(sent.requestId);
          expect(got.error?.code).toBe(sent.error?.code);
          expect(got.askers).toEqual(sent.askers);
          expect(got.budget?.tokens).toBe(sent.budget?.tokens);
        });
      }),
      { numRuns: 200 },
    );
  });

  test('the decoder reads what the general codec writes, and skips fields of later versions', () => {
    const envelopes = [
      {
        kind: 'ASK' as const,
        to: 'agent:a/b',
        toId: 9,
        correlation: 2 ** 40,
        payload: Buffer.from([1, 2]),
        timeoutMs: 0,
      },
      { kind: 'TELL' as const, toId: 9, method: 'm' },
    ];
    const known = Frame.serialize({
      firstSequence: 3,
      envelopes,
      receipt: { received: 1, messagesUntil: 2, bytesUntil: 2 ** 50 },
      ping: true,
    });
    // Fields 100 to 103, one of each wire type that is left.
    const unknown = Buffer.from([0xa0, 6, 1, 0xa9, 6, 1, 2, 3, 4, 5, 6, 7, 8, 0xb2, 6, 2, 9, 9, 0xbd, 6, 1, 2, 3, 4]);
    const frame = new FrameDecoder().decode(Buffer.concat([unknown, known, unknown]));
    expect(frame).toMatchObject({
      firstSequence: 3,
      receipt: { received: 1, messagesUntil: 2, bytesUntil: 2 ** 50 },
      ping: true,
    });
    expect(frame.envelopes.map(plain)).toEqual([
      { kind: 'ask', to: 'agent:a/b', correlation: 2 ** 40, method: '', payload: [1, 2], timeoutMs: 0 },
      { kind: 'tell', to: 'agent:a/b', correlation: 0, method: 'm', payload: [] },
    ]);
    expect(new FrameDecoder().decode(encodePing(9))).toMatchObject({ ping: true, firstSequence: 9 });
    const receipt = { received: 5, messagesUntil: 6, bytesUntil: 7 };
    expect(new FrameDecoder().decode(encodeReceipt(receipt)).receipt).toEqual(receipt);
  });

  test('more texts than the table holds are told again, and arrive right', () => {
    const encoder = new FrameEncoder();
    const decoder = new FrameDecoder();
    const sendRound = (): number => {
      let bytes = 0;
      for (let i = 0; i < INTERNED_TEXTS + 100; i++) {
        const sent = {
          kind: 'tell',
          to: `agent:k/${i}`,
          correlation: 0,
          method: 'm',
          payload: new Uint8Array(),
        } as const;
        // Twice, as only what comes again is numbered.
        for (const frame of [encode(encoder, 1, [sent]), encode(encoder, 1, [sent])]) {
          bytes += frame.byteLength;
          const got = decoder.decode(frame).envelopes[0]!;
          expect([got.to, got.method]).toEqual([sent.to, 'm']);
        }
      }
      return bytes;
    };
    sendRound();
    sendRound();
    const again = { kind: 'tell', to: 'agent:k/4000', correlation: 0, method: 'm', payload: new Uint8Array() } as const;
    expect(encode(encoder, 1, [again]).byteLength).toBeLessThan(19);
  });

  test('texts that come once push no others out of the table', () => {
    const encoder = new FrameEncoder();
    const size = (to: string): number =>
      encode(encoder, 1, [{ kind: 'tell', to, correlation: 0, method: 'm', payload: new Uint8Array() }]).byteLength;
    size('agent:k/often');
    size('agent:k/often');
    const short = size('agent:k/often');
    for (let i = 0; i < INTERNED_TEXTS * 2; i++) size(`agent:k/${i}`);
    expect(size('agent:k/often')).toBe(short);
  });

  test('a payload in pieces is announced by the last envelope only', () => {
    const encoder = new FrameEncoder();
    const big = { kind: 'tell', to: 'a', correlation: 0, method: 'm', payload: new Uint8Array(500) } as const;
    encoder.begin(1);
    encoder.add(big, undefined, true);
    const decoder = new FrameDecoder();
    expect(decoder.decode(encoder.finish()).payloadBytes).toBe(500);
    const piece = decoder.decode(Buffer.concat(encoder.piece(new Uint8Array([1, 2, 3]))));
    expect([...piece.piece!]).toEqual([1, 2, 3]);
    encoder.begin(1);
    encoder.add(big, undefined, true);
    encoder.add(big, undefined, false);
    expect(() => decoder.decode(encoder.finish())).toThrow('before the pieces');
  });

  test('garbage is PROTOCOL_VIOLATION and nothing else', () => {
    const outcome = (bytes: Uint8Array): string => {
      try {
        new FrameDecoder().decode(bytes);
        return 'fine';
      } catch (error) {
        return isTroupeError(error) ? error.code : String(error);
      }
    };
    const good = encode(new FrameEncoder(), 1, [
      { kind: 'ask', to: 'agent:a/b', correlation: 5, method: 'review', payload: new Uint8Array(50), timeoutMs: 5 },
    ]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(['fine', 'PROTOCOL_VIOLATION']).toContain(outcome(bytes));
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.nat(good.byteLength - 1), fc.nat(255), (at, value) => {
        const bent = Uint8Array.from(good);
        bent[at] = value;
        expect(['fine', 'PROTOCOL_VIOLATION']).toContain(outcome(bent));
      }),
      { numRuns: 2_000 },
    );
    for (let length = 5; length < good.byteLength; length++) {
      // Without its checksum it is a frame of a peer that sends none.
      const expected = length === good.byteLength - 5 ? 'fine' : 'PROTOCOL_VIOLATION';
      expect(outcome(good.subarray(0, length)), `cut at ${length}`).toBe(expected);
    }
    expect(outcome(Uint8Array.from([0x20, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]))).toBe(
      'PROTOCOL_VIOLATION',
    );
  });
});
