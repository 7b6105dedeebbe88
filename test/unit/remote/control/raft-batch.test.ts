import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { controlProto, decode } from '../../../../src/remote/control/messages.ts';
import { decodeBatch, encodeBatch } from '../../../../src/remote/control/raft-batch.ts';
import { RaftMessageType } from '../../../../src/wire/generated/troupe/v1/RaftMessageType.ts';
import type { RaftMessage } from '../../../../src/wire/index.ts';

const { RaftBatch } = controlProto;

const number = fc.oneof(
  fc.nat(),
  fc.maxSafeNat(),
  fc.constantFrom(0, 127, 128, 2 ** 31, 2 ** 32, 2 ** 49, Number.MAX_SAFE_INTEGER),
);
const entry = fc.record(
  {
    term: number,
    index: number,
    config: fc.boolean(),
    data: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  },
  { requiredKeys: ['data'] },
);
const messages: fc.Arbitrary<RaftMessage[]> = fc.array(
  fc.record(
    {
      type: fc.constantFrom(...Object.values(RaftMessageType)),
      from: fc.string({ unit: 'binary' }),
      to: fc.string({ unit: 'binary' }),
      term: number,
      index: number,
      logTerm: number,
      commit: number,
      entries: fc.array(entry, { minLength: 1, maxLength: 4 }),
      reject: fc.boolean(),
      rejectHint: number,
      force: fc.boolean(),
      context: number,
      lease: fc.boolean(),
    },
    { requiredKeys: ['type', 'from', 'to', 'term'] },
  ),
  { maxLength: 4 },
);

/** Without the names that the general codec adds for fields that are optional. */
function plain(batch: unknown): unknown {
  return JSON.parse(JSON.stringify(batch), (key, value) => (key.startsWith('_') ? undefined : value));
}

const SNAPSHOT: RaftMessage = { type: 'SNAPSHOT', from: 'a', to: 'b', term: 1, snapshot: { index: 3, term: 1 } };
const HELLO = { cluster: 'c', node: 'n', protocol: 1, to: 'm' };

describe('batches of Raft messages', () => {
  test('are the same bytes as by the general codec, and read the same', () => {
    fc.assert(
      fc.property(messages, (batch) => {
        const bytes = encodeBatch(batch);
        expect(Buffer.from(bytes).equals(RaftBatch.serialize({ messages: batch }))).toBe(true);
        expect(plain(decodeBatch(bytes))).toEqual(plain({ messages: [], ...decode(RaftBatch, bytes) }));
      }),
    );
  });

  test('with a greeting, a snapshot or a field of a later version read as by the general codec', () => {
    const later = Buffer.concat([encodeBatch([{ type: 'VOTE', from: 'a', to: 'b', term: 2 }]), Buffer.from([0x78, 1])]);
    for (const bytes of [encodeBatch([SNAPSHOT]), encodeBatch([], HELLO), encodeBatch([SNAPSHOT], HELLO), later])
      expect(decodeBatch(bytes)).toEqual(decode(RaftBatch, bytes));
    expect(decodeBatch(encodeBatch([SNAPSHOT], HELLO))).toMatchObject({ hello: HELLO, messages: [SNAPSHOT] });
  });

  test('that are cut or changed never read as something else than by the general codec', () => {
    fc.assert(
      fc.property(messages, fc.nat(), fc.nat(255), (batch, at, byte) => {
        const bytes = Buffer.from(encodeBatch(batch));
        const cut = bytes.subarray(0, at % (bytes.byteLength + 1));
        if (bytes.byteLength > 0) bytes[at % bytes.byteLength] = byte;
        for (const damaged of [cut, bytes]) {
          const read = (codec: () => unknown): unknown => {
            try {
              return plain({ messages: [], ...(codec() as object) });
            } catch (error) {
              return String(error);
            }
          };
          expect(read(() => decodeBatch(damaged))).toEqual(read(() => decode(RaftBatch, damaged)));
        }
      }),
    );
  });
});
