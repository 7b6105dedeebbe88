import { expect } from 'vitest';
import { type EtcdLog, type EtcdLogLimits, foundEtcdLog, openEtcdLog } from '../../../../src/coordinator/index.ts';
import { isTroupeError, SeededRandom } from '../../../../src/core/index.ts';
import { ManualClock } from '../../../../src/testkit/clock.ts';
import { RecordingConsumer } from '../../../conformance/replicated-log.ts';
import { MemoryEtcd, type MemoryEtcdClient } from './memory-etcd.ts';

/** One member of a log in virtual time. */
export interface TestMember {
  readonly node: string;
  readonly log: EtcdLog;
  readonly client: MemoryEtcdClient;
  readonly consumer: RecordingConsumer;
}

/** Text as an entry. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The code that a promise fails with, or `done`. */
export function outcome(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => (isTroupeError(error) ? error.code : String(error)),
  );
}

/** A log on etcd's semantics in memory, and its members. */
export class TestCluster {
  readonly clock = new ManualClock();
  readonly etcd = new MemoryEtcd(this.clock);
  readonly members: TestMember[] = [];
  readonly #limits: Partial<EtcdLogLimits>;
  #seed = 0;

  constructor(limits: Partial<EtcdLogLimits> = {}) {
    this.#limits = { keepEntries: 0, ...limits };
  }

  async open(node: string, consumer = new RecordingConsumer()): Promise<TestMember> {
    const { clock } = this;
    const client = this.etcd.client();
    const random = new SeededRandom(++this.#seed);
    await foundEtcdLog(client, '/t/', random);
    const log = await openEtcdLog({ node, etcd: client, prefix: '/t/', consumer, clock, random, limits: this.#limits });
    const member = { node, log, client, consumer };
    this.members.push(member);
    return member;
  }

  async until(condition: () => boolean, stepMs = 10): Promise<void> {
    for (let round = 0; round < 2_000 && !condition(); round++) await this.clock.advance(stepMs);
    expect(condition()).toBe(true);
  }

  /** Opens members until all know who leads; the first of them does. */
  async start(...nodes: readonly string[]): Promise<TestMember[]> {
    const opened: TestMember[] = [];
    for (const node of nodes) {
      opened.push(await this.open(node));
      await this.until(() => opened[0]?.log.role.leading === true);
    }
    await this.until(() => opened.every(({ log }) => log.role.leader === nodes[0]));
    return opened;
  }
}
