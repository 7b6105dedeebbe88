import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MailPriority, SpawnOptions } from '../../../src/actor/index.ts';
import { gate, virtualSystem } from './setup.ts';

interface Mail {
  readonly level: number;
  readonly n: number;
  readonly size: number;
}

const byLevel: MailPriority<Mail> = { levels: 3, of: ({ level }) => level };
const mail = (level: number, n: number, size = 1): Mail => ({ level, n, size });

/** An actor that is held up by its first message, so that the others wait and come out in the mailbox's order. */
function heldUp(mailbox: NonNullable<SpawnOptions<Mail>['mailbox']>) {
  const { system, clock } = virtualSystem();
  const door = gate();
  const handled: Mail[] = [];
  const ref = system.spawn<Mail>(
    () => ({
      async receive(message) {
        if (message.n === -1) await door.opened;
        else handled.push(message);
      },
    }),
    { mailbox },
  );
  ref.tell(mail(0, -1, 0));
  const finish = async (): Promise<Mail[]> => {
    door.open();
    await clock.settle();
    return handled;
  };
  return { system, clock, ref, finish };
}

describe('a mailbox with priorities', () => {
  test('gives the most urgent message first, and within a level the oldest', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(2), { maxLength: 60 }), async (levels) => {
        const { ref, clock, finish } = heldUp({ priority: byLevel });
        await clock.settle();
        const sent = levels.map((level, n) => mail(level, n));
        for (const message of sent) ref.tell(message);
        expect(await finish()).toEqual(sent.toSorted((a, b) => a.level - b.level || a.n - b.n));
      }),
      { numRuns: 50 },
    );
  });

  test('a level beyond the ends counts as the nearest; none, or a throw, as the least urgent', async () => {
    const of = ({ level }: Mail): number => {
      if (level === 7) throw new TypeError('no level');
      return level;
    };
    const { ref, clock, finish } = heldUp({ priority: { levels: 3, of } });
    await clock.settle();
    for (const [n, level] of [7, Number.NaN, 99, -5, 1.9].entries()) ref.tell(mail(level, n));
    expect((await finish()).map(({ n }) => n)).toEqual([3, 4, 0, 1, 2]);
  });

  test('its bounds hold for all levels together; nothing vanishes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(2), fc.nat(9)), { maxLength: 60 }),
        fc.constantFrom('reject', 'drop-oldest', 'drop-newest'),
        async (drawn, overflow) => {
          const { system, ref, clock, finish } = heldUp({
            priority: byLevel,
            overflow,
            capacity: 5,
            bytes: 20,
            sizeOf: ({ size }) => size,
          });
          await clock.settle();
          for (const [n, [level, size]] of drawn.entries()) {
            ref.tell(mail(level, n, size));
            const { depth, bytes } = system.inspect(ref);
            expect(depth).toBeLessThanOrEqual(5);
            expect(bytes).toBeLessThanOrEqual(20);
          }
          const lost = system.deadLetters.recent().map(({ message }) => (message as Mail).n);
          const handled = (await finish()).map(({ n }) => n);
          expect([...lost, ...handled].sort((a, b) => a - b)).toEqual(drawn.map((_, n) => n));
        },
      ),
      { numRuns: 100 },
    );
  });

  test('drop-oldest drops the least urgent first, and nothing that is more urgent than the newcomer', async () => {
    const { system, ref, clock, finish } = heldUp({ priority: byLevel, overflow: 'drop-oldest', capacity: 3 });
    await clock.settle();
    for (const message of [mail(2, 0), mail(1, 1), mail(2, 2)]) ref.tell(message);
    expect(ref.tell(mail(0, 3))).toBe(true);
    expect(ref.tell(mail(1, 4))).toBe(true);
    expect(ref.tell(mail(2, 5))).toBe(false);
    expect(system.deadLetters.recent().map(({ message }) => (message as Mail).n)).toEqual([0, 2, 5]);
    expect((await finish()).map(({ n }) => n)).toEqual([3, 1, 4]);
  });

  test('drop-oldest drops nothing for a message that could not fit even then', async () => {
    const sizes = { bytes: 10, sizeOf: ({ size }: Mail) => size };
    const { system, ref, clock, finish } = heldUp({ priority: byLevel, overflow: 'drop-oldest', ...sizes });
    await clock.settle();
    for (const message of [mail(0, 0, 6), mail(2, 1, 3)]) ref.tell(message);
    expect(ref.tell(mail(1, 2, 5))).toBe(false);
    expect(system.deadLetters.recent().map(({ message }) => (message as Mail).n)).toEqual([2]);
    expect((await finish()).map(({ n }) => n)).toEqual([0, 1]);
  });

  test('stashed messages come back before those of their level', async () => {
    const { system, clock } = virtualSystem();
    const seen: string[] = [];
    const ref = system.spawn<string>(
      () => {
        let open = false;
        return {
          receive(message, ctx) {
            if (message === 'open') {
              open = true;
              ctx.unstashAll();
            } else if (open) seen.push(message);
            else ctx.stash(message);
          },
        };
      },
      {
        mailbox: {
          priority: { levels: 2, of: (message) => (message.startsWith('urgent') || message === 'open' ? 0 : 1) },
        },
      },
    );
    ref.tell('a');
    ref.tell('urgent a');
    await clock.settle();
    for (const message of ['open', 'b', 'urgent b']) ref.tell(message);
    await clock.settle();
    expect(seen).toEqual(['urgent a', 'urgent b', 'a', 'b']);
  });

  test('the age that is shown is that of the oldest message of all', async () => {
    const { system, ref, clock } = heldUp({ priority: byLevel });
    await clock.settle();
    ref.tell(mail(2, 0));
    await clock.advance(30);
    ref.tell(mail(0, 1));
    await clock.advance(10);
    expect(system.inspect(ref).oldestAgeMs).toBe(40);
  });

  test('levels that can not be are refused by name', () => {
    const { system } = virtualSystem();
    for (const levels of [1, 17, Number.NaN]) {
      const refusal = expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('mailbox.priority.levels'),
      });
      const priority = { levels, of: () => 0 };
      expect(() => system.spawn(() => ({ receive() {} }), { mailbox: { priority } })).toThrow(refusal);
    }
  });
});
