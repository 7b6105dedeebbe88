import { describe, expect, test } from 'vitest';
import { ChaosPlan, chooseSpot, parseChaos } from '../../../src/cli/chaos.ts';
import { exitCodeOf } from '../../../src/cli/errors.ts';
import { node } from './fakes.ts';

describe('chaos', () => {
  test('is read from a list', () => {
    expect(parseChaos('preempt, kill-leader')).toEqual(['preempt', 'kill-leader']);
    expect(parseChaos('none')).toEqual([]);
  });

  test.each([
    ['meteor', '--chaos: "meteor" is not known; choose from preempt, kill-leader, none'],
    ['', '--chaos: "" is not known; choose from preempt, kill-leader, none'],
    ['preempt,preempt', '--chaos: name each fault once'],
  ])('refuses %j in one line, as a usage error', (text, message) => {
    try {
      parseChaos(text);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ message });
      expect(exitCodeOf(error)).toBe(2);
    }
  });

  test('strikes at 30 % and at 60 %, each once', () => {
    const plan = new ChaosPlan(['kill-leader', 'preempt']);
    expect(plan.due(0, 0)).toEqual([]);
    expect(plan.due(29, 100)).toEqual([]);
    expect(plan.due(30, 100)).toEqual(['preempt']);
    expect(plan.due(31, 100)).toEqual([]);
    expect(plan.due(59, 100)).toEqual([]);
    expect(plan.due(60, 100)).toEqual(['kill-leader']);
    expect(plan.due(100, 100)).toEqual([]);
  });

  test('a job that jumps to its end still gets all its faults, in order', () => {
    expect(new ChaosPlan(['kill-leader', 'preempt']).due(1, 1)).toEqual(['preempt', 'kill-leader']);
  });

  test('takes a spot worker that is up, the first by name', () => {
    const spot = { labels: { capacity: 'spot' } };
    const nodes = [
      node('z', spot),
      node('b', spot),
      node('a', { ...spot, state: 'draining' }),
      node('0', { labels: { capacity: 'on-demand' } }),
    ];
    expect(chooseSpot(nodes)?.node).toBe('b');
    expect(chooseSpot([node('0')])).toBeUndefined();
  });
});
