import { afterAll, expect, test } from 'vitest';
import { SeededRandom } from '../../../../src/core/index.ts';
import { bytes, outcome, TestCluster, type TestMember } from './members.ts';
import type { Fate } from './memory-etcd.ts';

const SEEDS = Array.from({ length: 60 }, (_, i) => i + 1);
const STEPS = 80;
const FATES: readonly Fate[] = ['repeated', 'unanswered', 'late', 'lost'];
const NODES = ['a', 'b', 'c'];

/** What a test did to a cluster at random, and what its appends came to. */
class Storm {
  readonly cluster = new TestCluster({ snapshotEveryEntries: 15, valueBytesMax: 400 });
  readonly members: Map<string, TestMember> = new Map();
  readonly acknowledged: { readonly index: number; readonly term: number; readonly text: string }[] = [];
  readonly #random: SeededRandom;
  #texts = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  async step(): Promise<void> {
    const { cluster } = this;
    const at = this.#random.int(0, 100);
    const member = this.#pick([...this.members.values()]);
    const leader = [...this.members.values()].find(({ log }) => log.role.leading);
    if (at < 50) {
      for (let i = this.#random.int(1, 6); i > 0; i--) this.#append(leader ?? member);
      await cluster.clock.settle();
    } else if (at < 60 && leader !== undefined) this.#disturb(leader);
    else if (at < 68) member.client.cut = !member.client.cut;
    else if (at < 74) member.client.arrive();
    else if (at < 80 && leader !== undefined) void outcome(leader.log.transferLeadership(this.#pick(NODES)));
    else if (at < 84 && leader !== undefined) void outcome(leader.log.compact());
    else if (at < 87) await this.reopen(member.node);
    else await cluster.clock.advance(this.#random.int(1, this.#random.next() < 0.2 ? 4_000 : 200));
  }

  /** The member's process dies and comes back with nothing. */
  async reopen(node: string): Promise<void> {
    const before = this.members.get(node);
    if (before !== undefined) {
      before.client.cut = true;
      before.client.close();
    }
    this.members.set(node, await this.cluster.open(node));
  }

  calm(): void {
    for (const { client } of this.members.values()) {
      client.cut = false;
      client.fate = () => 'answered';
    }
  }

  /** The leader's next writes meet a fate each. */
  #disturb({ client }: TestMember): void {
    let left = this.#random.int(1, 4);
    client.fate = () => (left-- > 0 ? this.#pick(FATES) : 'answered');
  }

  #append({ log }: TestMember): void {
    const text = `${++this.#texts}-${'x'.repeat(this.#random.int(0, 8) === 0 ? 900 : 5)}`;
    log.append(bytes(text)).then(
      ({ index, term }) => this.acknowledged.push({ index, term, text }),
      () => undefined,
    );
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random.int(0, list.length)] as T;
  }
}

let total = 0;
// A storm that stops everything would prove nothing.
afterAll(() => expect(total).toBeGreaterThan(SEEDS.length * 20));

test.each(SEEDS)(
  'whatever etcd and the way to it do, seed %d: what is acknowledged is there, once, in one order',
  async (seed) => {
    const storm = new Storm(seed);
    const { cluster, members, acknowledged } = storm;
    for (const node of NODES) await storm.reopen(node);
    await cluster.until(() => [...members.values()].some(({ log }) => log.role.leading));
    for (let step = 0; step < STEPS; step++) await storm.step();
    storm.calm();
    let end: number | undefined;
    for (let round = 0; round < 50 && end === undefined; round++) {
      await cluster.clock.advance(1_000);
      for (const { client } of members.values()) client.arrive();
      const leader = [...members.values()].find(({ log }) => log.role.leading);
      leader?.log.append(bytes('end')).then(
        ({ index }) => {
          end ??= index;
        },
        () => undefined,
      );
    }
    expect(end, 'the log can be written again').toBeDefined();
    await cluster.until(() => {
      const applied = [...members.values()].map(({ consumer }) => consumer.appliedIndex);
      return applied.every((index) => index >= (end as number) && index === applied[0]);
    });
    const [first, ...others] = [...members.values()].map(({ consumer }) => consumer.entries);
    for (const entries of others) expect(entries).toEqual(first);
    const texts = (first ?? []).map(({ text }) => text).filter((text) => text !== 'end');
    expect(new Set(texts).size).toBe(texts.length);
    expect(first).toEqual(expect.arrayContaining(acknowledged));
    total += acknowledged.length;
  },
);
