import type { PersistedEvent, PersistedSnapshot, PersistenceEngine } from '../../../src/nact/index.ts';

/** An engine that keeps everything in memory, as one written for nact would. */
export class MemoryEngine implements PersistenceEngine {
  readonly kept: PersistedEvent[] = [];
  readonly snapshots: PersistedSnapshot[] = [];
  /** Makes the next event fail. */
  broken = false;

  events(key: string, offset: number): PersistedEvent[] {
    return this.kept.filter((event) => event.key === key).slice(offset);
  }

  async latestSnapshot(key: string): Promise<PersistedSnapshot | undefined> {
    return this.snapshots.findLast((snapshot) => snapshot.key === key);
  }

  async takeSnapshot(snapshot: PersistedSnapshot): Promise<void> {
    this.snapshots.push(snapshot);
  }

  async persist(event: PersistedEvent): Promise<void> {
    if (this.broken) throw new Error('the disk is full');
    this.kept.push(event);
  }
}
