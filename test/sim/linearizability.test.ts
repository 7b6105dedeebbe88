import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/core/index.ts';
import { checkLinearizable, describeViolation, type Input, type Operation, type Output } from './linearizability.ts';

const get = (value: string | undefined, version?: number): [Input, Output] => [
  { kind: 'get' },
  { kind: 'read', value, ...(version === undefined ? {} : { version }) },
];
const put = (value: string, version?: number): [Input, Output] => [
  { kind: 'put', value },
  { kind: 'written', ...(version === undefined ? {} : { version }) },
];
const cas = (expected: number, value: string, version: number): [Input, Output] => [
  { kind: 'put', value, expect: expected },
  { kind: 'written', version },
];
const refused = (expected: number, value: string, version?: number): [Input, Output] => [
  { kind: 'put', value, expect: expected },
  { kind: 'refused', ...(version === undefined ? {} : { version }) },
];
const remove = (version?: number): [Input, Output] => [
  { kind: 'delete' },
  { kind: 'written', ...(version === undefined ? {} : { version }) },
];

/** An operation from `call` to `until` on key `k`, each of a client of its own. */
function op(call: number, until: number, [input, output]: [Input, Output], key = 'k'): Operation {
  return { client: call, key, call, return: until, input, output };
}

/** An operation whose answer never came. */
function lost(call: number, [input]: [Input, Output], key = 'k'): Operation {
  return { client: call, key, call, return: Number.POSITIVE_INFINITY, input };
}

const GOOD: Record<string, Operation[]> = {
  'nothing at all': [],
  'a read of a key that was never written': [op(1, 2, get(undefined, 0))],
  'writes and reads one after another': [op(1, 2, put('a', 5)), op(3, 4, get('a', 5)), op(5, 6, put('b', 9))],
  'a read beside a write may see the old value or the new': [
    op(1, 2, put('a', 1)),
    op(3, 10, put('b', 2)),
    op(4, 5, get('a', 1)),
    op(6, 7, get('b', 2)),
  ],
  'two writes side by side, in the order of their versions': [
    op(1, 10, put('a', 7)),
    op(2, 11, put('b', 6)),
    op(12, 13, get('a', 7)),
  ],
  'a lost write that took effect late': [
    lost(1, put('a')),
    op(2, 3, get(undefined)),
    op(4, 5, put('b', 4)),
    op(6, 7, get('b', 4)),
    op(8, 9, get('a', 6)),
  ],
  'a lost write that never took effect': [lost(1, put('a')), op(2, 3, put('b', 4)), op(4, 5, get('b', 4))],
  'a lost write whose version a later read tells': [
    op(1, 2, put('a', 3)),
    lost(3, put('b')),
    op(4, 5, get('b', 8)),
    op(6, 7, cas(8, 'c', 9)),
  ],
  'a lost write that explains a refusal': [op(1, 2, put('a', 3)), lost(3, put('b')), op(4, 5, refused(3, 'c'))],
  'of two lost writes the one that nobody read explains the refusal': [
    op(1, 2, put('a', 1)),
    op(3, 4, put('b', 2)),
    lost(5, put('a')),
    lost(6, put('b')),
    op(7, 8, refused(2, 'x')),
    op(9, 10, put('c', 9)),
    op(11, 12, get('a')),
  ],
  'of two that expect the same version one wins': [
    op(1, 2, put('a', 1)),
    op(3, 8, cas(1, 'b', 2)),
    op(4, 9, refused(1, 'c', 2)),
    op(10, 11, get('b', 2)),
  ],
  'a refusal beside the write that causes it': [op(1, 5, refused(0, 'b', 2)), op(2, 6, put('a', 2))],
  'a delete, and a put that expects nothing': [
    op(1, 2, put('a', 1)),
    op(3, 4, remove(2)),
    op(5, 6, get(undefined, 0)),
    op(7, 8, cas(0, 'b', 3)),
  ],
  'a delete that uses up no version': [op(1, 2, put('a', 1)), op(3, 4, remove()), op(5, 6, put('b', 2))],
  'a lost delete': [op(1, 2, put('a', 1)), lost(3, remove()), op(4, 5, get('a', 1)), op(6, 7, get(undefined))],
  'keys don’t touch each other': [
    op(1, 2, put('a', 2), 'x'),
    op(3, 4, get(undefined), 'y'),
    op(5, 6, put('b', 1), 'y'),
  ],
  'a lost read says nothing': [op(1, 2, put('a', 1)), lost(3, get('anything')), op(4, 5, get('a', 1))],
};

const BAD: Record<string, Operation[]> = {
  'a stale read': [op(1, 2, put('a', 1)), op(3, 4, put('b', 2)), op(5, 6, get('a', 1))],
  'a lost write': [op(1, 2, put('a', 1)), op(3, 4, get(undefined))],
  'a read of what nobody wrote': [op(1, 2, get('a', 1))],
  'a read that goes back': [
    op(1, 2, put('a', 1)),
    op(3, 20, put('b', 2)),
    op(4, 5, get('b', 2)),
    op(6, 7, get('a', 1)),
  ],
  'a retry applied twice': [op(1, 2, put('a', 1)), op(3, 4, get('a', 1)), op(5, 6, put('b', 2)), op(7, 8, get('a', 3))],
  'a retry applied twice, seen by its version only': [op(1, 2, put('a', 1)), op(3, 4, get('a', 2))],
  'both of two that expect the same version win': [
    op(1, 2, put('a', 1)),
    op(3, 8, cas(1, 'b', 2)),
    op(4, 9, cas(1, 'c', 3)),
  ],
  'a refusal for no reason': [op(1, 2, put('a', 1)), op(3, 4, refused(1, 'b'))],
  'versions that go back': [op(1, 2, put('a', 5)), op(3, 4, put('b', 4))],
  'two writes of one version': [op(1, 5, put('a', 4)), op(2, 6, put('b', 4))],
  'a lost write that took effect twice': [
    lost(1, put('a')),
    op(2, 3, get('a', 2)),
    op(4, 5, put('b', 3)),
    op(6, 7, get('a', 4)),
  ],
  'a lost write between two versions that leave no room': [
    op(1, 2, put('a', 3)),
    lost(3, put('b')),
    op(4, 5, get('b')),
    op(6, 7, put('c', 4)),
  ],
  'a lost write before it was called': [op(1, 2, get('a')), lost(3, put('a'))],
  'one lost write, two versions': [lost(1, put('a')), op(2, 3, get('a', 2)), op(4, 5, get('a', 3))],
  'a refusal says that it isn’t 4, then a read that it is': [
    op(1, 2, put('a', 3)),
    lost(3, put('b')),
    op(4, 5, get('b')),
    op(6, 7, refused(4, 'c')),
    op(8, 9, get('b', 4)),
  ],
  'a delete that came back': [op(1, 2, put('a', 1)), op(3, 4, remove(2)), op(5, 6, get('a', 1))],
  'the bad key among good ones': [op(1, 2, put('a', 1), 'x'), op(3, 4, get('a', 1), 'x'), op(5, 6, get('z'), 'y')],
};

describe('known histories', () => {
  test.each(Object.entries(GOOD))('good: %s', (_name, history) => {
    expect(checkLinearizable(history)).toEqual({ ok: true });
  });

  test.each(Object.entries(BAD))('bad: %s', (_name, history) => {
    expect(checkLinearizable(history).ok).toBe(false);
  });

  test('the order in which operations are listed means nothing', () => {
    for (const history of Object.values(GOOD)) expect(checkLinearizable(history.toReversed())).toEqual({ ok: true });
    for (const history of Object.values(BAD)) expect(checkLinearizable(history.toReversed()).ok).toBe(false);
  });
});

describe('what it says', () => {
  test('a violation names the key, the operation that does not fit and what came before', () => {
    const verdict = checkLinearizable(BAD['a stale read']!);
    if (verdict.ok !== false) throw new Error('a stale read passed');
    expect(verdict).toMatchObject({ stuck: BAD['a stale read']![1], lower: [BAD['a stale read']![2]] });
    expect(verdict.order).toEqual(BAD['a stale read']!.slice(0, 1));
    expect(describeViolation(verdict)).toMatchInlineSnapshot(`
      "key k is not linearizable
      the longest order that explains it (1) ends with
        [1, 2] client 1: put {"value":"a"} -> written {"version":1}
      and leaves a at version 1
      now must come, and can not
        [3, 4] client 3: put {"value":"b"} -> written {"version":2}
      because these saw a lower version
        [5, 6] client 5: get {} -> read {"value":"a","version":1}"
    `);
  });
});

describe('size', () => {
  /** Writers and readers that overlap, every third write without an answer: what a simulation leaves behind. */
  function long(count: number): Operation[] {
    const history: Operation[] = [];
    let value: string | undefined;
    let version = 0;
    for (let i = 0; i < count; i++) {
      const at = 10 * i;
      if (i % 3 === 0) {
        history.push(lost(at, put(`lost ${i}`)));
      } else if (i % 3 === 1) {
        value = `${i}`;
        version = i;
        history.push(op(at, at + 35, put(value, version)), op(at + 1, at + 36, get(value, version)));
      } else {
        history.push(op(at + 30, at + 55, get(value, version)));
      }
    }
    return history;
  }

  test('two thousand operations on one key, a third of them lost, take no time when all is well', () => {
    expect(checkLinearizable(long(1_500))).toEqual({ ok: true });
  });

  test('what a wrong read costs does not grow with the lost writes that are of no use', () => {
    const history = [...long(1_500), op(100_000, 100_001, get('never written'))];
    expect(checkLinearizable(history).ok).toBe(false);
  });

  test('it gives up at its limit rather than search for ever', () => {
    expect(checkLinearizable(long(300), { stepsMax: 100 })).toEqual({ ok: 'unknown', key: 'k' });
    // A violation that was found counts for more than a key that was given up.
    const history = [...long(300), op(1, 2, get('a'), 'other')];
    expect(checkLinearizable(history, { stepsMax: 100 })).toMatchObject({ ok: false, key: 'other' });
  });
});

/** What clients of a register see who write, compare and set, and read, eight at a time, and lose every fourth answer. */
function busy(seed: number): Operation[] {
  const random = new SeededRandom(seed);
  const seenBy = new Array(8).fill(0);
  const freeAt = new Array(8).fill(0);
  const effects: { readonly at: number; readonly take: () => Operation }[] = [];
  let value: string | undefined;
  let version = 0;
  for (let i = 0, now = 0; i < 400; i++, now += 4 * random.next()) {
    const client = random.int(0, 8);
    const call = Math.max(now, freeAt[client]);
    const dice = random.next();
    const expect: number = seenBy[client];
    let input: Input = { kind: 'get' };
    if (dice > 0.4) input = { kind: 'put', value: `v${i}`, ...(dice > 0.7 ? { expect } : {}) };
    const isLost = random.next() < 0.25;
    const at = call + 20 * random.next() + (isLost && random.next() < 0.3 ? 400 : 0);
    const end = at + 20 * random.next();
    freeAt[client] = end;
    const take = (): Operation => {
      const seen = value === undefined ? 0 : version;
      let output: Output = { kind: 'refused' };
      if (input.kind === 'get') output = { kind: 'read', value, version: seen };
      else if (input.kind === 'put' && (input.expect === undefined || input.expect === seen)) {
        value = input.value;
        output = { kind: 'written', version: ++version };
      }
      seenBy[client] = seen;
      const head = { client, key: 'k', call, input };
      return isLost ? { ...head, return: Number.POSITIVE_INFINITY } : { ...head, return: end, output };
    };
    effects.push({ at, take });
  }
  return effects.sort((a, b) => a.at - b.at).map(({ take }) => take());
}

describe('histories as a simulation leaves them', () => {
  test.each([1, 2, 3])('seed %d: a good one passes, and one stale read in it is found', (seed) => {
    const history = busy(seed);
    expect(checkLinearizable(history)).toEqual({ ok: true });
    const reads = history.filter(({ output }) => output?.kind === 'read' && output.value !== undefined);
    const [late, early] = [reads.at(-3), reads.at(-40)];
    const { output } = early ?? {};
    if (output === undefined) throw new Error('there are too few reads');
    const stale = history.map((each) => (each === late ? { ...each, output } : each));
    expect(checkLinearizable(stale).ok).toBe(false);
  });
});

/** Highest version that the brute force gives to a write whose version nobody told. */
const VERSION_MAX = 7;

/**
 * The definition itself: some order of all answered and any of the lost operations, which respects that what returned before
 * another was called comes first, and some versions, explain every answer.
 */
function bruteForce(operations: readonly Operation[], value?: string, version = 0): boolean {
  if (operations.every((each) => each.output === undefined)) return true;
  const firstReturn = Math.min(...operations.map((each) => each.return));
  return operations.some((each) => {
    if (each.call > firstReturn) return false;
    const rest = operations.filter((other) => other !== each);
    const { input, output } = each;
    const seen = value === undefined ? 0 : version;
    if (input.kind === 'get') {
      const fits = output?.kind === 'read' && output.value === value;
      return fits && (value === undefined || (output.version ?? seen) === seen) && bruteForce(rest, value, version);
    }
    const met = input.expect === undefined || input.expect === seen;
    if (output?.kind === 'refused')
      return !met && (output.version ?? seen) === seen && bruteForce(rest, value, version);
    if (!met) return false;
    const told = output?.kind === 'written' ? output.version : undefined;
    const written = input.kind === 'put' ? input.value : undefined;
    if (written === undefined && told === undefined) return bruteForce(rest, undefined, version);
    for (let next = version + 1; next <= VERSION_MAX; next++) {
      if ((told ?? next) === next && bruteForce(rest, written, next)) return true;
    }
    return false;
  });
}

const version = fc.integer({ min: 0, max: 4 });
const value = fc.constantFrom('a', 'b', 'c');
const expecting = fc.record({ expect: version }, { requiredKeys: [] });
const call = fc.oneof(
  fc.record({ input: fc.constant<Input>({ kind: 'get' }), output: reading() }),
  fc.record({ input: changing(), output: writing() }),
);

function reading(): fc.Arbitrary<Output> {
  return fc.record(
    { kind: fc.constant('read' as const), value: fc.option(value, { nil: undefined }), version },
    { requiredKeys: ['kind', 'value'] },
  );
}

function changing(): fc.Arbitrary<Input> {
  return fc
    .tuple(fc.boolean(), value, expecting)
    .map(([puts, written, expected]) =>
      puts ? { kind: 'put', value: written, ...expected } : { kind: 'delete', ...expected },
    );
}

function writing(): fc.Arbitrary<Output> {
  return fc.record(
    { kind: fc.constantFrom('written' as const, 'refused' as const), version },
    { requiredKeys: ['kind'] },
  );
}

const histories = fc
  .array(
    fc.tuple(call, fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 3 })),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((calls) =>
    calls.map(([{ input, output }, at, length, fate], client): Operation => {
      const base = { client, key: 'k', call: at, input };
      return fate === 0 ? { ...base, return: Number.POSITIVE_INFINITY } : { ...base, return: at + length, output };
    }),
  );

/** Answers that a real register gave while the calls ran in some order, so that good histories are not rare. */
const honest = fc
  .tuple(histories, fc.array(fc.nat({ max: 99 }), { minLength: 6, maxLength: 6 }))
  .map(([calls, luck]) => {
    let current: string | undefined;
    let at = 0;
    const moment = (each: Operation, i: number): number =>
      each.call + (Number.isFinite(each.return) ? (each.return - each.call) * (luck[i]! / 100) : luck[i]! / 10);
    const order = calls.map((each, i) => ({ each, when: moment(each, i) })).sort((a, b) => a.when - b.when);
    return order.map(({ each }, i): Operation => {
      const { input } = each;
      const seen = current === undefined ? 0 : at;
      let output: Output;
      if (input.kind === 'get') output = { kind: 'read', value: current, version: seen };
      else if (input.expect !== undefined && input.expect !== seen) output = { kind: 'refused', version: seen };
      else {
        current = input.kind === 'put' ? input.value : undefined;
        at++;
        output = luck[i]! % 3 === 0 ? { kind: 'written' } : { kind: 'written', version: at };
      }
      const { output: _, ...rest } = each;
      return each.output === undefined ? rest : { ...rest, output };
    });
  });

describe('against the definition', () => {
  test('random answers', () => {
    fc.assert(
      fc.property(histories, (history) => checkLinearizable(history).ok === bruteForce(history)),
      { numRuns: 3_000 },
    );
  });

  test('answers of a register', () => {
    fc.assert(
      fc.property(honest, (history) => checkLinearizable(history).ok === true),
      { numRuns: 2_000 },
    );
  });

  test('answers of a register, one of them changed', () => {
    let bad = 0;
    const changed = fc.tuple(honest, histories).map(([history, others]) => {
      const [donor] = others;
      return history.map((each, i) =>
        i === history.length - 1 && each.output?.kind === donor?.output?.kind && donor?.output !== undefined
          ? { ...each, output: donor.output }
          : each,
      );
    });
    fc.assert(
      fc.property(changed, (history) => {
        const verdict = bruteForce(history);
        if (!verdict) bad++;
        return checkLinearizable(history).ok === verdict;
      }),
      { numRuns: 3_000 },
    );
    expect(bad).toBeGreaterThan(100);
  });
});
