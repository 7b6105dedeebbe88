import type { MemberId } from '../../../src/coordinator/index.ts';
import type { NodeId, Random } from '../../../src/core/index.ts';
import type { Identity, MemberStore } from '../../../src/node/control/member-store.ts';
import { type Entry, openDiskLog, type RaftLog } from '../../../src/raft/index.ts';
import type { MachineDisk } from '../disks.ts';
import { exponential } from '../plan.ts';
import type { Actor, World } from '../world.ts';

/** Small: disks in memory are zeroed, and copied at a crash. */
const SEGMENT_BYTES = 64 * 1024;

/** What a machine's disk keeps of its part in Raft: the identity whole or not at all, and a log that can lose what wasn't synced. */
export class SimStore {
  /** The log as it was opened last. */
  log: RaftLog | undefined;
  #identity: Identity | undefined;
  readonly #disk: MachineDisk;
  readonly #world: World;
  readonly #actor: Actor;
  readonly #random: Random;
  readonly #clusterId: string;

  constructor(clusterId: string, disk: MachineDisk, world: World, actor: Actor, random: Random) {
    this.#clusterId = clusterId;
    this.#disk = disk;
    this.#world = world;
    this.#actor = actor;
    this.#random = random;
  }

  /** The store as one life of the node has it. */
  open(_node: NodeId): MemberStore {
    const disk = this.#disk;
    const clear = async (): Promise<void> => {
      for (const name of disk.current.list()) disk.current.remove(name);
      await disk.current.syncDirectory();
    };
    const logOf = (id: MemberId, mustExist: boolean): Promise<RaftLog> =>
      openDiskLog({ disk: disk.current, clusterId: this.#clusterId, id, mustExist, segmentBytes: SEGMENT_BYTES });
    return {
      load: () => this.#identity,
      save: async (identity) => {
        await this.#world.wait(exponential(this.#random, disk.syncMs), this.#actor);
        this.#identity = identity;
      },
      create: async (member, entries) => {
        await clear();
        const log = await logOf(member, false);
        await write(log, entries);
      },
      open: async (member) => {
        this.log = await logOf(member, true);
        return this.log;
      },
      clear,
    };
  }
}

async function write(log: RaftLog, entries: readonly Entry[]): Promise<void> {
  const { term = 0, index: commit = 0 } = entries.at(-1) ?? {};
  await log.append({ term, vote: undefined, commit }, entries);
  await log.close();
}
