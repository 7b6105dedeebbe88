import { expect } from 'vitest';
import { MemoryLogCluster, raftLog, stateMachineOf } from '../../src/coordinator/index.ts';
import { SeededRandom } from '../../src/core/index.ts';
import { openRaftMember, type RaftMember, type RaftTransport } from '../../src/raft/driver/index.ts';
import { MemoryLog } from '../../src/raft/log/index.ts';
import { ManualClock } from '../../src/testkit/clock.ts';
import { type LogFixture, replicatedLogConformance } from './replicated-log.ts';

replicatedLogConformance('memory', async (ids) => {
  const shared = new MemoryLogCluster();
  const open = new Set<string>();
  const cutOff = new Set<string>();
  const fixture: LogFixture = {
    async open(id, consumer) {
      const log = await shared.join(id, consumer);
      open.add(id);
      if (open.size === ids.length && shared.leader === undefined) shared.elect(ids[0]);
      const close = log.close.bind(log);
      // The log of one process holds no elections of its own.
      log.close = async () => {
        open.delete(id);
        await close();
        if (shared.leader === undefined) shared.elect([...open][0]);
      };
      return log;
    },
    cut(id) {
      shared.lag(id, true);
      cutOff.add(id);
      if (shared.leader === id) shared.elect([...open].find((other) => !cutOff.has(other)));
    },
    mend(id) {
      cutOff.delete(id);
      shared.lag(id, false);
    },
    async until(condition) {
      for (let round = 0; round < 1_000 && !condition(); round++) await Promise.resolve();
      expect(condition()).toBe(true);
    },
    async close() {},
  };
  return fixture;
});

/** Time is moved by the test, and turns of the event loop come by themselves: most of the suite only awaits. */
class TurningClock extends ManualClock {
  override yieldThen(fn: () => void): void {
    queueMicrotask(fn);
  }
}

/** Embedded Raft in virtual time: messages arrive in the next turn, disks are in memory, a member that reopens has lost its own. */
replicatedLogConformance('raft', async (voters) => {
  const clock = new TurningClock();
  const members = new Map<string, RaftMember>();
  const disks = new Map<string, MemoryLog>();
  const cutOff = new Set<string>();
  const transport: RaftTransport = {
    send: (to, messages) =>
      queueMicrotask(() => {
        if (messages.some(({ from }) => !cutOff.has(from)) && !cutOff.has(to)) members.get(to)?.receive(messages);
      }),
    async *fetchSnapshot(from, meta) {
      const member = members.get(from);
      if (member !== undefined) yield* member.readSnapshot(meta.index);
    },
  };
  const fixture: LogFixture = {
    async open(id, consumer) {
      const earlier = disks.get(id);
      const log = new MemoryLog(earlier);
      disks.set(id, log);
      const stateMachine = stateMachineOf(consumer);
      const random = new SeededRandom(voters.indexOf(id) + 1);
      const options = { id, clusterId: 'test', voters, log, transport, stateMachine, clock, random, keepEntries: 0 };
      const member = await openRaftMember(options);
      members.set(id, member);
      const replicated = raftLog(member);
      return {
        ...replicated,
        get role() {
          return replicated.role;
        },
        close: async () => {
          members.delete(id);
          await replicated.close();
        },
      };
    },
    cut: (id) => cutOff.add(id),
    mend: (id) => cutOff.delete(id),
    async until(condition) {
      for (let round = 0; round < 1_000 && !condition(); round++) await clock.advance(10);
      expect(condition()).toBe(true);
    },
    async close() {
      for (const member of members.values()) await member.close();
    },
  };
  return fixture;
});
