import { describe, expect, test } from 'vitest';
import { ManualSource, type Notice, type PreemptionSource, type SourceListener } from '../../../src/cluster/index.ts';
import { type Logger, nullLogger, TroupeError } from '../../../src/core/index.ts';
import { Preemption, type SourceHealth } from '../../../src/node/preemption.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';

const advisory: Notice = { id: 'a', kind: 'advisory', reason: 'rebalance recommended' };
const final: Notice = { id: 'f', kind: 'final', reason: 'preempted', leftMs: 30_000 };

const CORDON = { state: 'cordoned', expect: 'up', reason: advisory.reason };
const UP = { state: 'up', expect: 'cordoned' };

/** A node's preemption, with everything around it written down. */
class World implements Disposable {
  readonly clock = new ManualClock();
  readonly manual = new ManualSource();
  readonly log: [string, unknown][] = [];
  readonly marks: unknown[] = [];
  readonly drains: unknown[] = [];
  readonly health: (readonly SourceHealth[])[] = [];
  /** How the ledger takes the next marks. */
  mark: () => Promise<unknown> = async () => undefined;
  readonly preemption: Preemption;

  constructor(...more: PreemptionSource[]) {
    const note = (message: string, fields?: object): void => void this.log.push([message, fields]);
    const logger: Logger = { ...nullLogger, info: note, warn: note };
    this.preemption = new Preemption({
      sources: [this.manual, ...more],
      clock: this.clock,
      logger,
      mark: (mark) => {
        this.marks.push(mark);
        return this.mark();
      },
      drain: (options) => this.drains.push(options),
      takeBack: () => this.drains.push('taken back'),
      onHealth: (health) => this.health.push(health),
    });
    this.preemption.start();
  }

  async say(...notices: Notice[]): Promise<void> {
    this.manual.say(...notices);
    await this.clock.settle();
  }

  [Symbol.dispose](): void {
    this.preemption.stop();
  }
}

const refusal = (code: 'CONFLICT' | 'NODE_FENCED' | 'NO_QUORUM') => async (): Promise<never> => {
  throw new TroupeError(code, 'refused');
};

describe('a node with sources of notices', () => {
  test('cordons while an advisory notice stands, and un-cordons when it is cancelled', async () => {
    using world = new World();
    await world.say(advisory);
    await world.say(advisory);
    await world.say();
    await world.say(advisory);
    expect(world.marks).toEqual([CORDON, UP, CORDON]);
    expect(world.log.map(([message]) => message)).toEqual([
      'notice of preemption',
      'cordoned',
      'notice cancelled',
      'no longer cordoned',
      'notice of preemption',
      'cordoned',
    ]);
    expect(world.drains).toEqual([]);
  });

  test('drains once, with the time that is left, and marks nothing any more', async () => {
    using world = new World();
    await world.say(advisory);
    await world.say(advisory, final);
    await world.clock.advance(5_000);
    await world.say(final);
    expect(world.drains).toEqual([{ reason: 'preempted', deadlineMs: 30_000 }]);
    expect(world.marks).toEqual([CORDON]);
  });

  test('hurries a drain when a notice with less time comes, and not when one with more does', async () => {
    using world = new World();
    await world.say(final);
    await world.clock.advance(1_000);
    await world.say(final, { id: 'g', kind: 'final', reason: 'later', leftMs: 60_000 });
    await world.say({ ...final, leftMs: 9_000 });
    expect(world.drains).toEqual([
      { reason: 'preempted', deadlineMs: 30_000 },
      { reason: 'preempted', deadlineMs: 9_000 },
    ]);
  });

  test('takes a drain back when its last notice is cancelled, and cordons where an advisory one stands', async () => {
    using world = new World();
    await world.say(final, { ...final, id: 'g' });
    await world.say(final);
    expect(world.drains).toHaveLength(1);
    await world.say(advisory);
    expect(world.drains.slice(1)).toEqual(['taken back']);
    expect(world.marks).toEqual([]);
    world.preemption.rejoined();
    await world.clock.settle();
    expect(world.marks).toEqual([CORDON]);
    await world.say(final);
    expect(world.drains).toHaveLength(3);
  });

  test('tells the ledger again what it couldn’t be told, and only what is wished by then', async () => {
    using world = new World();
    world.mark = refusal('NO_QUORUM');
    await world.say(advisory);
    await world.clock.advance(1_500);
    expect(world.marks).toHaveLength(2);
    world.mark = async () => undefined;
    await world.clock.advance(1_000);
    expect(world.marks).toHaveLength(3);
    world.mark = refusal('NO_QUORUM');
    await world.say();
    await world.say(advisory);
    world.mark = async () => undefined;
    await world.clock.advance(5_000);
    expect(world.marks.slice(3)).toEqual([UP]);
  });

  test('tells what changed while the ledger was being told', async () => {
    using world = new World();
    const slow = Promise.withResolvers<void>();
    world.mark = () => slow.promise;
    await world.say(advisory);
    await world.say();
    expect(world.marks).toEqual([CORDON]);
    slow.resolve();
    await world.clock.settle();
    expect(world.marks).toEqual([CORDON, UP]);
  });

  test.each(['CONFLICT', 'NODE_FENCED'] as const)('lets it stand when the ledger says %s', async (code) => {
    using world = new World();
    world.mark = refusal(code);
    await world.say(advisory);
    await world.clock.advance(10_000);
    expect(world.marks).toHaveLength(1);
  });

  test('cordons its next life too, also when it begins while the ledger is being told of this one', async () => {
    using world = new World();
    await world.say(advisory);
    world.preemption.rejoined();
    await world.clock.settle();
    expect(world.marks).toHaveLength(2);
    const slow = Promise.withResolvers<void>();
    world.mark = () => slow.promise;
    await world.say();
    await world.say(advisory);
    world.preemption.rejoined();
    slow.resolve();
    await world.clock.settle();
    expect(world.marks.slice(2)).toEqual([UP, CORDON]);
  });

  test('says once when a source is in trouble or well again, and drains for none of it', async () => {
    let listener: SourceListener | undefined;
    const told: string[] = [];
    using world = new World({
      name: 'odd',
      start: (given) => {
        listener = given;
        return { stop: () => told.push('stopped'), drained: async () => void told.push('drained') };
      },
    });
    expect(world.preemption.health).toEqual([{ source: 'manual' }, { source: 'odd' }]);
    listener?.trouble(undefined);
    for (let i = 0; i < 3; i++) listener?.trouble(new TroupeError('TIMEOUT', 'no answer'));
    expect(world.preemption.health[1]).toEqual({ source: 'odd', trouble: 'TIMEOUT: no answer' });
    listener?.trouble(new TroupeError('OVERLOADED', '429'));
    listener?.trouble(undefined);
    expect(world.log.map(([message]) => message)).toEqual([
      'source of notices in trouble',
      'source of notices in trouble',
      'source of notices answers again',
    ]);
    expect(world.health.map(([, odd]) => odd?.trouble)).toEqual(['TIMEOUT: no answer', 'OVERLOADED: 429', undefined]);
    expect([world.marks, world.drains]).toEqual([[], []]);
    await world.preemption.drained();
    world.preemption.stop();
    expect(told).toEqual(['drained', 'stopped']);
  });

  test('leaves all the same when a cloud can’t be told that it is empty', async () => {
    using world = new World({
      name: 'odd',
      start: () => ({
        stop: () => undefined,
        drained: async () => {
          throw new TroupeError('TIMEOUT', 'no answer');
        },
      }),
    });
    await world.preemption.drained();
    expect(world.log.map(([message]) => message)).toEqual(['not acknowledged']);
  });
});
