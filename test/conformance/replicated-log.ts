import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LogConsumer, LogEntry, ReplicatedLog } from '../../src/coordinator/index.ts';
import { isTroupeError } from '../../src/core/index.ts';

/** A log under test: how its members are opened, and how time passes there. */
export interface LogFixture {
  /** Opens a member, or opens it again after it was closed; all of `ids` given to the maker are members of the group. */
  open(id: string, consumer: LogConsumer): Promise<ReplicatedLog>;
  /** Cuts a member off from the others and from whatever the log is built on; nobody is told. Undone by `mend`. */
  cut(id: string): void;
  mend(id: string): void;
  /** Lets the group work until the condition holds; fails when it takes too long. */
  until(condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

/** Keeps every entry it is given, as text; its replies echo them. */
export class RecordingConsumer implements LogConsumer {
  appliedIndex = 0;
  readonly entries: { readonly index: number; readonly term: number; readonly text: string }[] = [];

  apply(entries: readonly LogEntry[]): readonly unknown[] {
    return entries.map(({ index, term, data }) => {
      if (index <= this.appliedIndex) throw new RangeError(`entry ${index} after ${this.appliedIndex}`);
      this.appliedIndex = index;
      const text = new TextDecoder().decode(data);
      if (data.byteLength > 0) this.entries.push({ index, term, text });
      return `did ${text}`;
    });
  }

  /** What was applied, without no-ops. */
  get texts(): readonly string[] {
    return this.entries.map(({ text }) => text);
  }

  snapshot(): Iterable<Uint8Array> {
    return [new TextEncoder().encode(JSON.stringify(this.entries))];
  }

  async restore(index: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    this.entries.splice(0, this.entries.length, ...JSON.parse(Buffer.concat(parts).toString()));
    this.appliedIndex = index;
  }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What every ReplicatedLog promises, whatever it is built on. */
export function replicatedLogConformance(name: string, make: (ids: readonly string[]) => Promise<LogFixture>): void {
  describe(`replicated log: ${name}`, () => {
    const ids = ['a', 'b', 'c'];
    let fixture: LogFixture;
    let logs: Map<string, ReplicatedLog>;
    let consumers: Map<string, RecordingConsumer>;

    const leader = (): string | undefined => ids.find((id) => logs.get(id)?.role.leading);
    const log = (id: string): ReplicatedLog => logs.get(id) as ReplicatedLog;
    const consumer = (id: string): RecordingConsumer => consumers.get(id) as RecordingConsumer;
    const open = async (id: string): Promise<void> => {
      consumers.set(id, new RecordingConsumer());
      logs.set(id, await fixture.open(id, consumer(id)));
    };
    const settled = async (): Promise<string> => {
      await fixture.until(
        () => leader() !== undefined && ids.every((id) => !logs.has(id) || log(id).role.leader === leader()),
      );
      return leader() as string;
    };

    /** Lets the group work until the promise is settled. */
    const inTime = async <T>(work: Promise<T>): Promise<T> => {
      let over = false;
      const done = (): void => {
        over = true;
      };
      work.then(done, done);
      await fixture.until(() => over);
      return work;
    };

    beforeEach(async () => {
      fixture = await make(ids);
      logs = new Map();
      consumers = new Map();
      for (const id of ids) await open(id);
    });
    afterEach(() => fixture.close());

    test('an entry is applied on every member, and its append resolves with the reply and its place', async () => {
      const first = await settled();
      const { index, term, reply } = await log(first).append(bytes('x'));
      expect(reply).toBe('did x');
      await fixture.until(() => ids.every((id) => consumer(id).texts.length === 1));
      for (const id of ids) expect(consumer(id).entries).toEqual([{ index, term, text: 'x' }]);
    });

    test('appends made together each get their own reply, and all members apply them in one order', async () => {
      const first = await settled();
      const texts = Array.from({ length: 100 }, (_, i) => `e${i}`);
      const appended = await Promise.all(texts.map((text) => log(first).append(bytes(text))));
      expect(appended.map(({ reply }) => reply)).toEqual(texts.map((text) => `did ${text}`));
      expect(new Set(appended.map(({ index }) => index)).size).toBe(100);
      await fixture.until(() => ids.every((id) => consumer(id).texts.length === 100));
      for (const id of ids) expect(consumer(id).entries).toEqual(consumer(first).entries);
    });

    test('a member that does not lead refuses to append and says who leads', async () => {
      const first = await settled();
      const other = ids.find((id) => id !== first) as string;
      const refused = { code: 'NOT_LEADER', data: expect.objectContaining({ leader: first }) };
      await expect(log(other).append(bytes('x'))).rejects.toMatchObject(refused);
    });

    test('a barrier on another member passes with everything in place, or is refused', async () => {
      const first = await settled();
      const other = ids.find((id) => id !== first) as string;
      const { index } = await log(first).append(bytes('x'));
      const passed = await log(other)
        .barrier()
        .catch((error: unknown) => error);
      if (isTroupeError(passed)) expect(passed.code).toBe('NOT_LEADER');
      else expect(consumer(other).appliedIndex).toBeGreaterThanOrEqual(index);
    });

    test('after a barrier the consumer has everything that was committed before it', async () => {
      const first = await settled();
      const { index } = await log(first).append(bytes('x'));
      expect(await log(first).barrier()).toBeGreaterThanOrEqual(index);
      expect(consumer(first).appliedIndex).toBeGreaterThanOrEqual(index);
    });

    test('leadership moves when asked, in a larger term, and everyone hears of it', async () => {
      const first = await settled();
      const { term } = log(first).role;
      const other = ids.find((id) => id !== first) as string;
      const heard: (string | undefined)[] = [];
      const stop = log(first).onRole((role) => heard.push(role.leader));
      await log(first).transferLeadership(other);
      await fixture.until(() => log(other).role.leading);
      expect(log(other).role.term).toBeGreaterThan(term);
      await fixture.until(() => heard.includes(other));
      stop();
      expect((await log(other).append(bytes('after'))).reply).toBe('did after');
      await expect(log(first).append(bytes('x'))).rejects.toMatchObject({ code: 'NOT_LEADER' });
    });

    test('entries survive a change of leader', async () => {
      const first = await settled();
      await log(first).append(bytes('before'));
      await log(first).close();
      logs.delete(first);
      const next = await settled();
      await log(next).barrier();
      expect(consumer(next).texts).toEqual(['before']);
    });

    test('a member that starts with nothing catches up, from a snapshot where the log was trimmed', async () => {
      const first = await settled();
      const late = ids.find((id) => id !== first) as string;
      await log(first).append(bytes('1'));
      await log(late).close();
      await log(first).append(bytes('2'));
      await log(first).compact();
      await log(first).append(bytes('3'));
      await open(late);
      await fixture.until(() => consumer(late).texts.length === 3);
      expect(consumer(late).texts).toEqual(['1', '2', '3']);
    });

    test('a leader that was cut off writes nothing any more: its entry is applied once or never, and never after others', async () => {
      const first = await settled();
      await log(first).append(bytes('before'));
      fixture.cut(first);
      const outcome = log(first)
        .append(bytes('deposed'))
        .then(
          () => 'written',
          (error: unknown) => (isTroupeError(error) ? error.code : error),
        );
      const next = (): string | undefined => ids.find((id) => id !== first && log(id).role.leading);
      await fixture.until(() => next() !== undefined);
      const second = next() as string;
      await log(second).append(bytes('after'));
      fixture.mend(first);
      let told: unknown;
      void outcome.then((text) => {
        told = text;
      });
      await fixture.until(() => told !== undefined && ids.every((id) => consumer(id).texts.includes('after')));
      expect(['written', 'PROPOSAL_DROPPED', 'NOT_LEADER']).toContain(told);
      const texts = consumer(second).texts;
      expect(['before,after', 'before,deposed,after']).toContain(texts.join());
      if (told === 'written') expect(texts).toContain('deposed');
      for (const id of ids) expect(consumer(id).entries).toEqual(consumer(second).entries);
      await expect(log(first).append(bytes('late'))).rejects.toMatchObject({ code: 'NOT_LEADER' });
    });

    test('a leader that was cut off passes no barrier before it has what others wrote', async () => {
      const first = await settled();
      fixture.cut(first);
      const next = (): string | undefined => ids.find((id) => id !== first && log(id).role.leading);
      await fixture.until(() => next() !== undefined);
      const { index } = await log(next() as string).append(bytes('new'));
      let passed: unknown;
      log(first)
        .barrier()
        .then(
          () => {
            passed = consumer(first).appliedIndex;
          },
          (error: unknown) => {
            passed = isTroupeError(error) ? error.code : error;
          },
        );
      fixture.mend(first);
      await fixture.until(() => passed !== undefined);
      if (typeof passed === 'number') expect(passed).toBeGreaterThanOrEqual(index);
      else expect(['NOT_LEADER', 'TIMEOUT']).toContain(passed);
    });

    test('what is acknowledged while leadership moves again and again is applied once, in one order, everywhere', async () => {
      await settled();
      const acknowledged: { readonly index: number; readonly text: string }[] = [];
      let unsure = 0;
      for (let round = 0; round < 4; round++) {
        const now = await settled();
        const to = ids[(ids.indexOf(now) + 1) % ids.length] as string;
        const texts = Array.from({ length: 25 }, (_, i) => `${round}-${i}`);
        const appends = texts.map((text) =>
          log(now)
            .append(bytes(text))
            .then(
              ({ index }) => acknowledged.push({ index, text }),
              () => unsure++,
            ),
        );
        await transferred(log(now), to);
        await Promise.all(appends);
        await fixture.until(() => log(to).role.leading);
      }
      const last = await settled();
      const { index } = await log(last).append(bytes('end'));
      await fixture.until(() => ids.every((id) => consumer(id).appliedIndex >= index));
      expect(acknowledged.length + unsure).toBe(100);
      const { entries, texts } = consumer(last);
      expect(new Set(texts).size).toBe(texts.length);
      for (const { index: at, text } of acknowledged)
        expect(entries.find((entry) => entry.index === at)?.text).toBe(text);
      for (const id of ids) expect(consumer(id).entries).toEqual(entries);
    });

    test('an entry of 3 MiB arrives whole, and those around it keep their places', async () => {
      const first = await settled();
      const large = 'x'.repeat(3 * 2 ** 20);
      const texts = ['before', large, 'after'];
      const appended = await inTime(Promise.all(texts.map((text) => log(first).append(bytes(text)))));
      expect(appended.map(({ index }) => index - (appended[0]?.index ?? 0))).toEqual([0, 1, 2]);
      await fixture.until(() => ids.every((id) => consumer(id).texts.length === 3));
      for (const id of ids) expect(consumer(id).texts.map((text) => text.length)).toEqual([6, 3 * 2 ** 20, 5]);
    });

    test('a snapshot of many pieces, taken twice, brings a late member to the same state', async () => {
      const first = await settled();
      const late = ids.find((id) => id !== first) as string;
      await log(late).close();
      logs.delete(late);
      for (let round = 0; round < 2; round++) {
        const texts = Array.from({ length: 30 }, (_, i) => `${round}-${i}-${'y'.repeat(50_000)}`);
        await inTime(Promise.all(texts.map((text) => log(first).append(bytes(text)))));
        await inTime(log(first).compact());
      }
      await log(first).append(bytes('end'));
      await open(late);
      await fixture.until(() => consumer(late).texts.length === 61);
      expect(consumer(late).entries).toEqual(consumer(first).entries);
    });

    test('closing settles what waits', async () => {
      const first = await settled();
      const waiting = [log(first).append(bytes('x')), log(first).barrier()].map((work) =>
        work.then(
          () => 'done',
          (error: unknown) => (isTroupeError(error) ? error.code : error),
        ),
      );
      await log(first).close();
      for (const outcome of await Promise.all(waiting))
        expect(['done', 'SHUTTING_DOWN', 'PROPOSAL_DROPPED', 'NOT_LEADER']).toContain(outcome);
    });

    test('a closed member takes nothing', async () => {
      const first = await settled();
      await log(first).close();
      const outcome = await log(first)
        .append(bytes('x'))
        .catch((error: unknown) => error);
      expect(isTroupeError(outcome) && ['SHUTTING_DOWN', 'NOT_LEADER', 'PROPOSAL_DROPPED'].includes(outcome.code)).toBe(
        true,
      );
    });
  });
}

/** Hands the leadership over, as soon as the member that is to have it has been heard of: one that has just been opened may not have been. */
async function transferred(log: ReplicatedLog, to: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await log.transferLeadership(to);
    } catch (error) {
      if (!isTroupeError(error, 'NO_QUORUM') || tries === 1_000) throw error;
    }
  }
}
