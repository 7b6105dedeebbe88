import { array, assert, integer, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CatchUp } from '../../../../src/raft/consensus/catch-up.ts';
import { Network, type Peer } from './network.ts';

const TICK_BYTES = 40_000;
const ENTRY_BYTES = 1_000;
/** Less isn't sent: the member is caught up but for what is on its way. */
const MESSAGE_BYTES = 32 * 1024;

/** A group whose member `c` lacks `entries` that the others have committed. */
function behind(entries: number): Network {
  const network = new Network(['a', 'b', 'c'], { catchUpBytes: TICK_BYTES, electionTicks: 10 });
  network.elect('a');
  network.partition(['a', 'b'], ['c']);
  grow(network, entries);
  network.partition();
  return network;
}

function grow(network: Network, entries: number): void {
  network.at('a').node.propose(new Array(entries).fill(new Uint8Array(ENTRY_BYTES)));
  network.settle();
}

function lack(network: Network): number {
  return network.at('a').status.commit - matched(network.at('a'), 'c');
}

function matched(leader: Peer, id: string): number {
  return leader.node.progress()?.get(id)?.match ?? 0;
}

/** Ticks until `done`, at most `most`. */
function ticks(network: Network, most: number, done: () => boolean, each: () => void = () => {}): number {
  for (let tick = 1; tick <= most; tick++) {
    each();
    network.tick(1);
    if (done()) return tick;
  }
  return Number.POSITIVE_INFINITY;
}

describe('the ration of a member that is behind', () => {
  test('brings it up within its bound, however the log grows meanwhile', () => {
    const growths = array(integer({ min: 0, max: 300_000 }), { minLength: 1, maxLength: 8 });
    const leasts = integer({ min: 5_000, max: 100_000 });
    assert(
      property(integer({ min: 1, max: 3_000_000 }), growths, leasts, (backlog, growth, least) => {
        const ration = new CatchUp(least);
        const most = Math.max(...growth);
        let lacks = backlog;
        let gained = 0;
        for (let tick = 0; gained < backlog + MESSAGE_BYTES; tick++) {
          const grown = growth[tick % growth.length] as number;
          lacks += grown;
          ration.grew(grown);
          while (ration.bytes > 0 && lacks > 0) {
            const bytes = Math.min(ration.bytes, lacks);
            ration.sent(bytes);
            lacks -= bytes;
          }
          ration.tick();
          gained += Math.max(least, 1.5 * grown) - grown;
        }
        // What has come since, and less than a message, may still have to go.
        expect(lacks).toBeLessThanOrEqual(MESSAGE_BYTES + most);
      }),
    );
  });

  test('is never more than time and growth have brought, and is not saved up', () => {
    const ration = new CatchUp(TICK_BYTES);
    for (let tick = 0; tick < 100; tick++) ration.tick();
    expect(ration.bytes).toBe(TICK_BYTES + MESSAGE_BYTES);
    ration.sent(ration.bytes);
    expect(ration.bytes).toBe(0);
    ration.grew(MESSAGE_BYTES);
    expect(ration.bytes).toBe(1.5 * MESSAGE_BYTES);
    ration.sent(1.5 * MESSAGE_BYTES);
    ration.tick();
    ration.grew(TICK_BYTES);
    ration.tick();
    // Growth brought more than the least: the tick adds nothing.
    expect(ration.bytes).toBe(1.5 * TICK_BYTES);
  });
});

describe('a member that is behind', () => {
  test('is sent a ration with each tick, and what is new as ever when it has caught up', () => {
    const network = behind(1_000);
    network.tick(3);
    const before = lack(network);
    expect(before).toBeGreaterThan(700);
    network.tick(5);
    expect((before - lack(network)) * ENTRY_BYTES).toBeLessThanOrEqual(6 * TICK_BYTES);
    expect(ticks(network, 40, () => lack(network) === 0)).toBeLessThan(40);
    const fresh = network.at('a').status.commit;
    grow(network, 200);
    expect(matched(network.at('a'), 'c')).toBe(fresh + 200);
  });

  test('catches up with a log that grows faster than the least ration', () => {
    const network = behind(1_000);
    const took = ticks(
      network,
      60,
      () => lack(network) * ENTRY_BYTES <= MESSAGE_BYTES,
      () => grow(network, 100),
    );
    // 1,000 entries, and half of 100 more gained with each tick.
    expect(took).toBeLessThan(30);
  });

  test('is sent everything at once when nothing can be committed without it', () => {
    const network = behind(4_000);
    network.tick(2);
    network.at('b').down = true;
    const { commit } = network.at('a').status;
    grow(network, 1);
    expect(ticks(network, 10, () => network.at('a').status.commit > commit)).toBeLessThanOrEqual(5);
  });

  test('is sent everything at once when it is to lead', () => {
    const network = behind(4_000);
    network.tick(2);
    expect(lack(network)).toBeGreaterThan(3_000);
    network.at('a').node.transferLeader('c');
    network.settle();
    expect(network.at('c').status.role).toBe('leader');
  });
});
