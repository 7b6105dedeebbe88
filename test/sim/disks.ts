import { type Random, TroupeError } from '../../src/core/index.ts';
import { MemoryDisk } from '../../src/raft/index.ts';
import { exponential, type Plan } from './plan.ts';
import type { Actor, World } from './world.ts';

/** The disk of one machine: takes its time, and fails as it is told to. */
export class MachineDisk {
  /** The directory of the log, of this life of the machine. */
  current: MemoryDisk;
  /** Mean time of a sync, ms. */
  syncMs: number;
  /** Called when a sync begins: what it covers is written, and not durable. */
  onSync: () => void = () => {};
  /** A fault that a log must stop for has happened since the machine started. */
  troubled = false;
  /** What was durable has been damaged or taken away: from now on the log must refuse to start. */
  damaged = false;
  #failSync = false;
  #failWork = false;
  readonly #world: World;
  readonly #actor: Actor;
  readonly #random: Random;
  readonly #sectorBytes: number;

  constructor(
    world: World,
    actor: Actor,
    random: Random,
    { syncMs, sectorBytes }: Pick<Plan, 'syncMs' | 'sectorBytes'>,
  ) {
    this.#world = world;
    this.#actor = actor;
    this.#random = random;
    this.syncMs = syncMs;
    this.#sectorBytes = sectorBytes;
    this.current = this.#empty();
  }

  /** The power goes. @param mercy whether part of what wasn't synced survives, drawn for each sector */
  crash(mercy: boolean): void {
    this.current = this.current.crash(mercy ? this.#random : undefined);
    this.#mended();
  }

  /** The process dies. */
  kill(): void {
    this.current = this.current.kill();
    this.#mended();
  }

  /** The next sync fails: what it was to make durable may be lost for good. */
  breakSync(): void {
    this.#failSync = true;
    this.troubled = true;
  }

  /** The next write or read fails. */
  breakWork(): void {
    this.#failWork = true;
    this.troubled = true;
  }

  /** Leaves room for a few writes more. */
  fill(): void {
    this.current.capacityBytes = this.current.usedBytes + this.#random.int(0, 4_096);
    this.troubled = true;
  }

  /** An empty disk in the old one's place. */
  wipe(): void {
    this.current.kill();
    this.current = this.#empty();
    this.damaged = true;
  }

  /** Flips a bit of something that was durable and that later writes followed. @returns whether there was such a thing */
  flip(): boolean {
    const files = this.current.list().flatMap((name) => {
      const bytes = name.endsWith('.wal') ? this.current.settledBytes(name) : 0;
      return bytes > 0 ? [{ name, bytes }] : [];
    });
    const file = files[this.#random.int(0, files.length)];
    if (file === undefined) return false;
    this.current.flipBit(file.name, this.#random.int(0, file.bytes), this.#random.int(0, 8));
    this.damaged = true;
    return true;
  }

  #mended(): void {
    this.#failSync = false;
    this.#failWork = false;
    this.troubled = false;
    this.current.capacityBytes = Number.POSITIVE_INFINITY;
  }

  #empty(): MemoryDisk {
    return new MemoryDisk({
      sectorBytes: this.#sectorBytes,
      beforeSync: () => this.#sync(),
      beforeWork: () => this.#work(),
    });
  }

  async #sync(): Promise<void> {
    const life = this.#actor.life;
    this.onSync();
    await this.#world.wait(exponential(this.#random, this.syncMs), this.#actor);
    if (!this.#failSync || life !== this.#actor.life) return;
    this.#failSync = false;
    throw new TroupeError('LOG_POISONED', 'the disk says EIO');
  }

  #work(): void {
    if (!this.#failWork) return;
    this.#failWork = false;
    throw new TroupeError('LOG_POISONED', 'the disk says EIO');
  }
}
