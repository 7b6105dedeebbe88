import { describe, expect, test } from 'vitest';
import { FailureDetector } from '../../../src/cluster/index.ts';

const limits = { timeoutMs: 1_000, suspectMs: 300, ownPauseMs: 500 };
const a = { node: 'a', incarnation: 1 };
const b = { node: 'b', incarnation: 2 };

/** Looks every 100 ms up to `untilMs`. @returns what the last look said */
function look(detector: FailureDetector, fromMs: number, untilMs: number, expected = [a, b]): unknown {
  let dead: unknown;
  for (let now = fromMs; now <= untilMs; now += 100) dead = detector.check(expected, now);
  return dead;
}

describe('the failure detector', () => {
  test('gives a node up after its time-out of silence, and not before', () => {
    const detector = new FailureDetector(limits);
    detector.heard(a, 0);
    detector.heard(b, 0);
    expect(look(detector, 0, 900)).toEqual([]);
    detector.heard(b, 900);
    expect(look(detector, 1_000, 1_100)).toEqual([a]);
  });

  test('gives a node it never heard of the whole time', () => {
    const detector = new FailureDetector(limits);
    expect(look(detector, 5_000, 6_000)).toEqual([]);
    expect(look(detector, 6_100, 6_100)).toEqual([a, b]);
  });

  test('gives a node up sooner when its connection broke and it did not come back', () => {
    const detector = new FailureDetector(limits);
    look(detector, 0, 100);
    detector.suspect(a, 100);
    detector.suspect(a, 350);
    expect(look(detector, 200, 400)).toEqual([]);
    expect(look(detector, 500, 500)).toEqual([a]);
  });

  test('forgets the suspicion when the node dials again', () => {
    const detector = new FailureDetector(limits);
    look(detector, 0, 100);
    detector.suspect(a, 100);
    detector.heard(a, 150);
    detector.heard(b, 150);
    expect(look(detector, 200, 1_100)).toEqual([]);
  });

  test('blames itself for a gap in its own looks', () => {
    const detector = new FailureDetector(limits);
    look(detector, 0, 100);
    expect(look(detector, 5_000, 5_900)).toEqual([]);
  });

  test('judges each life for itself', () => {
    const detector = new FailureDetector(limits);
    look(detector, 0, 900);
    detector.heard({ node: 'a', incarnation: 9 }, 900);
    expect(look(detector, 1_000, 1_100, [{ node: 'a', incarnation: 9 }, b])).toEqual([b]);
  });
});
