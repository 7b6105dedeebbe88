import { describe, expect, test } from 'vitest';
import { TroupeError } from '../../../../src/core/index.ts';
import { Barriers } from '../../../../src/raft/driver/barriers.ts';

/** Barriers with a quorum that answers when the test says so. */
class Bench {
  readonly asked: number[] = [];
  applied = 0;
  leaderless = false;
  readonly barriers = new Barriers({
    ask: (context) => {
      if (this.leaderless) throw new TroupeError('NOT_LEADER', 'nobody leads');
      this.asked.push(context);
    },
    applied: () => this.applied,
    askAgainTicks: 3,
    ticksMax: 10,
    waitingMax: 4,
  });
  readonly settled: unknown[] = [];

  wait(): void {
    const note = (outcome: unknown): void => {
      this.settled.push(outcome instanceof TroupeError ? outcome.code : outcome);
    };
    this.barriers.wait(() => this.barriers.askFresh()).then(note, note);
  }

  async turn(): Promise<void> {
    for (let i = 0; i < 5; i++) await undefined;
  }
}

describe('Barriers', () => {
  test('those of one turn share a question and are let through together', async () => {
    const bench = new Bench();
    for (let i = 0; i < 3; i++) bench.wait();
    await bench.turn();
    expect(bench.asked).toHaveLength(1);
    bench.barriers.answered(bench.asked[0] as number, 0);
    await bench.turn();
    expect(bench.settled).toEqual([0, 0, 0]);
  });

  test('an answer waits until its index is applied', async () => {
    const bench = new Bench();
    bench.applied = 6;
    bench.wait();
    await bench.turn();
    bench.barriers.answered(bench.asked[0] as number, 7);
    await bench.turn();
    expect(bench.settled).toEqual([]);
    bench.applied = 7;
    bench.barriers.advance();
    await bench.turn();
    expect(bench.settled).toEqual([7]);
  });

  test('a new leader is asked at once, and the old answer no longer counts', async () => {
    const bench = new Bench();
    bench.wait();
    await bench.turn();
    bench.barriers.askAgain();
    expect(bench.asked).toHaveLength(2);
    bench.barriers.answered(bench.asked[0] as number, 0);
    await bench.turn();
    expect(bench.settled).toEqual([]);
    bench.barriers.answered(bench.asked[1] as number, 0);
    await bench.turn();
    expect(bench.settled).toEqual([0]);
  });

  test('a question without an answer is put again, and given up in the end', async () => {
    const bench = new Bench();
    bench.wait();
    await bench.turn();
    for (let i = 0; i < 3; i++) bench.barriers.tick();
    expect(bench.asked).toHaveLength(2);
    bench.leaderless = true;
    for (let i = 0; i < 3; i++) bench.barriers.tick();
    bench.leaderless = false;
    for (let i = 0; i < 3; i++) bench.barriers.tick();
    expect(bench.asked).toHaveLength(3);
    bench.barriers.tick();
    await bench.turn();
    expect(bench.settled).toEqual(['TIMEOUT']);
  });

  test('without a leader a new one fails at once', async () => {
    const bench = new Bench();
    bench.leaderless = true;
    bench.wait();
    await bench.turn();
    expect(bench.settled).toEqual(['NOT_LEADER']);
  });

  test('more than the limit are refused, and places come free again', async () => {
    const bench = new Bench();
    for (let i = 0; i < 5; i++) bench.wait();
    await bench.turn();
    expect(bench.settled).toEqual(['OVERLOADED']);
    bench.barriers.dropAll(new TroupeError('SHUTTING_DOWN', 'the end'));
    await bench.turn();
    expect(bench.settled.slice(1)).toEqual(Array.from({ length: 4 }, () => 'SHUTTING_DOWN'));
    bench.wait();
    await bench.turn();
    bench.barriers.answered(bench.asked.at(-1) as number, 0);
    await bench.turn();
    expect(bench.settled.at(-1)).toBe(0);
  });
});
