import { beforeEach, describe, expect, test } from 'vitest';
import { KeepAlive } from '../../../src/cluster/index.ts';
import { type NodeRef, nullLogger, TroupeError } from '../../../src/core/index.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';

const life: NodeRef = { node: 'me', incarnation: 1 };

let clock: ManualClock;
let sent: string[];
/** What becomes of the next sends to a voter. */
let fate: Map<string, () => Promise<void>>;
let keepAlive: KeepAlive;

beforeEach(() => {
  clock = new ManualClock();
  sent = [];
  fate = new Map();
  keepAlive = new KeepAlive({
    voters: () => ['a', 'b'],
    periodMs: 100,
    send: (to, { incarnation }, timeoutMs) => {
      sent.push(`${to}#${incarnation} ${timeoutMs}`);
      return fate.get(to)?.() ?? Promise.resolve();
    },
    clock,
    logger: nullLogger,
  });
});

describe('keep-alives', () => {
  test('are silent without a life, and go to every voter at once and then each period with one', async () => {
    await clock.advance(500);
    expect(sent).toEqual([]);
    keepAlive.life = life;
    expect(sent).toEqual(['a#1 200', 'b#1 200']);
    await clock.advance(300);
    expect(sent).toHaveLength(8);
  });

  test('don’t queue up for a voter that doesn’t answer, and the others don’t wait for it', async () => {
    fate.set('a', () => new Promise(() => undefined));
    keepAlive.life = life;
    await clock.advance(500);
    expect(sent.filter((to) => to.startsWith('a'))).toHaveLength(1);
    expect(sent.filter((to) => to.startsWith('b'))).toHaveLength(6);
  });

  test('go on after any failure, of the network or a defect', async () => {
    fate.set('a', () => Promise.reject(new TroupeError('NODE_UNAVAILABLE', 'gone')));
    fate.set('b', () => Promise.reject(new RangeError('a defect')));
    keepAlive.life = life;
    await clock.advance(200);
    expect(sent).toHaveLength(6);
  });

  test('speak for the newest life, and end when closed, with no timer left', async () => {
    keepAlive.life = life;
    await clock.advance(50);
    keepAlive.life = { node: 'me', incarnation: 2 };
    expect(sent.slice(2)).toEqual(['a#2 200', 'b#2 200']);
    keepAlive.close();
    await clock.advance(500);
    expect(sent).toHaveLength(4);
    expect(clock.pending).toBe(0);
  });
});
