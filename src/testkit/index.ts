/** For tests of what you build on Troupe: time that a test turns, seeded randomness, and networks, disks and logs in memory. */

export { MemoryLogCluster } from '../coordinator/index.ts';
export { SeededRandom } from '../core/index.ts';
export { MemoryDisk, MemoryLog } from '../raft/index.ts';
export { MemoryNetwork } from '../remote/index.ts';
export { ManualClock } from './clock.ts';
