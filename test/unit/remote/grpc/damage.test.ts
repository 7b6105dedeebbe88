import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isTroupeError } from '../../../../src/core/index.ts';
import { MessageReader, prefixed } from '../../../../src/remote/grpc/framing.ts';
import { FrameDecoder } from '../../../../src/remote/link/decode.ts';
import { encodeFrame, FrameEncoder } from '../../../../src/remote/link/encode.ts';
import { CAPABILITIES } from '../../../../src/remote/link/messages.ts';
import { tell } from '../link/world.ts';

/** Longest frame that is taken, bytes: damaged lengths are over it and under it. */
const FRAME_BYTES_MAX = 600;

/** What becomes of the bytes on their way, from a place anywhere in them. */
interface Damage {
  readonly at: number;
  readonly kind: 'bend' | 'drop' | 'repeat' | 'insert';
  readonly length: number;
  readonly garbage: Uint8Array;
}

const damage: fc.Arbitrary<Damage> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  kind: fc.constantFrom('bend', 'drop', 'repeat', 'insert'),
  length: fc.integer({ min: 1, max: 150 }),
  garbage: fc.uint8Array({ minLength: 1, maxLength: 6 }),
});

function damaged(wire: Buffer, { at, kind, length, garbage }: Damage): Buffer {
  const from = Math.floor(at * wire.byteLength);
  const [before, part, after] = [
    wire.subarray(0, from),
    wire.subarray(from, from + length),
    wire.subarray(from + length),
  ];
  if (kind === 'bend') return Buffer.concat([before, part.map((byte, i) => byte ^ (garbage[i] ?? 0)), after]);
  if (kind === 'drop') return Buffer.concat([before, after]);
  if (kind === 'repeat') return Buffer.concat([before, part, part, after]);
  return Buffer.concat([before, garbage, part, after]);
}

test('whatever bytes become on their way, what is delivered is what was sent, in order, until the connection is given up', () => {
  const bodies = fc.array(fc.array(fc.uint8Array({ maxLength: 120, size: 'max' }), { minLength: 1, maxLength: 3 }), {
    maxLength: 8,
  });
  const cuts = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 10 });
  let delivered = 0;
  let givenUp = 0;
  fc.assert(
    fc.property(bodies, fc.array(damage, { maxLength: 3 }), cuts, (frames, damages, cuts) => {
      const sent = frames.flat();
      const encoder = new FrameEncoder();
      const hello = { protocol: 1, capabilities: [...CAPABILITIES] };
      const decoder = new FrameDecoder();
      decoder.decode(encodeFrame({ hello }));
      let next = 1;
      const intact = frames.map((payloads) => {
        encoder.begin(next);
        next += payloads.length;
        for (const payload of payloads) encoder.add(tell(payload, { to: 'agent:a/b', method: 'm' }), undefined, false);
        const frame = encoder.finish();
        return prefixed(frame.byteLength, frame);
      });
      const wire = damages.reduce(damaged, Buffer.concat(intact));

      const taken: Uint8Array[] = [];
      const reader = new MessageReader(FRAME_BYTES_MAX, (bytes) => {
        const { firstSequence, envelopes } = decoder.decode(bytes);
        // As the receiver of a link: a gap is the end, what came before is passed over.
        if (firstSequence > taken.length + 1) throw new RangeError('gap');
        for (const { to, method, payload } of envelopes.slice(taken.length + 1 - firstSequence)) {
          expect([to, method]).toEqual(['agent:a/b', 'm']);
          taken.push(Uint8Array.from(payload));
        }
        return true;
      });
      try {
        for (let at = 0, cut = 0; at < wire.byteLength; cut++) {
          const end = at + cuts[cut % cuts.length]!;
          reader.read(wire.subarray(at, end));
          at = end;
        }
      } catch (error) {
        if (!isTroupeError(error, 'PROTOCOL_VIOLATION') && !isTroupeError(error, 'MESSAGE_TOO_LARGE'))
          expect(error).toEqual(new RangeError('gap'));
        givenUp++;
      }
      expect(taken).toEqual(sent.slice(0, damages.length === 0 ? sent.length : taken.length));
      delivered += taken.length;
    }),
    { seed: 27, numRuns: 1_000 },
  );
  // Both happen, or nothing was tried.
  expect(Math.min(delivered, givenUp)).toBeGreaterThan(300);
});
